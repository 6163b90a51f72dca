// Activations and other functions of single elements.
#include "lib/onnx/Registry.h"

#include <cmath>

namespace fovea::onnx {
namespace {

using Function = Tensor (*)(Located);

template <Function function> void unary(Call &call) { call.give(function(call.tensor(0))); }

Tensor negative(Located x) { return -x; }
Tensor softsign(Located x) { return x / (1 + abs(x)); }
Tensor tangent(Located x) { return sin(x) / cos(x); }
/// By tanh near 0, where e^x - e^-x loses digits, and by e^x where tanh is 1.
Tensor hyperbolicSine(Located x) {
  Tensor t = tanh(x * 0.5);
  return where(abs(x) < 1, 2 * t / (1 - t * t), (exp(x) - exp(-x)) * 0.5);
}
Tensor hyperbolicCosine(Located x) { return (exp(x) + exp(-x)) * 0.5; }

void isInf(Call &call) {
  Tensor x = call.tensor(0);
  bool up = call.integer("detect_positive", 1) != 0, down = call.integer("detect_negative", 1) != 0;
  Tensor large = INFINITY <= (up && down ? abs(x) : up ? x : -x);
  call.give(up || down ? large : logical_and(large, x < x));
}

void hardSigmoid(Call &call) {
  Tensor x = call.tensor(0);
  call.give(maximum(0, minimum(1, x * call.number("alpha", 0.2f) + call.number("beta", 0.5f))));
}

void leakyRelu(Call &call) { call.give(leaky_relu(call.tensor(0), call.number("alpha", 0.01f))); }

/// e^x - 1 where x < 0, else 0.
Tensor expm1Below0(const Tensor &x) { return elu(minimum(x, 0)); }
void eluOf(Call &call) { call.give(elu(call.tensor(0), call.number("alpha", 1))); }
void selu(Call &call) {
  Tensor x = call.tensor(0);
  double alpha = call.number("alpha", 1.67326319217681884765625),
         gamma = call.number("gamma", 1.05070102214813232421875);
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
  call.give(gelu_tanh(x));
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
  registry.add("Abs", {6, 13}, unary<abs>);
  registry.add("Sign", {9, 13}, unary<sign>);
  registry.add("Floor", {6, 13}, unary<floor>);
  registry.add("Ceil", {6, 13}, unary<ceil>);
  registry.add("Round", {11, 22}, unary<round>);
  registry.add("Sin", {7, 22}, unary<sin>);
  registry.add("Cos", {7, 22}, unary<cos>);
  registry.add("Tan", {7, 22}, unary<tangent>);
  registry.add("Sinh", {9, 22}, unary<hyperbolicSine>);
  registry.add("Cosh", {9, 22}, unary<hyperbolicCosine>);
  registry.add("IsInf", {10, 20}, isInf);
  registry.add("IsNaN", {9, 13, 20}, unary<is_nan>);
  registry.add("Reciprocal", {6, 13}, unary<reciprocal>);
  registry.add("Softplus", {1, 22}, unary<softplus>);
  registry.add("Softsign", {1, 22}, unary<softsign>);
  registry.add("Mish", {18, 22}, unary<mish>);
  registry.add("HardSwish", {14, 22}, unary<hardswish>);
  registry.add("HardSigmoid", {6, 22}, hardSigmoid);
  registry.add("LeakyRelu", {6, 16}, leakyRelu);
  registry.add("PRelu", {7, 9, 16}, prelu);
  registry.add("Elu", {6, 22}, eluOf);
  registry.add("Selu", {6, 22}, selu);
  registry.add("Celu", {12, 28}, celu);
  registry.add("ThresholdedRelu", {10, 22}, thresholdedRelu);
  registry.add("Shrink", {9}, shrink);
  registry.add("Swish", {24}, swish);
  registry.add("Gelu", {20}, geluOf);
}

} // namespace fovea::onnx
