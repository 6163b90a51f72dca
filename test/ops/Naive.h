// Naive formulas of ops that the references have none for; the tables and the random graphs use them.
#pragma once

#include "test/ops/Case.h"

namespace fovea::ops {

/// As reference::sum.
Array product(const Array &x, const Shape &axes, bool keep);

/// Along the last dimension: of a row of -inf alone -inf, with +inf +inf.
Array logSumExpOf(const Array &x);
/// As softmax, NaN in a row with +inf.
Array logSoftmaxOf(const Array &x);
Array runningSums(const Array &x, bool exclusive, bool reverse);
/// Of x, scale and bias: y, and mean and rstd with a last size of 1.
Arrays layerNormed(const Arrays &a, double epsilon);
/// Of x and scale: y, and rstd with a last size of 1.
Arrays rmsNormed(const Arrays &a, double epsilon);

/// Of x and the indices, `outside` where they name nothing.
Array gathered(const Arrays &a, int64_t axis, int64_t batch, double outside);
using Combine = double (*)(double, double);
/// Of x, the indices and the updates.
Array scattered(const Arrays &a, int64_t axis, int64_t batch, Combine combine);

/// Where the elements of the last dimension's rows are in order; NaN is above all, and equal ones stay.
Array order(const Array &x, bool descending);
Array inOrder(const Array &x, const Array &places);

/// x in full panels along an axis.
Array packed(const Array &x, int64_t axis, int64_t size);

struct Windows {
  Shape axes, size, stride, dilation;

  /// The place in x of an element of the windows.
  Shape placeOf(const Shape &at) const;
  /// The shape of the windows of x.
  Shape shapeOf(const Shape &x) const;
};
Array unfolded(const Array &x, const Windows &windows);
/// `shape` is that of the result.
Array folded(const Array &x, const Shape &shape, const Windows &windows);

} // namespace fovea::ops
