// Arithmetic of shapes: what ops compute from elements that are all known, sizes with symbols among them.
#include "lib/onnx/Registry.h"
#include "lib/onnx/Slices.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace fovea::onnx {
namespace {

using Inputs = std::vector<const Known *>;

int64_t product(const std::vector<int64_t> &shape) {
  int64_t result = 1;
  for (int64_t size : shape)
    if (__builtin_mul_overflow(result, size, &result) || result > mostKnown || result < 0)
      throw Unsupported{"its result is huge"};
  return result;
}

std::vector<int64_t> strides(const std::vector<int64_t> &shape) {
  std::vector<int64_t> result(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;) result[d - 1] = result[d] * shape[d];
  return result;
}

/// Elements that are too many to compute here; the model does it.
struct TooMany {};

/// The elements of a new shape, each taken from where `from` says for its coordinates.
Known gathered(const Known &x, std::vector<int64_t> shape,
               const std::function<int64_t(const std::vector<int64_t> &)> &from) {
  Known result = x.like(std::move(shape));
  int64_t count = 1;
  for (int64_t size : result.shape)
    if (__builtin_mul_overflow(count, size, &count) || count > mostKnown) throw TooMany{};
  std::vector<int64_t> at(result.shape.size());
  for (int64_t index = 0; index < count; ++index) {
    result.add(x, from(at));
    for (size_t d = at.size(); d-- > 0;) {
      if (++at[d] < result.shape[d]) break;
      at[d] = 0;
    }
  }
  return result;
}

std::vector<int64_t> broadcastShape(const Inputs &inputs) {
  std::vector<int64_t> result;
  for (const Known *input : inputs) {
    while (result.size() < input->shape.size()) result.insert(result.begin(), 1);
    size_t shift = result.size() - input->shape.size();
    for (size_t d = 0; d < input->shape.size(); ++d) {
      int64_t &size = result[d + shift];
      if (size == 1)
        size = input->shape[d];
      else if (input->shape[d] != 1 && input->shape[d] != size)
        throw Unsupported{"the shapes of its inputs do not broadcast"};
    }
  }
  return result;
}

Known broadcast(const Known &x, const std::vector<int64_t> &shape) {
  std::vector<int64_t> steps = strides(x.shape);
  size_t shift = shape.size() - x.shape.size();
  return gathered(x, shape, [&](const std::vector<int64_t> &at) {
    int64_t index = 0;
    for (size_t d = 0; d < x.shape.size(); ++d) index += x.shape[d] == 1 ? 0 : at[d + shift] * steps[d];
    return index;
  });
}

double round(double value, Element element) { return element == Element::f32 ? (double)(float)value : value; }

int64_t number(const Dim &size) {
  if (!size.constant()) throw Unsupported{"it computes with an open size in a way that is not supported"};
  return *size.constant();
}

//===-- Element by element ----------------------------------------------------------------------------------------===//

template <typename Real, typename Integer>
void elementwise(Call &call, const Inputs &inputs, Element element, Real real, Integer integer) {
  std::vector<int64_t> shape = broadcastShape(inputs);
  Known a = broadcast(*inputs[0], shape), b = broadcast(*inputs[1], shape);
  Known result{element, shape, {}, {}};
  if (a.isReal() != b.isReal()) throw Unsupported{"its inputs are of different types"};
  int64_t count = a.count();
  for (int64_t index = 0; index < count; ++index) {
    auto at = (size_t)index;
    if (a.isReal() && result.isReal())
      result.reals.push_back(round((double)real(a.reals[at], b.reals[at]), element));
    else if (a.isReal())
      result.integers.push_back((int64_t)real(a.reals[at], b.reals[at]));
    else
      result.integers.push_back(integer(a.integers[at], b.integers[at]));
  }
  call.give(std::move(result));
}

#define FOLD_BINARY(NAME, REAL, INTEGER)                                                                               \
  void NAME(Call &call, const Inputs &in) {                                                                            \
    elementwise(                                                                                                       \
        call, in, in[0]->element, [](double a, double b) { return REAL; },                                             \
        [](const Dim &a, const Dim &b) -> Dim { return INTEGER; });                                                    \
  }
#define FOLD_COMPARE(NAME, RELATION)                                                                                   \
  void NAME(Call &call, const Inputs &in) {                                                                            \
    elementwise(                                                                                                       \
        call, in, Element::boolean, [](double a, double b) { return a RELATION b; },                                   \
        [](const Dim &a, const Dim &b) -> Dim { return number(a) RELATION number(b); });                               \
  }
/// Towards zero, as C; a symbolic size is positive, so that its quotient may be rounded down.
Dim quotient(const Dim &a, const Dim &b) {
  int64_t divisor = number(b);
  if (divisor == 0) throw Unsupported{"it divides a known integer by zero"};
  if (!a.constant()) return divisor < 1 ? Dim(number(a)) : a / b;
  return divisor == -1 ? Dim(0) - a : Dim(number(a) / divisor);
}
Dim modulo(const Dim &a, const Dim &b) {
  int64_t divisor = number(b);
  if (divisor == 0) throw Unsupported{"it divides a known integer by zero"};
  int64_t rest = divisor == -1 ? 0 : number(a) % divisor;
  return rest != 0 && (rest < 0) != (divisor < 0) ? rest + divisor : rest;
}
FOLD_BINARY(add, a + b, a + b)
FOLD_BINARY(sub, a - b, a - b)
FOLD_BINARY(mul, a *b, a *b)
FOLD_BINARY(div, a / b, quotient(a, b))
FOLD_BINARY(mod, std::fmod(a, b), modulo(a, b))
FOLD_BINARY(logicalAnd, a &&b, number(a) && number(b))
FOLD_BINARY(logicalOr, a || b, number(a) || number(b))
FOLD_COMPARE(less, <)
FOLD_COMPARE(lessOrEqual, <=)
FOLD_COMPARE(greater, >)
FOLD_COMPARE(greaterOrEqual, >=)
void equal(Call &call, const Inputs &in) {
  elementwise(
      call, in, Element::boolean, [](double a, double b) { return a == b; },
      [](const Dim &a, const Dim &b) -> Dim {
        return a == b ? 1 : a.constant() && b.constant() ? 0 : number(a) == number(b);
      });
}

template <typename Real, typename Integer>
void unary(Call &call, const Known &x, Element element, Real real, Integer integer) {
  Known result{element, x.shape, {}, {}};
  for (double value : x.reals) {
    if (result.isReal())
      result.reals.push_back(round(real(value), element));
    else
      result.integers.push_back((int64_t)real(value));
  }
  for (const Dim &value : x.integers) {
    if (result.isReal())
      result.reals.push_back(round((double)number(value), element));
    else
      result.integers.push_back(integer(value));
  }
  call.give(std::move(result));
}
void negate(Call &call, const Inputs &in) {
  unary(
      call, *in[0], in[0]->element, [](double x) { return -x; }, [](const Dim &x) { return Dim(0) - x; });
}
void floorOf(Call &call, const Inputs &in) {
  unary(
      call, *in[0], in[0]->element, [](double x) { return std::floor(x); }, [](const Dim &x) { return x; });
}
void ceilOf(Call &call, const Inputs &in) {
  unary(
      call, *in[0], in[0]->element, [](double x) { return std::ceil(x); }, [](const Dim &x) { return x; });
}
void logicalNot(Call &call, const Inputs &in) {
  unary(
      call, *in[0], Element::boolean, [](double x) { return x; }, [](const Dim &x) { return Dim(!number(x)); });
}
void castTo(Call &call, const Inputs &in) {
  auto element = static_cast<Element>(call.integer("to", 0));
  for (double value : in[0]->reals)
    if (!isFloat(dtypeOf(element)) && element != Element::boolean && !(std::abs(value) < 0x1p31))
      throw Unsupported{"it casts a known float that no integer holds"};
  unary(
      call, *in[0], element, [&](double x) { return element == Element::boolean ? double(x != 0) : x; },
      [&](const Dim &x) { return element == Element::boolean ? Dim(number(x) != 0) : x; });
}

void where(Call &call, const Inputs &in) {
  std::vector<int64_t> shape = broadcastShape(in);
  Known condition = broadcast(*in[0], shape), a = broadcast(*in[1], shape), b = broadcast(*in[2], shape);
  if (condition.isReal() || a.isReal() != b.isReal()) throw Unsupported{"its inputs are of different types"};
  Known result = a.like(shape);
  for (int64_t index = 0; index < condition.count(); ++index)
    result.add(number(condition.integers[(size_t)index]) ? a : b, index);
  call.give(std::move(result));
}

//===-- Moved elements --------------------------------------------------------------------------------------------===//

void reshaped(Call &call, const Inputs &in) {
  std::vector<int64_t> shape = call.integers(1, "shape");
  int64_t others = 1, *open = nullptr;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == 0 && !call.integer("allowzero", 0) && d < in[0]->shape.size()) shape[d] = in[0]->shape[d];
    if (shape[d] == -1)
      open = &shape[d];
    else
      others *= shape[d];
  }
  if (open && others > 0) *open = in[0]->count() / others;
  if (product(shape) != in[0]->count()) throw Unsupported{"the new shape has another number of elements"};
  Known result = *in[0];
  result.shape = shape;
  call.give(std::move(result));
}

