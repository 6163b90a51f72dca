// Slice's bounds, which may be negative or outside, as starts and sizes.
#pragma once

#include "lib/onnx/Call.h"

namespace fovea::onnx {

/// Elements start, start + step, ... along an axis; the step may be negative, the size 0.
struct SliceRange {
  int64_t axis, start, step, size;
};

/// Of a Slice node, from its attributes before opset 10 and its inputs since, for a tensor of this shape. An axis that
/// is taken whole is left out.
std::vector<SliceRange> sliceRanges(Call &call, const Shape &shape);

} // namespace fovea::onnx
