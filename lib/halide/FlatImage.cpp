// Copies images into their flat form.
#include "lib/halide/FlatImage.h"

using namespace mlir;
using Halide::Expr;

namespace fovea {

FlatImage::FlatImage(KernelLowering &kernel, Value x, const FlatConvolution &flat, int rows)
    : lanes((int)kernel.schedule().getVector()), func(kernel.func("flat")) {
  auto type = cast<RankedTensorType>(x.getType());
  int height = (int)type.getDimSize(2), width = (int)type.getDimSize(3), pitch = (int)flat.pitch();
  int step = (int)flat.step[1], first = (int)flat.first[1];
  // Columns that lie in the image in some phase.
  int begin = std::max(0, -first / step), end = std::min(pitch, (width - 1 - first) / step + 1);
  r = kernel.reduction("r", {std::max(1, end - begin), rows + (int)flat.span[0]});
  Expr row = (block * rows + r.y) * (int)flat.step[0] + phase / step + (int)flat.first[0];
  Expr column = (r.x + begin) * step + phase % step + first;
  bool dense = step == 1 && end > begin;
  Expr element = kernel.load(x, {Expr(image), group * (int)flat.channels + channel, clamp(row, 0, height - 1),
                                 dense ? column : clamp(column, 0, width - 1)});
  Expr zero = Halide::Internal::make_zero(element.type());
  if (!dense) element = select(column >= 0 && column < width, element, zero);
  r.where(row >= 0 && row < height);
  func(pixel, phase, channel, group, image, block) = zero;
  func(r.y * pitch + r.x + begin, phase, channel, group, image, block) = element;
}

void FlatImage::computeAt(const Halide::LoopLevel &loop, int64_t pixels) {
  func.compute_at(loop).bound(pixel, 0, (int)llvm::alignTo(pixels, lanes)).vectorize(pixel, lanes);
  func.bound_extent(group, 1).bound_extent(image, 1).bound_extent(block, 1);
  func.update().allow_race_conditions().vectorize(r.x, lanes, Halide::TailStrategy::GuardWithIf);
}

} // namespace fovea
