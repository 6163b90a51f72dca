// A node as its handler sees it: inputs as tensors of the model under construction, or as elements that are known;
// attributes; outputs to give.
#pragma once

#include "lib/onnx/Known.h"

#include <fovea/Functions.h>
#include <fovea/Model.h>

namespace fovea::onnx {

/// Why a node cannot be imported.
struct Unsupported {
  std::string reason;
};

/// What a name in the graph stands for. The tensor is made when it is first asked for.
struct Operand {
  std::optional<Tensor> tensor;
  std::shared_ptr<const Known> known;
  std::shared_ptr<const Array> array; // an initializer, or the value of a constant
  const Array *offered = nullptr;     // an input's value, if it may become a constant
  bool failed = false;                // the node that gives it could not be imported
  std::string name;
};

class Importer;

class Call {
public:
  Call(Importer &importer, const Node &node, int64_t version, std::vector<Operand *> inputs)
      : node(node), version(version), importer(importer), inputs(std::move(inputs)), outputs(node.outputs.size()) {}

  const Node &node;
  int64_t version; // of the op: the newest that the model's opset has

  [[noreturn]] void unsupported(const std::string &reason) const { throw Unsupported{reason}; }

  // Inputs. Missing ones that are needed are an error.
  size_t inputCount() const { return inputs.size(); }
  bool has(size_t index) const { return index < inputs.size() && inputs[index]; }
  Tensor tensor(size_t index);
  /// Its elements, if they are known without making an input a constant.
  const Known *known(size_t index);
  /// Elements that must be known; `what` names them in the message. Numbers of a symbolic size are not.
  const Known &needed(size_t index, const char *what);
  std::vector<int64_t> integers(size_t index, const char *what);
  int64_t integer(size_t index, const char *what);
  std::vector<double> numbers(size_t index, const char *what);
  /// Sizes, which may depend on symbols.
  const std::vector<Dim> &sizes(size_t index, const char *what);
  /// The element type, and the shape with its symbols, without making a tensor.
  Element element(size_t index);
  Shape shape(size_t index);

  // Attributes.
  bool hasAttribute(const std::string &name) const { return node.attributes.count(name) > 0; }
  int64_t integer(const std::string &name, int64_t otherwise) const;
  double number(const std::string &name, double otherwise) const;
  std::string text(const std::string &name, const std::string &otherwise) const;
  std::vector<int64_t> integers(const std::string &name, std::vector<int64_t> otherwise = {}) const;
  const Attribute *attribute(const std::string &name, Attribute::Kind kind) const;

  // Outputs.
  size_t outputCount() const { return outputs.size(); }
  bool wants(size_t index) const { return index < node.outputs.size() && !node.outputs[index].empty(); }
  void give(Tensor tensor, size_t index = 0);
  void give(Known known, size_t index = 0);
  /// The first output is an input as it is.
  void pass(size_t index);
  void giveArray(std::shared_ptr<const Array> array, size_t index = 0);

  // Tensors of the model.
  Tensor constant(const Known &known);
  /// A number of an element type, of rank 0.
  Tensor scalar(double number, DType dtype);
  /// Runs a graph of the node's, or a function's nodes, in this model.
  std::vector<Tensor> inlined(const Graph &graph, const std::vector<Tensor> &arguments);

  std::vector<Operand> &results() { return outputs; }

private:
  const Operand &operand(size_t index) const;
  Importer &importer;
  std::vector<Operand *> inputs;
  std::vector<Operand> outputs;
};

/// The dialect's element type; throws Unsupported where it has none.
DType dtypeOf(Element element);
Element elementOf(DType dtype);

/// An axis counted from the front; throws Unsupported where it is outside the rank.
int64_t frontAxis(int64_t axis, int64_t rank);
std::vector<int64_t> frontAxes(std::vector<int64_t> axes, int64_t rank);
/// The sizes of a tensor, which must all be numbers; `what` needs them to be.
std::vector<int64_t> numbersOf(const Shape &shape, const char *what);
std::string shapeText(const Shape &shape);

} // namespace fovea::onnx
