// Short compositions that several families share.
#pragma once

#include "lib/onnx/Call.h"

namespace fovea::onnx {

/// Tables are constants of the model, written out number by number: one of too many is not supported.
void checkTable(const Call &call, int64_t size);

/// 0, 1, .., size - 1 along `axis` of a tensor of this rank, whose other sizes are 1.
Tensor iota(Call &call, int64_t size, DType dtype, int64_t axis, int64_t rank);

/// x with an axis moved to the end, and back.
Tensor toLast(const Tensor &x, int64_t axis);
Tensor fromLast(const Tensor &x, int64_t axis);

/// (x - mean) / sqrt(variance + epsilon) over axes, with the biased variance; mean and 1 / sqrt(..) keep the axes.
struct Normalized {
  Tensor result, mean, inverse;
};
Normalized normalized(const Tensor &x, const std::vector<int64_t> &axes, double epsilon);

/// Axes as a list for the reductions.
Axes listed(const std::vector<int64_t> &axes);

} // namespace fovea::onnx