std::vector<int64_t> axesOf(Call &call, int64_t sinceInput) {
  if (call.version >= sinceInput && call.has(1)) return call.integers(1, "axes");
  return call.integers("axes");
}

void unsqueezed(Call &call, const Inputs &in) {
  Known result = *in[0];
  std::vector<int64_t> axes = axesOf(call, 13);
  axes = frontAxes(axes, (int64_t)(result.shape.size() + axes.size()));
  std::sort(axes.begin(), axes.end());
  for (int64_t axis : axes) result.shape.insert(result.shape.begin() + axis, 1);
  call.give(std::move(result));
}

void squeezed(Call &call, const Inputs &in) {
  Known result = in[0]->like({});
  result.integers = in[0]->integers, result.reals = in[0]->reals;
  std::vector<int64_t> axes = frontAxes(axesOf(call, 13), (int64_t)in[0]->shape.size());
  for (size_t d = 0; d < in[0]->shape.size(); ++d) {
    bool named = std::find(axes.begin(), axes.end(), (int64_t)d) != axes.end();
    if (axes.empty() ? in[0]->shape[d] != 1 : !named) result.shape.push_back(in[0]->shape[d]);
  }
  if (product(result.shape) != result.count()) throw Unsupported{"it drops an axis of another size than 1"};
  call.give(std::move(result));
}

