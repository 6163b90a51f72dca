// Moves reshapes below elementwise and row ops, so that these stand next to the product before them and fuse with it.
#include "lib/rewrite/Rewrite.h"

#include "dialect/Ops.h"
#include "dialect/Shape.h"

using namespace mlir;

namespace fovea {
namespace {

/// x's shape with another element type.
RankedTensorType like(RankedTensorType shape, Type element) {
  return RankedTensorType::get(shape.getShape(), element, shape.getEncoding());
}

bool sameShape(RankedTensorType a, RankedTensorType b) { return dimsOf(a) == dimsOf(b); }

/// Whether the last dimension passes through the reshape as it is.
bool keepsLast(ReshapeOp reshape) {
  auto from = dimsOf(reshape.getX().getType()).getSizes(), to = dimsOf(reshape.getType()).getSizes();
  return !from.empty() && !to.empty() && constantSize(from.back()) && constantSize(from.back()) == constantSize(to.back());
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
      if (auto candidate = operand.getDefiningOp<ReshapeOp>(); candidate && sameShape(candidate.getType(), result)) reshape = candidate;
    // Only towards fewer dimensions: otherwise two operands could push each other's reshapes back and forth.
    if (!reshape || reshape.getX().getType().getRank() >= result.getRank()) return failure();
    RankedTensorType below = reshape.getX().getType();
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      if (!sameShape(typeOf(operand), result) && !passes(typeOf(operand), reshape)) return failure();
    for (Value operand : op->getOperands())
      operands.push_back(sameShape(typeOf(operand), result)
                             ? ReshapeOp::create(rewriter, op->getLoc(), like(below, typeOf(operand).getElementType()), operand).getResult()
                             : operand);
    OperationState state(op->getLoc(), op->getName(), operands, {like(below, result.getElementType())}, op->getAttrs());
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

/// Row ops with one result type per operand shape: softmax, layer_norm and sums over the last dimension.
struct SinkBelowLayerNorm : OpRewritePattern<LayerNormOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LayerNormOp norm, PatternRewriter &rewriter) const override {
    auto reshape = norm.getX().getDefiningOp<ReshapeOp>();
    if (!reshape || !keepsLast(reshape)) return failure();
    auto sunk = LayerNormOp::create(rewriter, norm.getLoc(), reshape.getX(), norm.getScale(), norm.getBias(), norm.getEpsilon());
    SmallVector<Value> results;
    for (auto [result, below] : llvm::zip(norm.getResults(), sunk.getResults()))
      results.push_back(ReshapeOp::create(rewriter, norm.getLoc(), result.getType(), below));
    rewriter.replaceOp(norm, results);
    return success();
  }
};

struct SinkBelowSoftmax : OpRewritePattern<SoftmaxOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SoftmaxOp softmax, PatternRewriter &rewriter) const override {
    auto reshape = softmax.getX().getDefiningOp<ReshapeOp>();
    if (!reshape || !keepsLast(reshape)) return failure();
    Value sunk = SoftmaxOp::create(rewriter, softmax.getLoc(), reshape.getX());
    rewriter.replaceOpWithNewOp<ReshapeOp>(softmax, softmax.getType(), sunk);
    return success();
  }
};

struct SinkBelowSum : OpRewritePattern<SumOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SumOp sum, PatternRewriter &rewriter) const override {
    auto reshape = sum.getX().getDefiningOp<ReshapeOp>();
    int64_t last = sum.getX().getType().getRank() - 1;
    if (!reshape || !keepsLast(reshape) || sum.getAxes() != ArrayRef<int64_t>{last}) return failure();
    Value sunk = SumOp::create(rewriter, sum.getLoc(), reshape.getX(), ArrayRef<int64_t>{reshape.getX().getType().getRank() - 1}, sum.getKeep());
    rewriter.replaceOpWithNewOp<ReshapeOp>(sum, sum.getType(), sunk);
    return success();
  }
};

} // namespace

void addSinkReshapes(RewritePatternSet &patterns) {
  patterns.add<SinkBelowPoint, SinkBelowLayerNorm, SinkBelowSoftmax, SinkBelowSum>(patterns.getContext());
}

} // namespace fovea
