// Arithmetic, comparisons, choices and casts, element by element.
#include "lib/onnx/Registry.h"

#include <cmath>

namespace fovea::onnx {
namespace {

template <Tensor (*function)(fovea::Operand, fovea::Operand)> void binary(Call &call) {
  call.give(function(call.tensor(0), call.tensor(1)));
}

Tensor add(fovea::Operand a, fovea::Operand b) { return a + b; }
Tensor subtract(fovea::Operand a, fovea::Operand b) { return a - b; }
Tensor multiply(fovea::Operand a, fovea::Operand b) { return a * b; }
Tensor less(fovea::Operand a, fovea::Operand b) { return a < b; }
Tensor lessOrEqual(fovea::Operand a, fovea::Operand b) { return a <= b; }
Tensor greater(fovea::Operand a, fovea::Operand b) { return a > b; }
Tensor greaterOrEqual(fovea::Operand a, fovea::Operand b) { return a >= b; }

/// Integers towards zero: f64 holds every quotient of two i32 to the digit that decides.
void divide(Call &call) {
  Tensor a = call.tensor(0), b = call.tensor(1);
  if (isFloat(a.dtype())) return call.give(a / b);
  if (a.dtype() != i32 || b.dtype() != i32)
    call.unsupported("quotients of " + elementName(call.element(0)) + " that are computed are not supported yet");
  call.give(cast(cast(a, f64) / cast(b, f64), i32));
}

/// With fmod the remainder has the sign of the dividend, as in C, else that of the divisor.
void modulo(Call &call) {
  Tensor a = call.tensor(0), b = call.tensor(1);
  if (!call.integer("fmod", 0)) return call.give(remainder(a, b));
  Tensor rest = remainder(abs(a), abs(b));
  call.give(where(a < 0, -rest, rest));
}

template <Tensor (*function)(fovea::Operand, fovea::Operand)> void variadic(Call &call) {
  Tensor result = call.tensor(0);
  for (size_t index = 1; index < call.inputCount(); ++index) result = function(result, call.tensor(index));
  call.give(result);
}

void meanOf(Call &call) {
  variadic<add>(call);
  call.give(*call.results()[0].tensor / (double)call.inputCount());
}

/// Base and exponent may be of different types; the result is of the base's.
void power(Call &call) {
  Tensor a = call.tensor(0), b = call.tensor(1);
  DType type = a.dtype(), wide = isFloat(type) ? type : f64;
  if (const Known *known = call.known(1); known && known->count() == 1 && isFloat(type)) {
    double exponent = known->isReal() ? known->reals[0] : (double)known->integers[0].constant().value_or(0);
    if (exponent == 2 && known->shape.empty()) return call.give(a * a);
  }
  Tensor result = pow(cast(a, wide), cast(b, wide));
  call.give(cast(result, type));
}

void compareEqual(Call &call) {
  Tensor a = call.tensor(0), b = call.tensor(1);
  if (a.dtype() == DType::boolean) a = cast(a, i32), b = cast(b, i32);
  call.give(equal(a, b));
}

void logicalAnd(Call &call) { call.give(logical_and(call.tensor(0), call.tensor(1))); }
void logicalOr(Call &call) { call.give(logical_or(call.tensor(0), call.tensor(1))); }
void logicalXor(Call &call) { call.give(not_equal(cast(call.tensor(0), i32), cast(call.tensor(1), i32))); }
void logicalNot(Call &call) { call.give(logical_not(call.tensor(0))); }

Tensor castTo(const Tensor &x, DType dtype) {
  if (x.dtype() == dtype) return x;
  if (dtype == DType::boolean) return not_equal(x, 0);
  return cast(x, dtype);
}
void castOf(Call &call) { call.give(castTo(call.tensor(0), dtypeOf(static_cast<Element>(call.integer("to", 0))))); }
void castLike(Call &call) { call.give(castTo(call.tensor(0), dtypeOf(call.element(1)))); }

void whereOf(Call &call) { call.give(where(call.tensor(0), call.tensor(1), call.tensor(2))); }

Tensor clipped(Tensor x, const std::optional<Tensor> &low, const std::optional<Tensor> &high) {
  if (low) x = maximum(x, *low);
  return high ? minimum(x, *high) : x;
}
void clipByInputs(Call &call) {
  std::optional<Tensor> low, high;
  if (call.has(1)) low = call.tensor(1);
  if (call.has(2)) high = call.tensor(2);
  call.give(clipped(call.tensor(0), low, high));
}
void clipByAttributes(Call &call) {
  Tensor x = call.tensor(0);
  if (call.hasAttribute("min")) x = maximum(x, call.number("min", 0));
  if (call.hasAttribute("max")) x = minimum(x, call.number("max", 0));
  call.give(x);
}

} // namespace

void addArithmetic(Registry &registry) {
  registry.add("Add", {7, 13, 14}, binary<add>);
  registry.add("Sub", {7, 13, 14}, binary<subtract>);
  registry.add("Mul", {7, 13, 14}, binary<multiply>);
  registry.add("Div", {7, 13, 14}, divide);
  registry.add("Mod", {10, 13, 28}, modulo);
  registry.add("Pow", {7, 12, 13, 15}, power);
  registry.add("Max", {6, 8, 12, 13}, variadic<maximum>);
  registry.add("Min", {6, 8, 12, 13}, variadic<minimum>);
  registry.add("Sum", {6, 8, 13}, variadic<add>);
  registry.add("Mean", {6, 8, 13}, meanOf);
  registry.add("Less", {7, 9, 13}, binary<less>);
  registry.add("LessOrEqual", {12, 16}, binary<lessOrEqual>);
  registry.add("Greater", {7, 9, 13}, binary<greater>);
  registry.add("GreaterOrEqual", {12, 16}, binary<greaterOrEqual>);
  registry.add("Equal", {7, 11, 13, 19}, compareEqual);
  registry.add("And", {7}, logicalAnd);
  registry.add("Or", {7}, logicalOr);
  registry.add("Xor", {7}, logicalXor);
  registry.add("Not", {1}, logicalNot);
  registry.add("Cast", {6, 9, 13, 19, 21, 23, 24, 25, 28}, castOf);
  registry.add("CastLike", {15, 19, 21, 23, 24, 25}, castLike);
  registry.add("Where", {9, 16}, whereOf);
  registry.add("Clip", {6}, clipByAttributes);
  registry.add("Clip", {11, 12, 13}, clipByInputs);
}

} // namespace fovea::onnx