void gather(Call &call, const Inputs &in) {
  const Known &x = *in[0], &indices = *in[1];
  int64_t axis = frontAxis(call.integer("axis", 0), (int64_t)x.shape.size()), size = x.shape[(size_t)axis];
  std::vector<int64_t> shape(x.shape.begin(), x.shape.begin() + axis), steps = strides(x.shape);
  shape.insert(shape.end(), indices.shape.begin(), indices.shape.end());
  shape.insert(shape.end(), x.shape.begin() + axis + 1, x.shape.end());
  std::vector<int64_t> indexSteps = strides(indices.shape);
  call.give(gathered(x, shape, [&](const std::vector<int64_t> &at) {
    int64_t which = 0, result = 0;
    for (size_t d = 0; d < indices.shape.size(); ++d) which += at[(size_t)axis + d] * indexSteps[d];
    int64_t index = number(indices.integers[(size_t)which]);
    if (index < -size || index >= size)
      throw Unsupported{"index " + std::to_string(index) + " is outside an axis of " + std::to_string(size)};
    for (size_t d = 0; d < x.shape.size(); ++d)
      result += steps[d] * ((int64_t)d < axis    ? at[d]
                            : (int64_t)d == axis ? (index < 0 ? index + size : index)
                                                 : at[d - 1 + indices.shape.size()]);
    return result;
  }));
}

void concat(Call &call, const Inputs &in) {
  size_t rank = in[0]->shape.size(), axis = (size_t)frontAxis(call.integer("axis", 0), (int64_t)rank);
  Known result = in[0]->like(in[0]->shape);
  result.shape[axis] = 0;
  int64_t outer = 1;
  for (size_t d = 0; d < axis; ++d) outer *= in[0]->shape[d];
  for (const Known *input : in) {
    std::vector<int64_t> shape = input->shape, first = in[0]->shape;
    if (shape.size() != rank || input->isReal() != result.isReal())
      throw Unsupported{"its inputs differ in rank or type"};
    result.shape[axis] += shape[axis];
    shape[axis] = first[axis] = 1;
    if (shape != first) throw Unsupported{"its inputs differ beside the axis"};
  }
  for (int64_t row = 0; row < outer; ++row)
    for (const Known *input : in)
      for (int64_t length = outer ? input->count() / outer : 0, i = 0; i < length; ++i)
        result.add(*input, row * length + i);
  call.give(std::move(result));
}

void expand(Call &call, const Inputs &in) {
  Known target{Element::i64, call.integers(1, "shape"), {}, {}};
  call.give(broadcast(*in[0], broadcastShape({in[0], &target})));
}

