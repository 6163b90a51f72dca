// A sum of pads that fill an axis without overlap, as the gradients of slices make, is a concat.
#include "lib/rewrite/Rewrite.h"

#include "dialect/Ops.h"

using namespace mlir;

namespace fovea {
namespace {

/// The pads that a sum adds up; false if it adds anything else.
bool collectPads(Value value, SmallVectorImpl<PadOp> &pads) {
  if (auto pad = value.getDefiningOp<PadOp>()) {
    pads.push_back(pad);
    return pad.getStep() == 1 && pad.getValue().isZero();
  }
  auto add = value.getDefiningOp<AddOp>();
  return add && add.getA().getType() == add.getB().getType() && collectPads(add.getA(), pads) &&
         collectPads(add.getB(), pads);
}

struct SumToConcat : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AddOp add, PatternRewriter &rewriter) const override {
    SmallVector<PadOp> pads;
    if (!collectPads(add, pads)) return failure();
    llvm::sort(pads, [](PadOp a, PadOp b) { return a.getLow() < b.getLow(); });
    int64_t axis = pads[0].getAxis(), next = 0;
    SmallVector<Value> parts;
    for (PadOp pad : pads) {
      if ((int64_t)pad.getAxis() != axis || (int64_t)pad.getLow() != next) return failure();
      next += pad.getX().getType().getDimSize(axis);
      parts.push_back(pad.getX());
    }
    if (next != add.getType().getDimSize(axis)) return failure();
    rewriter.replaceOpWithNewOp<ConcatOp>(add, parts, axis);
    return success();
  }
};

} // namespace

void addJoinPads(RewritePatternSet &patterns) { patterns.add<SumToConcat>(patterns.getContext()); }

} // namespace fovea
