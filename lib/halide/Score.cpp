// Loads of captured tensors inside score and mask functions.
#include "lib/halide/Families.h"
#include "lib/halide/Math.h"
#include "lib/halide/ScoreLoads.h"

using namespace mlir;
using Halide::Expr;

namespace fovea {

namespace {

struct ScoreLoadLowering : PointLowering::ExternalModel<ScoreLoadLowering, ScoreLoadOp> {
  Expr lowerPoint(Operation *operation, KernelLowering &kernel, Coordinates) const {
    auto load = cast<ScoreLoadOp>(operation);
    Expr element = kernel.load(load.getCapture(), captureIndices(kernel, load.getCapture(), load.getIndices()));
    return math::convert(kernel.type(load.getType().getElementType()), element, kernel.onDevice());
  }
};

} // namespace

void registerScoreLowerings(MLIRContext *context) { ScoreLoadOp::attachInterface<ScoreLoadLowering>(*context); }

} // namespace fovea
