// Loads of captured tensors inside score and mask functions.
#include "lib/halide/Families.h"
#include "lib/halide/Math.h"

using namespace mlir;
using Halide::Expr;

namespace fovea {

std::vector<Expr> captureIndices(KernelLowering &kernel, Value capture, ValueRange indices) {
  std::vector<Expr> result;
  for (auto [d, index] : llvm::enumerate(indices)) {
    Expr at = kernel.load(index, {}), last = Halide::cast(at.type(), kernel.extent(capture, d) - 1);
    result.push_back(Halide::cast<int32_t>(clamp(at, Halide::Internal::make_zero(at.type()), last)));
  }
  return result;
}

namespace {

struct ScoreLoadLowering : PointLowering::ExternalModel<ScoreLoadLowering, ScoreLoadOp> {
  Expr lowerPoint(Operation *operation, KernelLowering &kernel, Coordinates) const {
    auto load = cast<ScoreLoadOp>(operation);
    Expr element = kernel.load(load.getCapture(), captureIndices(kernel, load.getCapture(), load.getIndices()));
    return math::convert(kernel.type(load.getType().getElementType()), element);
  }
};

} // namespace

void registerScoreLowerings(MLIRContext *context) { ScoreLoadOp::attachInterface<ScoreLoadLowering>(*context); }

} // namespace fovea
