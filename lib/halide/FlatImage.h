// Images as convolutions read them: padded and flat, row after row, so that an element of the window is the same run of
// pixels further on.
#pragma once

#include "lib/halide/Lowering.h"
#include "lib/kernels/schedule/Convolution.h"

namespace fovea {

/// The pixels of x (n, c, h, w) in blocks of rows: a Func of pixel, phase, channel, group, image and block, zero beyond
/// the image. A block begins `rows` rows of the grid after the one before.
class FlatImage {
public:
  FlatImage(KernelLowering &kernel, mlir::Value x, const FlatConvolution &flat, int rows);

  Halide::Expr operator()(Halide::Expr pixel, Halide::Expr phase, Halide::Expr channel, Halide::Expr group,
                          Halide::Expr image, Halide::Expr block) const {
    return func(pixel, phase, channel, group, image, block);
  }

  /// For the one image, block and group that a loop needs.
  void computeAt(const Halide::LoopLevel &loop, int64_t pixels);

private:
  int lanes;
  Halide::Func func;
  Halide::RDom r;
  Halide::Var pixel{"pixel"}, phase{"phase"}, channel{"channel"}, group{"group"}, image{"image"}, block{"block"};
};

} // namespace fovea
