// Moves slices that take at most half of an axis above ops that compute each element, row or query by itself: what is
// not taken is not computed, as in the last block of a transformer that classifies by one token.
#include "lib/rewrite/Rewrite.h"

#include "dialect/Ops.h"
#include "dialect/Shape.h"
#include "dialect/ops/RowSum.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace fovea {
namespace {

/// Whether nothing but its one user reads what the op gives.
bool hasOneReader(Operation *op) {
  return op->getResult(0).hasOneUse() &&
         llvm::all_of(llvm::drop_begin(op->getResults()), [](Value other) { return other.use_empty(); });
}

struct HoistSlice : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SliceOp slice, PatternRewriter &rewriter) const override {
    RankedTensorType type = slice.getX().getType();
    int64_t axis = slice.getAxis(), size = slice.getSize();
    Operation *op = slice.getX().getDefiningOp();
    if (!op || !hasOneReader(op) || axis == type.getRank() - 1 || 2 * size > type.getDimSize(axis))
      return failure();
    Value result = llvm::TypeSwitch<Operation *, Value>(op)
                       .Case([&](ReshapeOp reshape) { return aboveReshape(slice, reshape, rewriter); })
                       .Case([&](TransposeOp transpose) {
                         ArrayRef<int64_t> order = transpose.getPermutation();
                         return TransposeOp::create(rewriter, op->getLoc(),
                                                    take(slice, transpose.getX(), order[axis], rewriter), order);
                       })
                       .Case([&](AttentionOp attention) { return aboveAttention(slice, attention, rewriter); })
                       .Default([&](Operation *op) { return aboveElementsOrRows(slice, op, rewriter); });
    if (!result) return failure();
    rewriter.replaceOp(slice, result);
    return success();
  }

private:
  static Value take(SliceOp slice, Value x, int64_t axis, PatternRewriter &rewriter) {
    return SliceOp::create(rewriter, slice.getLoc(), x, axis, slice.getStart(), slice.getSize(), slice.getStep());
  }

  /// Queries, where each finds the keys that it sees by its place alone.
  static Value aboveAttention(SliceOp slice, AttentionOp op, PatternRewriter &rewriter) {
    constexpr int64_t queries = 2;
    bool hasFunctions = !op.getScore().empty() || !op.getMask().empty();
    if (slice.getAxis() != queries || slice.getStep() != 1 || hasFunctions || op.getRandomKey()) return {};
    SmallVector<Value> operands = llvm::to_vector(op->getOperands());
    operands[0] = take(slice, op.getQuery(), queries, rewriter);
    auto copy = cast_or_null<AttentionOp>(cloneOver(rewriter, op, operands, slice.getType()));
    if (!copy) return {};
    copy.setOffset(copy.getOffset() + slice.getStart());
    return copy->getResult(0);
  }

  /// Elements, of operands that broadcast along the axis or not; or rows, of the first operand.
  static Value aboveElementsOrRows(SliceOp slice, Operation *op, PatternRewriter &rewriter) {
    int64_t axis = slice.getAxis(), rank = slice.getType().getRank();
    SmallVector<Value> operands = llvm::to_vector(op->getOperands());
    if (isRowAnchor(op)) {
      operands[0] = take(slice, operands[0], axis, rewriter);
    } else if (op->hasTrait<Elementwise>()) {
      for (Value &operand : operands) {
        int64_t own = axis - (rank - typeOf(operand).getRank());
        if (own >= 0 && typeOf(operand).getDimSize(own) != 1) operand = take(slice, operand, own, rewriter);
      }
    } else {
      return {};
    }
    Operation *copy = cloneOver(rewriter, op, operands, slice.getType());
    return copy ? copy->getResult(0) : Value();
  }

  /// A reshape that has the axis on both sides; or one of rows (m, n) to (.., n) with what computes them.
  static Value aboveReshape(SliceOp slice, ReshapeOp reshape, PatternRewriter &rewriter) {
    Shapes shapes(reshape.getContext());
    SmallVector<AffineExpr> from = shapes.of(reshape.getX()), to = shapes.of(reshape.getType());
    int64_t axis = slice.getAxis();
    AffineExpr before = shapes.product(ArrayRef(to).take_front(axis));
    for (auto [d, size] : llvm::enumerate(from))
      if (size == to[axis] && shapes.product(ArrayRef(from).take_front(d)) == before)
        return ReshapeOp::create(rewriter, reshape.getLoc(), slice.getType(), take(slice, reshape.getX(), d, rewriter));

    Operation *op = reshape.getX().getDefiningOp();
    if (from.size() != 2 || from.back() != to.back() || !op || !hasOneReader(op)) return {};
    SmallVector<bool> hasRows = operandsWithRows(op);
    if (!llvm::is_contained(hasRows, true)) return {};
    SmallVector<AffineExpr> taken = shapes.of(slice.getType());
    AffineExpr rows = shapes.product(ArrayRef(taken).drop_back());
    SmallVector<Value> operands = llvm::to_vector(op->getOperands());
    for (auto [operand, has] : llvm::zip(operands, hasRows)) {
      if (!has) continue;
      Type element = typeOf(operand).getElementType();
      AffineExpr columns = shapes.of(operand).back();
      to.back() = columns;
      Value apart = ReshapeOp::create(rewriter, reshape.getLoc(), shapes.tensor(to, element), operand);
      operand = ReshapeOp::create(rewriter, reshape.getLoc(), shapes.tensor({rows, columns}, element),
                                  take(slice, apart, axis, rewriter));
    }
    Operation *copy =
        cloneOver(rewriter, op, operands, shapes.tensor({rows, from.back()}, slice.getType().getElementType()));
    return copy ? ReshapeOp::create(rewriter, reshape.getLoc(), slice.getType(), copy->getResult(0)).getResult()
                : Value();
  }

  /// Which operands of an op that gives rows (m, n) are such rows, and are read for their own row alone; none where
  /// something else is read.
  static SmallVector<bool> operandsWithRows(Operation *op) {
    SmallVector<bool> result(op->getNumOperands(), false);
    if (auto matmul = dyn_cast<MatmulOp>(op)) {
      result[0] = !matmul.getTransposeA();
      return result;
    }
    if (isRowAnchor(op)) result[0] = true;
    if (!op->hasTrait<Elementwise>()) return result;
    for (auto [operand, has] : llvm::zip(op->getOperands(), result)) {
      has = dimsOf(typeOf(operand)) == dimsOf(typeOf(op->getResult(0)));
      if (!has && typeOf(operand).getRank() > 1) return SmallVector<bool>(op->getNumOperands(), false);
    }
    return result;
  }
};

} // namespace

void addHoistSlices(RewritePatternSet &patterns) { patterns.add<HoistSlice>(patterns.getContext()); }

} // namespace fovea
