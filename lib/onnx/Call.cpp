// Inputs, attributes and outputs of a node.
#include "lib/onnx/Call.h"
#include "lib/onnx/Importer.h"

namespace fovea::onnx {

//===-- Inputs ----------------------------------------------------------------------------------------------------===//

const Operand &Call::operand(size_t index) const {
  if (!has(index)) unsupported("input " + std::to_string(index) + " is missing");
  return *inputs[index];
}

Tensor Call::tensor(size_t index) {
  operand(index);
  try {
    return importer.tensor(*inputs[index]);
  } catch (const Unsupported &why) {
    unsupported("'" + inputs[index]->name + "' " + why.reason);
  }
}

const Known *Call::known(size_t index) { return has(index) ? importer.known(*inputs[index], false) : nullptr; }

const Known &Call::needed(size_t index, const char *what) {
  operand(index);
  const Known *known = importer.known(*inputs[index], true);
  if (!known)
    unsupported(std::string("the ") + what + " must be known when importing, but '" + inputs[index]->name +
                "' is computed or given at run time");
  return *known;
}

const std::vector<Dim> &Call::sizes(size_t index, const char *what) {
  const Known &known = needed(index, what);
  if (known.isReal()) unsupported(std::string("the ") + what + " must be integers, not " + elementName(known.element));
  return known.integers;
}

std::vector<int64_t> Call::integers(size_t index, const char *what) {
  std::vector<int64_t> result;
  for (const Dim &size : sizes(index, what)) {
    if (!size.constant()) unsupported(std::string("the ") + what + " must be numbers, but depend on an open size");
    result.push_back(*size.constant());
  }
  return result;
}

int64_t Call::integer(size_t index, const char *what) {
  std::vector<int64_t> all = integers(index, what);
  if (all.size() != 1)
    unsupported(std::string("the ") + what + " must be one number, but are " + std::to_string(all.size()));
  return all[0];
}

std::vector<double> Call::numbers(size_t index, const char *what) {
  const Known &known = needed(index, what);
  if (known.isReal()) return known.reals;
  std::vector<double> result;
  for (int64_t number : integers(index, what)) result.push_back(static_cast<double>(number));
  return result;
}

Element Call::element(size_t index) {
  const Operand &from = operand(index);
  if (from.tensor) return elementOf(from.tensor->dtype());
  if (!from.array && !from.known) tensor(index); // an input without elements: an error
  return from.array ? from.array->element : from.known->element;
}

Shape Call::shape(size_t index) {
  const Operand &from = operand(index);
  if (from.tensor) return from.tensor->shape();
  if (!from.array && !from.known) tensor(index);
  const std::vector<int64_t> &shape = from.array ? from.array->shape : from.known->shape;
  return Shape(shape.begin(), shape.end());
}

//===-- Attributes ------------------------------------------------------------------------------------------------===//

const Attribute *Call::attribute(const std::string &name, Attribute::Kind kind) const {
  auto found = node.attributes.find(name);
  if (found == node.attributes.end()) return nullptr;
  if (found->second.kind != kind) unsupported("the attribute '" + name + "' is of another type than the op defines");
  return &found->second;
}

int64_t Call::integer(const std::string &name, int64_t otherwise) const {
  const Attribute *found = attribute(name, Attribute::Kind::integer);
  return found ? found->integer : otherwise;
}
double Call::number(const std::string &name, double otherwise) const {
  const Attribute *found = attribute(name, Attribute::Kind::number);
  return found ? found->number : otherwise;
}
std::string Call::text(const std::string &name, const std::string &otherwise) const {
  const Attribute *found = attribute(name, Attribute::Kind::text);
  return found ? found->text : otherwise;
}
std::vector<int64_t> Call::integers(const std::string &name, std::vector<int64_t> otherwise) const {
  const Attribute *found = attribute(name, Attribute::Kind::integers);
  return found ? found->integers : otherwise;
}

//===-- Outputs ---------------------------------------------------------------------------------------------------===//

void Call::give(Tensor tensor, size_t index) {
  if (index < outputs.size()) outputs[index].tensor = tensor;
}
void Call::give(Known known, size_t index) {
  if (index < outputs.size()) outputs[index].known = std::make_shared<Known>(std::move(known));
}
void Call::giveArray(std::shared_ptr<const Array> array, size_t index) {
  if (index < outputs.size()) outputs[index].array = std::move(array);
}

void Call::pass(size_t index) {
  operand(index);
  outputs[0] = *inputs[index];
}

Tensor Call::constant(const Known &known) { return importer.constant(known); }

Tensor Call::scalar(double number, DType dtype) {
  Known known{elementOf(dtype), {}, {}, {}};
  if (isFloat(dtype))
    known.reals.push_back(number);
  else
    known.integers.push_back(static_cast<int64_t>(number));
  return constant(known);
}

std::vector<Tensor> Call::inlined(const Graph &graph, const std::vector<Tensor> &arguments) {
  return importer.inlined(graph, arguments);
}

//===-- Axes and shapes -------------------------------------------------------------------------------------------===//

int64_t frontAxis(int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank)
    throw Unsupported{"axis " + std::to_string(axis) + " is outside a tensor of rank " + std::to_string(rank)};
  return axis < 0 ? axis + rank : axis;
}

std::vector<int64_t> frontAxes(std::vector<int64_t> axes, int64_t rank) {
  for (int64_t &axis : axes) axis = frontAxis(axis, rank);
  std::set<int64_t> different(axes.begin(), axes.end());
  if (different.size() != axes.size()) throw Unsupported{"an axis is named twice"};
  return axes;
}

std::vector<int64_t> numbersOf(const Shape &shape, const char *what) {
  std::vector<int64_t> result;
  for (const Dim &size : shape) {
    if (!size.constant())
      throw Unsupported{std::string(what) + " needs sizes that are numbers, not open ones: " + shapeText(shape)};
    result.push_back(*size.constant());
  }
  return result;
}

std::string shapeText(const Shape &shape) {
  std::string result = "(";
  for (const Dim &size : shape)
    result += (result.size() > 1 ? ", " : "") + (size.constant() ? std::to_string(*size.constant()) : "open");
  return result + ")";
}

} // namespace fovea::onnx