void slice(Call &call, const Inputs &in) {
  const Known &x = *in[0];
  std::vector<int64_t> shape = x.shape, from(shape.size(), 0), step(shape.size(), 1), elements = strides(x.shape);
  for (const SliceRange &range : sliceRanges(call, Shape(shape.begin(), shape.end()))) {
    auto axis = (size_t)range.axis;
    from[axis] = range.start, step[axis] = range.step, shape[axis] = range.size;
  }
  call.give(gathered(x, shape, [&](const std::vector<int64_t> &at) {
    int64_t index = 0;
    for (size_t d = 0; d < at.size(); ++d) index += (from[d] + at[d] * step[d]) * elements[d];
    return index;
  }));
}

void transpose(Call &call, const Inputs &in) {
  const Known &x = *in[0];
  std::vector<int64_t> order = call.integers("perm"), shape, steps = strides(x.shape);
  if (order.empty())
    for (size_t d = x.shape.size(); d-- > 0;) order.push_back((int64_t)d);
  order = frontAxes(order, (int64_t)x.shape.size());
  if (order.size() != x.shape.size()) throw Unsupported{"perm names another number of axes than there are"};
  for (int64_t axis : order) shape.push_back(x.shape[(size_t)axis]);
  call.give(gathered(x, shape, [&](const std::vector<int64_t> &at) {
    int64_t index = 0;
    for (size_t d = 0; d < at.size(); ++d) index += at[d] * steps[(size_t)order[d]];
    return index;
  }));
}

/// A reduction to one element, or along the only axis.
template <typename Function> void reduce(Call &call, const Inputs &in, Function function) {
  const Known &x = *in[0];
  if (x.isReal() || x.shape.size() > 1 || x.integers.empty())
    throw Unsupported{"it reduces known elements of rank " + std::to_string(x.shape.size())};
  Known result = x.like(std::vector<int64_t>(call.integer("keepdims", 1) ? x.shape.size() : 0, 1));
  Dim total = x.integers[0];
  for (size_t i = 1; i < x.integers.size(); ++i) total = function(total, x.integers[i]);
  result.integers.push_back(total);
  call.give(std::move(result));
}
void reduceProd(Call &call, const Inputs &in) {
  reduce(call, in, [](const Dim &a, const Dim &b) { return a * b; });
}
void reduceSum(Call &call, const Inputs &in) {
  reduce(call, in, [](const Dim &a, const Dim &b) { return a + b; });
}

struct Fold {
  void (*function)(Call &, const Inputs &);
  size_t inputs; // that it reads
};
const std::map<std::string, Fold> &folds() {
  static const std::map<std::string, Fold> table = {{"Add", {add, 2}},
                                                    {"Sub", {sub, 2}},
                                                    {"Mul", {mul, 2}},
                                                    {"Div", {div, 2}},
                                                    {"Mod", {mod, 2}},
                                                    {"And", {logicalAnd, 2}},
                                                    {"Or", {logicalOr, 2}},
                                                    {"Equal", {equal, 2}},
                                                    {"Less", {less, 2}},
                                                    {"LessOrEqual", {lessOrEqual, 2}},
                                                    {"Greater", {greater, 2}},
                                                    {"GreaterOrEqual", {greaterOrEqual, 2}},
                                                    {"Gather", {gather, 2}},
                                                    {"Reshape", {reshaped, 2}},
                                                    {"Expand", {expand, 2}},
                                                    {"Where", {where, 3}},
                                                    {"Neg", {negate, 1}},
                                                    {"Floor", {floorOf, 1}},
                                                    {"Ceil", {ceilOf, 1}},
                                                    {"Not", {logicalNot, 1}},
                                                    {"Cast", {castTo, 1}},
                                                    {"Unsqueeze", {unsqueezed, 1}},
                                                    {"Squeeze", {squeezed, 1}},
                                                    {"Concat", {concat, 1}},
                                                    {"Slice", {slice, 1}},
                                                    {"Transpose", {transpose, 1}},
                                                    {"ReduceProd", {reduceProd, 1}},
                                                    {"ReduceSum", {reduceSum, 1}}};
  return table;
}

} // namespace

bool fold(Call &call) {
  auto found = folds().find(call.node.op);
  if (found == folds().end() || !call.node.domain.empty() || call.inputCount() < found->second.inputs) return false;
  Inputs inputs;
  for (size_t index = 0; index < call.inputCount(); ++index) {
    if (!call.has(index)) continue;
    inputs.push_back(call.known(index));
    if (!inputs.back()) return false;
  }
  // Larger floats are left to the model: they are values, not sizes.
  if (inputs.size() < found->second.inputs || (inputs[0]->isReal() && inputs[0]->count() > 16)) return false;
  try {
    found->second.function(call, inputs);
  } catch (const TooMany &) {
    return false;
  }
  return true;
}

} // namespace fovea::onnx
