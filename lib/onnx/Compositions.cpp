// Short compositions that several families share.
#include "lib/onnx/Compositions.h"

#include <cmath>

namespace fovea::onnx {

void checkTable(const Call &call, int64_t size) {
  constexpr int64_t most = int64_t(1) << 20;
  if (size > most)
    call.unsupported("it needs a table of " + std::to_string(size) + " numbers: up to " + std::to_string(most) +
                     " are supported");
}

Tensor iota(Call &call, int64_t size, DType dtype, int64_t axis, int64_t rank) {
  checkTable(call, size);
  Known known{elementOf(dtype), std::vector<int64_t>((size_t)rank, 1), {}, {}};
  known.shape[(size_t)axis] = size;
  for (int64_t index = 0; index < size; ++index)
    if (known.isReal())
      known.reals.push_back((double)index);
    else
      known.integers.push_back(index);
  return call.constant(known);
}

Tensor toLast(const Tensor &x, int64_t axis) {
  std::vector<int64_t> order;
  for (int64_t d = 0; d < x.rank(); ++d)
    if (d != axis) order.push_back(d);
  order.push_back(axis);
  return transpose(x, order);
}

Tensor fromLast(const Tensor &x, int64_t axis) {
  std::vector<int64_t> order;
  for (int64_t d = 0; d + 1 < x.rank(); ++d) order.push_back(d);
  order.insert(order.begin() + axis, x.rank() - 1);
  return transpose(x, order);
}

Axes listed(const std::vector<int64_t> &axes) {
  Axes result;
  result.listed = axes;
  return result;
}

Normalized normalized(const Tensor &x, const std::vector<int64_t> &axes, double epsilon) {
  Tensor center = mean(x, listed(axes), true), apart = x - center;
  Tensor inverse = 1 / sqrt(mean(apart * apart, listed(axes), true) + epsilon);
  return {apart * inverse, center, inverse};
}

} // namespace fovea::onnx
