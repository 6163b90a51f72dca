// The training domain's optimizers: one step for several tensors, as ONNX's documents define them.
#include "lib/onnx/Registry.h"

#include <cmath>

namespace fovea::onnx {
namespace {

/// Inputs are the rate, the step, and then lists of tensors, all as long: values, gradients, and one or more of state.
struct Step {
  Call &call;
  size_t count;
  Tensor rate, step;

  Step(Call &call, size_t lists) : call(call), count((call.inputCount() - 2) / lists) {
    if (call.inputCount() < 2 + lists || (call.inputCount() - 2) % lists)
      call.unsupported("after the rate and the step it takes " + std::to_string(lists) +
                       " lists of tensors of one length");
    rate = call.tensor(0), step = call.tensor(1);
  }
  Tensor in(size_t list, size_t index) { return call.tensor(2 + list * count + index); }
  void out(size_t list, size_t index, const Tensor &tensor) { call.give(tensor, list * count + index); }
  Tensor stepAs(DType dtype) { return cast(step, dtype); }
  Tensor gradient(size_t index) { return call.number("norm_coefficient", 0) * in(0, index) + in(1, index); }
};

void adagrad(Call &call) {
  Step step(call, 3);
  Tensor rate = step.rate / (1 + step.stepAs(step.rate.dtype()) * call.number("decay_factor", 0));
  for (size_t i = 0; i < step.count; ++i) {
    Tensor gradient = step.gradient(i), squares = step.in(2, i) + gradient * gradient;
    step.out(0, i, step.in(0, i) - rate * gradient / (sqrt(squares) + call.number("epsilon", 1e-6f)));
    step.out(1, i, squares);
  }
}

void adam(Call &call) {
  Step step(call, 4);
  double alpha = call.number("alpha", 0.9f), beta = call.number("beta", 0.999f);
  Tensor t = step.stepAs(f64);
  // In f64: 1 - beta^t loses half of f32's digits.
  Tensor corrected = cast(step.rate, f64) * sqrt(1 - exp(t * std::log(beta))) / (1 - exp(t * std::log(alpha)));
  Tensor rate = where(step.step < 1, step.rate, cast(corrected, step.rate.dtype()));
  for (size_t i = 0; i < step.count; ++i) {
    Tensor gradient = step.gradient(i);
    Tensor momentum = alpha * step.in(2, i) + (1 - alpha) * gradient;
    Tensor squares = beta * step.in(3, i) + (1 - beta) * gradient * gradient;
    Tensor value = step.in(0, i) - rate * momentum / (sqrt(squares) + call.number("epsilon", 1e-6f));
    step.out(0, i, (1 - call.number("norm_coefficient_post", 0)) * value);
    step.out(1, i, momentum);
    step.out(2, i, squares);
  }
}

void momentum(Call &call) {
  Step step(call, 3);
  double alpha = call.number("alpha", 0), beta = call.number("beta", 0);
  bool nesterov = call.text("mode", "standard") == "nesterov";
  for (size_t i = 0; i < step.count; ++i) {
    Tensor gradient = step.gradient(i);
    Tensor velocity = alpha * step.in(2, i) + where(step.step < 1, gradient, beta * gradient);
    step.out(0, i, step.in(0, i) - step.rate * (nesterov ? gradient + alpha * velocity : velocity));
    step.out(1, i, velocity);
  }
}

} // namespace

void addTraining(Registry &registry) {
  const char *domain = "ai.onnx.preview.training";
  registry.add("Adagrad", {1}, adagrad, domain);
  registry.add("Adam", {1}, adam, domain);
  registry.add("Momentum", {1}, momentum, domain);
}

} // namespace fovea::onnx
