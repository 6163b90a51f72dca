// Gradients as tensors of the model, and gradient rules of the author's. Included by <fovea/Functions.h>.
#pragma once

#include <functional>
#include <vector>

#include <fovea/Tensor.h>

namespace fovea {

/// The gradients of `of`, one floating-point number, with respect to tensors that it was computed from: of their
/// shapes, zero where it does not depend on one. An error where an op on the way has no gradient rule; batch_norm and
/// dropout, which differ in training, have none here.
std::vector<Tensor> gradient(Located of, const std::vector<Tensor> &inputs);

/// The cotangents of `inputs`, in their shapes, from the cotangent of the result.
using GradientRule = std::function<std::vector<Tensor>(const std::vector<Tensor> &inputs, const Tensor &result,
                                                       const Tensor &cotangent)>;
/// `result`, which was computed from `inputs`, with a gradient rule of the author's: gradients go to the inputs by the
/// rule, and not by the ops in between. The rule is called once, here, and computes with what it is given alone.
Tensor custom_vjp(const std::vector<Tensor> &inputs, Located result, const GradientRule &rule);

} // namespace fovea
