// Reductions that are short compositions of others: kernels fuse what stands around the one that they hold.
#include <fovea/Functions.h>
#include <fovea/Model.h>

#include <cmath>

namespace fovea {

Tensor min(Located x, const Axes &axes, bool keep) {
  Frame frame(x);
  return -max(-x.tensor, axes, keep);
}

Tensor argmin(Located x, int64_t axis, bool keep) {
  Frame frame(x);
  return argmax(-x.tensor, axis, keep);
}

Tensor any(Located x, const Axes &axes, bool keep) {
  Frame frame(x);
  return max(cast(x.tensor, i32), axes, keep) > 0;
}

Tensor all(Located x, const Axes &axes, bool keep) {
  Frame frame(x);
  return min(cast(x.tensor, i32), axes, keep) > 0;
}

Tensor norm(Located x, double p, const Axes &axes, bool keep) {
  Frame frame(x);
  if (!(p > 0)) frame.fail("norm: p is " + std::to_string(p) + ": it must be positive");
  Tensor size = abs(x.tensor);
  if (std::isinf(p)) return max(size, axes, keep);
  if (p == 1) return sum(size, axes, keep);
  Tensor total = sum(p == 2 ? x.tensor * x.tensor : pow(size, p), axes, keep);
  // The root of 0 has an infinite slope: there the sum itself passes, whose gradient is 0.
  Tensor zero = equal(total, 0), positive = where(zero, 1, total);
  return where(zero, total, p == 2 ? sqrt(positive) : pow(positive, 1 / p));
}

} // namespace fovea
