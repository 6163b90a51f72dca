// Constants, and sizes as values.
#include "lib/onnx/Registry.h"

#include <cmath>

namespace fovea::onnx {
namespace {

void constant(Call &call) {
  using Kind = Attribute::Kind;
  Known known;
  if (const Attribute *value = call.attribute("value", Kind::array)) return call.giveArray(value->array);
  if (const Attribute *value = call.attribute("value_float", Kind::number)) {
    known = {Element::f32, {}, {}, {value->number}};
  } else if (const Attribute *values = call.attribute("value_floats", Kind::numbers)) {
    known = {Element::f32, {(int64_t)values->numbers.size()}, {}, values->numbers};
  } else if (const Attribute *whole = call.attribute("value_int", Kind::integer)) {
    known = {Element::i64, {}, {whole->integer}, {}};
  } else if (const Attribute *wholes = call.attribute("value_ints", Kind::integers)) {
    known = {Element::i64, {(int64_t)wholes->integers.size()}, {wholes->integers.begin(), wholes->integers.end()}, {}};
  } else {
    call.unsupported("its value is a string or sparse: dense numbers are supported");
  }
  call.give(std::move(known));
}

void constantOfShape(Call &call) {
  const std::vector<Dim> &sizes = call.sizes(0, "shape");
  const Attribute *value = call.attribute("value", Attribute::Kind::array);
  std::optional<Known> one = value ? knownElements(*value->array) : Known{Element::f32, {1}, {}, {0}};
  if (!one || one->count() != 1) call.unsupported("its value must be one number");
  int64_t count = 1;
  bool small = true;
  for (const Dim &size : sizes) {
    small = small && size.constant() && *size.constant() <= mostKnown && (count *= *size.constant()) <= mostKnown;
    if (size.constant() && *size.constant() < 0) call.unsupported("a size is negative");
  }
  one->shape = {};
  if (!small) return call.give(broadcast_to(call.constant(*one), sizes));
  Known result = one->like({});
  for (const Dim &size : sizes) result.shape.push_back(*size.constant());
  for (int64_t index = 0; index < count; ++index) result.add(*one, 0);
  call.give(std::move(result));
}

void identity(Call &call) { call.pass(0); }

void shapeOf(Call &call) {
  Shape shape = call.shape(0);
  auto rank = (int64_t)shape.size();
  auto bound = [&](const char *name, int64_t otherwise) {
    int64_t at = call.integer(name, otherwise);
    return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  int64_t start = bound("start", 0), end = std::max(start, bound("end", rank));
  call.give(Known{Element::i64, {end - start}, {shape.begin() + start, shape.begin() + end}, {}});
}

void sizeOf(Call &call) {
  Dim count = 1;
  for (const Dim &size : call.shape(0)) count = count * size;
  call.give(Known{Element::i64, {}, {count}, {}});
}

void range(Call &call) {
  const Known &start = call.needed(0, "start");
  std::vector<double> from = call.numbers(0, "start"), to = call.numbers(1, "limit"), step = call.numbers(2, "delta");
  if (from.size() != 1 || to.size() != 1 || step.size() != 1 || step[0] == 0)
    call.unsupported("start, limit and delta must be one number each, delta not 0");
  double count = std::max(0.0, std::ceil((to[0] - from[0]) / step[0]));
  if (!(count <= mostKnown)) call.unsupported("it gives more than " + std::to_string(mostKnown) + " elements");
  Known result{start.element, {(int64_t)count}, {}, {}};
  for (int64_t index = 0; index < (int64_t)count; ++index) {
    double value = from[0] + (double)index * step[0];
    if (result.isReal())
      result.reals.push_back(value);
    else
      result.integers.push_back((int64_t)value);
  }
  call.give(std::move(result));
}

} // namespace

void addConstants(Registry &registry) {
  registry.add("Constant", {1, 9, 11, 12, 13, 19, 21, 23, 24, 25}, constant);
  registry.add("ConstantOfShape", {9, 20, 21, 23, 24, 25}, constantOfShape);
  registry.add("Identity", {1, 13, 14, 16, 19, 21, 23, 24, 25}, identity);
  registry.add("Shape", {1, 13, 15, 19, 21, 23, 24, 25}, shapeOf);
  registry.add("Size", {1, 13, 19, 21, 23, 24, 25}, sizeOf);
  registry.add("Range", {11, 27}, range);
}

} // namespace fovea::onnx
