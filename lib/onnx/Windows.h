// Windows that slide over spatial dimensions: what convolutions and pools have in common.
#pragma once

#include "lib/onnx/Call.h"

namespace fovea::onnx {

/// Along one dimension. Window o covers x[o * stride + i * dilation - low] for i below `size`; `high` elements follow
/// x, so many that all windows fit: with ceil_mode more than were asked for.
struct Window {
  int64_t extent, size, stride, dilation, low, high, count;
  int64_t askedHigh; // of the padding, without what ceil_mode adds
};

struct Windows {
  std::vector<Window> axes; // of dimensions 2, 3, ...
};

/// From kernel_shape (or `kernel`), strides, dilations, pads, auto_pad and ceil_mode.
Windows windowsOf(Call &call, const Shape &x, std::vector<int64_t> kernel = {});

} // namespace fovea::onnx
