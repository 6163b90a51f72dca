// The geometry of convolutions over flat images: padded, row after row, so that an element of the window is the same
// run of pixels further on. Shared by the heuristic and the lowering.
#pragma once

#include "dialect/Ops.h"

#include <array>

namespace fovea {

/// result(n, o, i, j) = the sum over c and the window of weight * image, where pixels (i, j) are on a grid: every
/// `phases`-th, so that one window serves all of a phase; and the image's rows and columns are every `step`-th, from
/// `first` on.
struct FlatConvolution {
  using Pair = std::array<int64_t, 2>; // of rows, of columns
  int64_t groups, outputs, channels;   // of the result and of the image, in one group
  Pair size, kernel, window, dilation; // with phases, the window has the elements of the kernel that one of them sees
  Pair phases = {1, 1}, step = {1, 1}, first = {0, 0};
  std::optional<Pair> padding; // of a gradient: its window runs backwards
  Pair span = {0, 0};          // how far the window reaches on the flat image

  Pair grid() const { return {(size[0] + phases[0] - 1) / phases[0], (size[1] + phases[1] - 1) / phases[1]}; }
  int64_t pitch() const { return grid()[1] + span[1]; }
  /// From the first to the last of so many rows of the result.
  int64_t pixels(int64_t rows) const { return (rows - 1) * pitch() + grid()[1]; }
  /// Of a channel of the flat image that so many rows read.
  int64_t imagePixels(int64_t rows) const { return (rows + span[0]) * pitch() * step[0] * step[1]; }

  /// conv2d; also the form of x for its gradient for the weight.
  template <typename Op> static FlatConvolution forward(Op op, RankedTensorType weight, RankedTensorType result);
  /// Its gradient for the input; nothing where both stride and dilation are more than 1.
  static std::optional<FlatConvolution> backward(Conv2dInputGradOp op);
};

template <typename Op>
FlatConvolution FlatConvolution::forward(Op op, RankedTensorType weight, RankedTensorType result) {
  FlatConvolution flat;
  flat.groups = op.getGroups();
  flat.outputs = weight.getDimSize(0) / flat.groups;
  flat.channels = weight.getDimSize(1);
  for (int d : {0, 1}) {
    flat.size[d] = result.getDimSize(2 + d);
    flat.kernel[d] = flat.window[d] = weight.getDimSize(2 + d);
    flat.dilation[d] = op.getDilation()[d];
    flat.step[d] = op.getStride()[d];
    flat.first[d] = -op.getPadding()[d];
    flat.span[d] = (flat.window[d] - 1) * flat.dilation[d] / flat.step[d];
  }
  return flat;
}

} // namespace fovea
