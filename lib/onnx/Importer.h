// The walk over a model's graph, with what names stand for.
#pragma once

#include "lib/dsl/Program.h"
#include "lib/onnx/Call.h"
#include "lib/onnx/Import.h"
#include "lib/onnx/Registry.h"

namespace fovea::onnx {

/// The names of a graph or function, within those around it.
struct Scope {
  std::map<std::string, Operand> operands;
  Scope *around;
  const Opsets *opsets;
  const Attributes *attributes; // of a function's call, which its nodes may refer to
  int64_t depth;

  Operand *find(const std::string &name) {
    auto found = operands.find(name);
    return found != operands.end() ? &found->second : around ? around->find(name) : nullptr;
  }
};

class Importer {
public:
  Importer(const std::filesystem::path &path, const Model &file, const ImportOptions &options);
  Imported run();

  // For calls.
  dsl::Program &program() { return model.program(); }
  Tensor tensor(Operand &operand);
  Tensor constant(const Known &known);
  /// Elements of an operand; of an input, only if `take` makes it a constant.
  const Known *known(Operand &operand, bool take);
  std::vector<Tensor> inlined(const Graph &graph, const std::vector<Tensor> &arguments);

private:
  void addInputs();
  void addInput(const Declared &input);
  std::optional<Shape> inputShape(const Declared &input);
  void addInitializers(const Graph &graph, Scope &scope);
  void addOutputs();
  void dropConstantInputs();
  std::string unique(const std::string &name);

  void runNodes(const std::vector<Node> &nodes, Scope &scope);
  void runNode(const Node &node, Scope &scope);
  void call(const Node &node, Scope &scope, std::vector<Operand *> inputs);
  void callFunction(const Function &function, const Node &node, Scope &scope, const std::vector<Operand *> &inputs);
  void branch(Call &call, Scope &scope);
  /// A graph's outputs, computed in a scope of its own.
  std::vector<Operand> runGraph(const Graph &graph, Scope &around, const std::vector<Operand> &arguments);
  void give(const Node &node, Scope &scope, std::vector<Operand> results);

  Tensor constant(const Array &array);
  Tensor parameter(const Operand &operand);
  void problem(const std::string &what) { problems.push_back(where + what); }

  const Model &file;
  const ImportOptions &options;
  std::string where;
  fovea::Model model;
  Scope top;
  Scope *current = nullptr;
  std::vector<std::string> problems;
  std::vector<std::shared_ptr<const Array>> parameters;
  std::vector<Port> inputs, outputs;
  std::set<std::string> names;
  std::optional<std::pair<std::string, Dim>> symbol; // by its name in the file
};

} // namespace fovea::onnx
