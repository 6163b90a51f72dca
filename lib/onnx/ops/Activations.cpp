// Activations and other functions of single elements.
#include "lib/onnx/Registry.h"

#include <cmath>

namespace fovea::onnx {
namespace {

using Function = Tensor (*)(Located);

template <Function function> void unary(Call &call) { call.give(function(call.tensor(0))); }

Tensor negative(Located x) { return -x; }
Tensor reciprocalOf(Located x) { return 1 / x; }
/// log(1 + e^x), without overflow.
Tensor softplusOf(Located x) {
  Tensor magnitude = maximum(x, -x);
  return maximum(x, 0) + log(1 + exp(-magnitude));
}
Tensor mishOf(Located x) { return x * tanh(softplusOf(x)); }
Tensor hardSwish(Located x) { return x * maximum(0, minimum(1, x / 6 + 0.5)); }
Tensor softsign(Located x) { return x / (1 + maximum(x, -x)); }
Tensor absolute(Located x) { return maximum(x, -x); }

void hardSigmoid(Call &call) {
  Tensor x = call.tensor(0);
  call.give(maximum(0, minimum(1, x * call.number("alpha", 0.2f) + call.number("beta", 0.5f))));
}

void leakyRelu(Call &call) {
  Tensor x = call.tensor(0);
  call.give(where(x < 0, x * call.number("alpha", 0.01f), x));
}

/// alpha (e^x - 1) where x < 0, by tanh so that nothing cancels near 0.
Tensor expm1Below0(const Tensor &x) {
  Tensor t = tanh(minimum(x, 0) * 0.5);
  return 2 * t / (1 - t);
}
void elu(Call &call) {
  Tensor x = call.tensor(0);
  call.give(where(x < 0, call.number("alpha", 1) * expm1Below0(x), x));
}
void selu(Call &call) {
  Tensor x = call.tensor(0);
  double alpha = call.number("alpha", 1.67326319217681884765625), gamma = call.number("gamma", 1.05070102214813232421875);
  call.give(gamma * where(x > 0, x, alpha * expm1Below0(x)));
}
void celu(Call &call) {
  Tensor x = call.tensor(0);
  double alpha = call.number("alpha", 1);
  call.give(maximum(x, 0) + alpha * expm1Below0(x / alpha));
}
void thresholdedRelu(Call &call) {
  Tensor x = call.tensor(0);
  call.give(where(x > call.number("alpha", 1), x, 0));
}
void shrink(Call &call) {
  Tensor x = call.tensor(0);
  double bias = call.number("bias", 0), lambda = call.number("lambd", 0.5);
  call.give(where(x < -lambda, x + bias, where(x > lambda, x - bias, 0)));
}
void swish(Call &call) {
  Tensor x = call.tensor(0);
  call.give(x * sigmoid(x * call.number("alpha", 1)));
}
void prelu(Call &call) {
  Tensor x = call.tensor(0);
  call.give(where(x < 0, x * call.tensor(1), x));
}

void geluOf(Call &call) {
  Tensor x = call.tensor(0);
  std::string form = call.text("approximate", "none");
  if (form == "none") return call.give(gelu(x));
  if (form != "tanh") call.unsupported("approximate is '" + form + "': it must be none or tanh");
  call.give(0.5 * x * (1 + tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))));
}

} // namespace

void addActivations(Registry &registry) {
  registry.add("Relu", {6, 13, 14}, unary<relu>);
  registry.add("Sigmoid", {6, 13}, unary<sigmoid>);
  registry.add("Tanh", {6, 13}, unary<tanh>);
  registry.add("Exp", {6, 13}, unary<exp>);
  registry.add("Log", {6, 13}, unary<log>);
  registry.add("Sqrt", {6, 13}, unary<sqrt>);
  registry.add("Erf", {9, 13}, unary<erf>);
  registry.add("Neg", {6, 13}, unary<negative>);
  registry.add("Abs", {6, 13}, unary<absolute>);
  registry.add("Reciprocal", {6, 13}, unary<reciprocalOf>);
  registry.add("Softplus", {1, 22}, unary<softplusOf>);
  registry.add("Softsign", {1, 22}, unary<softsign>);
  registry.add("Mish", {18, 22}, unary<mishOf>);
  registry.add("HardSwish", {14, 22}, unary<hardSwish>);
  registry.add("HardSigmoid", {6, 22}, hardSigmoid);
  registry.add("LeakyRelu", {6, 16}, leakyRelu);
  registry.add("PRelu", {7, 9, 16}, prelu);
  registry.add("Elu", {6, 22}, elu);
  registry.add("Selu", {6, 22}, selu);
  registry.add("Celu", {12, 28}, celu);
  registry.add("ThresholdedRelu", {10, 22}, thresholdedRelu);
  registry.add("Shrink", {9}, shrink);
  registry.add("Swish", {24}, swish);
  registry.add("Gelu", {20}, geluOf);
}

} // namespace fovea::onnx
