// The rewrite pass: all patterns to a fixed point, with folds, then common subexpressions.
#include "lib/rewrite/Rewrite.h"
#include "lib/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace fovea {

#define GEN_PASS_DEF_REWRITEPASS
#include "lib/Passes.h.inc"

Operation *cloneOver(PatternRewriter &rewriter, Operation *op, ValueRange operands, RankedTensorType type) {
  SmallVector<Type> types{type};
  if (auto inferring = dyn_cast<InferTypeOpInterface>(op)) {
    types.clear();
    if (failed(inferring.inferReturnTypes(op->getContext(), op->getLoc(), operands, op->getDiscardableAttrDictionary(),
                                          op->getPropertiesStorage(), op->getRegions(), types)))
      return nullptr;
  }
  Operation *copy = rewriter.clone(*op);
  copy->setOperands(operands);
  for (auto [result, type] : llvm::zip(copy->getResults(), types)) result.setType(type);
  return copy;
}

namespace {
struct RewritePass : impl::RewritePassBase<RewritePass> {
  void runOnOperation() override {
    RewritePatternSet empty(&getContext()), patterns(&getContext());
    addFoldEmpty(empty);
    addFoldScales(patterns);
    addHoistSlices(patterns);
    addJoinPads(patterns);
    addJoinProducts(patterns);
    addMergeTransposes(patterns);
    addPatchConvolution(patterns);
    addSinkReshapes(patterns);
    FrozenRewritePatternSet first(std::move(empty)), frozen(std::move(patterns));
    for (func::FuncOp function : getOperation().getOps<func::FuncOp>()) {
      if (function.isDeclaration()) continue;
      if (failed(applyPatternsGreedily(function, first)) || failed(checkNonempty(function)) ||
          failed(applyPatternsGreedily(function, frozen)))
        return signalPassFailure();
      IRRewriter rewriter(&getContext());
      DominanceInfo dominance(function);
      eliminateCommonSubExpressions(rewriter, dominance, function);
    }
    if (auto stage = getOperation()->getAttrOfType<StringAttr>("fovea.stage"); stage && stage.getValue() == "grad")
      getOperation()->setAttr("fovea.stage", StringAttr::get(&getContext(), "optimized"));
  }
};
} // namespace
} // namespace fovea
