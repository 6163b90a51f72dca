// Elementwise functions that are short compositions of others: kernels fuse them.
#include <fovea/Functions.h>
#include <fovea/Model.h>

namespace fovea {

//===-- Numbers ---------------------------------------------------------------------------------------------------===//

Tensor clamp(Located x, Operand low, Operand high) {
  Frame frame(x);
  return minimum(maximum(x.tensor, low), high);
}

Tensor is_nan(Located x) {
  Frame frame(x);
  return not_equal(x.tensor, x.tensor);
}

Tensor sign(Located x) {
  Frame frame(x);
  DType dtype = x.tensor.dtype();
  Tensor sign = cast(x.tensor > 0, dtype) - cast(x.tensor < 0, dtype);
  return isFloat(dtype) ? where(is_nan(x.tensor), x.tensor, sign) : sign;
}

Tensor ceil(Located x) {
  Frame frame(x);
  return -floor(-x.tensor);
}

Tensor square(Located x) {
  Frame frame(x);
  return x.tensor * x.tensor;
}

Tensor reciprocal(Located x) {
  Frame frame(x);
  return 1 / x.tensor;
}

Tensor rsqrt(Located x) {
  Frame frame(x);
  return 1 / sqrt(x.tensor);
}

//===-- Booleans --------------------------------------------------------------------------------------------------===//

Tensor logical_and(Located a, Located b) {
  Frame frame(a);
  return where(a.tensor, b.tensor, 0);
}

Tensor logical_or(Located a, Located b) {
  Frame frame(a);
  return where(a.tensor, 1, b.tensor);
}

Tensor logical_not(Located a) {
  Frame frame(a);
  return equal(cast(a.tensor, i32), 0);
}

//===-- Activations -----------------------------------------------------------------------------------------------===//

Tensor log_sigmoid(Located x) {
  Frame frame(x);
  return -softplus(-x.tensor);
}

Tensor silu(Located x) {
  Frame frame(x);
  return x.tensor * sigmoid(x.tensor);
}

Tensor mish(Located x) {
  Frame frame(x);
  return x.tensor * tanh(softplus(x.tensor));
}

/// e^x - 1 for x <= 0, to the last digits near 0: 2 t / (1 - t) with t = tanh(x / 2).
static Tensor exponentialLessOne(const Tensor &x) {
  Tensor t = tanh(x * 0.5);
  return 2 * t / (1 - t);
}

Tensor elu(Located x, double alpha) {
  Frame frame(x);
  // A branch that is not taken must not overflow either: its gradient is 0 times its slope.
  Tensor positive = x.tensor > 0;
  return where(positive, x.tensor, alpha * exponentialLessOne(where(positive, 0, x.tensor)));
}

Tensor leaky_relu(Located x, double slope) {
  Frame frame(x);
  return where(x.tensor > 0, x.tensor, slope * x.tensor);
}

/// Ties go to the bounds, which have no gradient.
Tensor hardsigmoid(Located x) {
  Frame frame(x);
  return minimum(1, maximum(0, (x.tensor + 3) / 6));
}

Tensor hardswish(Located x) {
  Frame frame(x);
  return x.tensor * hardsigmoid(x.tensor);
}

} // namespace fovea
