// Moves reshapes below elementwise and row ops, so that these stand next to the product before them and fuse with it.
#include "lib/rewrite/Rewrite.h"

#include "dialect/Ops.h"
#include "dialect/Shape.h"
#include "dialect/ops/RowSum.h"

using namespace mlir;

namespace fovea {
namespace {

bool sameShape(RankedTensorType a, RankedTensorType b) { return dimsOf(a) == dimsOf(b); }

/// Whether the last dimension passes through the reshape as it is.
bool keepsLast(ReshapeOp reshape) {
  auto from = dimsOf(reshape.getX().getType()).getSizes(), to = dimsOf(reshape.getType()).getSizes();
  return !from.empty() && !to.empty() && constantSize(from.back()) &&
         constantSize(from.back()) == constantSize(to.back());
}

/// Elementwise ops: every operand has the result's shape, or broadcasts along rows only.
struct SinkBelowPoint : RewritePattern {
  explicit SinkBelowPoint(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    // Dropout draws by row-major index, which a reshape keeps.
    if (!op->hasTrait<Elementwise>() && !isa<DropoutOp>(op)) return failure();
    RankedTensorType result = typeOf(op->getResult(0));
    ReshapeOp reshape;
    for (Value operand : op->getOperands())
      if (auto candidate = operand.getDefiningOp<ReshapeOp>(); candidate && sameShape(candidate.getType(), result))
        reshape = candidate;
    // Only towards fewer dimensions: otherwise two operands could push each other's reshapes back and forth.
    if (!reshape || reshape.getX().getType().getRank() >= result.getRank()) return failure();
    RankedTensorType below = reshape.getX().getType();
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      if (!sameShape(typeOf(operand), result) && !passes(typeOf(operand), reshape)) return failure();
    for (Value operand : op->getOperands())
      operands.push_back(
          sameShape(typeOf(operand), result)
              ? ReshapeOp::create(rewriter, op->getLoc(), below.clone(typeOf(operand).getElementType()), operand)
                    .getResult()
              : operand);
    OperationState state(op->getLoc(), op->getName(), operands, {below.clone(result.getElementType())}, op->getAttrs());
    Operation *sunk = rewriter.create(state);
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, result, sunk->getResult(0));
    return success();
  }

  /// Scalars, and vectors over a last dimension that the reshape keeps, broadcast alike before and after it.
  static bool passes(RankedTensorType operand, ReshapeOp reshape) {
    if (operand.getRank() == 0) return true;
    return operand.getRank() == 1 && keepsLast(reshape);
  }
};

/// Ops along the last dimension of their first operand, all of whose results have its rows.
struct SinkBelowRows : RewritePattern {
  explicit SinkBelowRows(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!isRowAnchor(op) && !isa<CumsumOp, LogSumExpOp>(op)) return failure();
    auto reshape = op->getOperand(0).getDefiningOp<ReshapeOp>();
    if (!reshape || !keepsLast(reshape)) return failure();
    SmallVector<Value> operands = llvm::to_vector(op->getOperands());
    operands[0] = reshape.getX();
    Operation *sunk = cloneOver(rewriter, op, operands, reshape.getX().getType());
    if (!sunk) return failure();
    SmallVector<Value> results;
    for (auto [below, result] : llvm::zip(sunk->getResults(), op->getResults()))
      results.push_back(ReshapeOp::create(rewriter, op->getLoc(), result.getType(), below));
    rewriter.replaceOp(op, results);
    return success();
  }
};

struct SinkBelowSum : OpRewritePattern<SumOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SumOp sum, PatternRewriter &rewriter) const override {
    auto reshape = sum.getX().getDefiningOp<ReshapeOp>();
    int64_t last = sum.getX().getType().getRank() - 1;
    if (!reshape || !keepsLast(reshape) || sum.getAxes() != ArrayRef<int64_t>{last}) return failure();
    Value sunk = SumOp::create(rewriter, sum.getLoc(), reshape.getX(),
                               ArrayRef<int64_t>{reshape.getX().getType().getRank() - 1}, sum.getKeep());
    rewriter.replaceOpWithNewOp<ReshapeOp>(sum, sum.getType(), sunk);
    return success();
  }
};

} // namespace

void addSinkReshapes(RewritePatternSet &patterns) {
  patterns.add<SinkBelowPoint, SinkBelowRows, SinkBelowSum>(patterns.getContext());
}

} // namespace fovea
