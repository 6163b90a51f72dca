// Tensors without elements: what is computed to have none is a constant, and so is what is computed from none. After
// this, ops that remain read elements and write some.
#include "lib/rewrite/Rewrite.h"

#include "dialect/ops/Term.h"

#include <limits>

using namespace mlir;

namespace fovea {
namespace {

bool isEmpty(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && llvm::is_contained(type.getShape(), 0);
}

/// What an op gives that reads nothing, where it has elements all the same.
std::optional<double> valueOfNothing(Operation *op) {
  constexpr double lowest = -std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  if (isa<SumOp, MatmulOp, Conv2dOp, Conv2dInputGradOp, Conv2dWeightGradOp, FoldOp>(op)) return 0;
  if (isa<ProdOp>(op)) return 1;
  if (isa<MaxOp, LogSumExpOp>(op)) return lowest;
  if (auto pad = dyn_cast<PadOp>(op)) return pad.getValue().convertToDouble();
  if (auto gather = dyn_cast<GatherOp>(op))
    return gather.getZeroOutside() || !isFloat(gather.getType().getElementType()) ? 0 : nan;
  return std::nullopt;
}

struct Empty : RewritePattern {
  explicit Empty(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!isa_and_nonnull<FoveaDialect>(op->getDialect()) || op->hasTrait<Structural>() || op->getNumResults() == 0)
      return failure();
    // One that is filled already.
    if (auto broadcast = dyn_cast<BroadcastOp>(op); broadcast && !isEmpty(broadcast.getX())) return failure();
    if (llvm::all_of(op->getResults(), isEmpty)) {
      SmallVector<Value> values;
      for (Value result : op->getResults()) values.push_back(filled(rewriter, op->getLoc(), typeOf(result), 0));
      rewriter.replaceOp(op, values);
      return success();
    }
    if (llvm::none_of(op->getOperands(), isEmpty)) return failure();
    if (auto concat = dyn_cast<ConcatOp>(op)) {
      SmallVector<Value> parts;
      for (Value part : concat.getInputs())
        if (!isEmpty(part)) parts.push_back(part);
      rewriter.replaceOpWithNewOp<ConcatOp>(op, parts, concat.getAxis());
      return success();
    }
    if (auto scatter = dyn_cast<ScatterOp>(op)) {
      rewriter.replaceOp(op, scatter.getX());
      return success();
    }
    std::optional<double> number = valueOfNothing(op);
    if (!number) return failure();
    rewriter.replaceOp(op, filled(rewriter, op->getLoc(), typeOf(op->getResult(0)), *number));
    return success();
  }
};

} // namespace

void addFoldEmpty(RewritePatternSet &patterns) { patterns.add<Empty>(patterns.getContext()); }

LogicalResult checkNonempty(func::FuncOp function) {
  WalkResult result = function.walk([](Operation *op) {
    bool computes = isa_and_nonnull<FoveaDialect>(op->getDialect()) && !op->hasTrait<Structural>();
    for (Value operand : op->getOperands())
      if (computes && isEmpty(operand)) {
        op->emitError(op->getName().stripDialect())
            << " of " << shapeText(typeOf(operand)) << ", which has no elements, has no value: give it some";
        return WalkResult::interrupt();
      }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

} // namespace fovea
