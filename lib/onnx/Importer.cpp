// Inputs, nodes in order, outputs; problems are collected, so that all are told at once.
#include "lib/onnx/Importer.h"
#include "lib/onnx/Order.h"

#include "llvm/ADT/StringExtras.h"

namespace fovea::onnx {

constexpr int64_t oldestOpset = 7, newestOpset = 28;
constexpr int64_t deepestCall = 64;

std::string identifier(const std::string &text) {
  std::string result;
  for (char c : text) result += llvm::isAlnum(c) ? c : '_';
  return result.empty() || llvm::isDigit(result[0]) ? "_" + result : result;
}

Importer::Importer(const std::filesystem::path &path, const Model &file, const ImportOptions &options)
    : file(file), options(options), where(path.string() + ": "),
      model(options.name), top{{}, nullptr, &file.opsets, nullptr, 0} {
  program().place = mlir::UnknownLoc::get(&program().context);
}

Imported Importer::run() {
  auto opset = file.opsets.find("");
  if (opset != file.opsets.end() && (opset->second < oldestOpset || opset->second > newestOpset))
    throw UnsupportedModel(where + "is of opset " + std::to_string(opset->second) + ": opsets " +
                           std::to_string(oldestOpset) + " to " + std::to_string(newestOpset) +
                           " are known; convert the model to one of them");
  if (file.opsets.empty()) throw Error(where + "imports no opset: it does not say which versions of ops it means");
  if (file.graph.outputs.empty()) throw Error(where + "has no output: there is nothing to compute");
  addInitializers(file.graph, top);
  addInputs();
  runNodes(file.graph.nodes, top);
  addOutputs();
  if (!problems.empty()) throw UnsupportedModel(llvm::join(problems, "\n"));
  dropConstantInputs();
  return {model, parameters, inputs, outputs};
}

std::string Importer::unique(const std::string &name) {
  std::string base = identifier(name), result = base;
  for (int number = 1; !names.insert(result).second; ++number) result = base + "_" + std::to_string(number);
  return result;
}

//===-- Inputs and outputs ----------------------------------------------------------------------------------------===//

void Importer::addInitializers(const Graph &graph, Scope &scope) {
  for (const auto &array : graph.initializers) {
    Operand operand;
    operand.name = array->name;
    operand.array = array;
    scope.operands[array->name] = std::move(operand);
  }
}

void Importer::addInputs() {
  for (const Declared &input : file.graph.inputs)
    if (!top.operands.count(input.name)) addInput(input); // else an initializer is its default value
}

/// The shape, or nothing after a problem.
std::optional<Shape> Importer::inputShape(const Declared &input) {
  std::string text = "input '" + input.name + "' ";
  if (!input.shape) return problem(text + "has no shape: declare one"), std::nullopt;
  Shape shape;
  for (const Size &size : *input.shape) {
    if (size.number) {
      if (*size.number < 0)
        return problem(text + "has a size of " + std::to_string(*size.number) + ": sizes are not negative"),
               std::nullopt;
      shape.push_back(*size.number);
      continue;
    }
    std::string name = size.name.empty() ? "batch" : size.name;
    if (!shape.empty())
      return problem(text + "has the open size '" + name +
                     "' behind the first dimension: only the leading size, the batch, may "
                     "be open; give the others as numbers"),
             std::nullopt;
    if (symbol && symbol->first != name)
      return problem(text + "has the open size '" + name + "', another '" + symbol->first + "': one size may be open"),
             std::nullopt;
    if (!symbol) symbol.emplace(name, model.symbol(unique(name)));
    shape.push_back(symbol->second);
  }
  return shape;
}

void Importer::addInput(const Declared &input) {
  Operand &operand = top.operands[input.name];
  operand.name = input.name;
  operand.failed = true;
  if (input.kind != "tensor")
    return problem("input '" + input.name + "' is " +
                   (input.kind.empty() ? "of no declared type" : "of type " + input.kind) +
                   ": only tensors are supported");
  try {
    DType dtype = dtypeOf(input.element);
    std::optional<Shape> shape = inputShape(input);
    if (!shape) return;
    auto known = options.known.find(input.name);
    if (known != options.known.end()) operand.offered = &known->second;
    operand.failed = false;
    inputs.push_back({input.name, unique(input.name)});
    operand.tensor = model.input(inputs.back().identifier, *shape, dtype);
  } catch (const Unsupported &unsupported) {
    problem("input '" + input.name + "' " + unsupported.reason);
  } catch (const Error &error) {
    problem(error.what());
  }
}

void Importer::addOutputs() {
  for (const Declared &output : file.graph.outputs) {
    Operand *operand = top.find(output.name);
    if (!operand || operand->failed) continue;
    try {
      outputs.push_back({output.name, unique(output.name)});
      model.output(outputs.back().identifier, tensor(*operand));
    } catch (const Unsupported &unsupported) {
      problem("output '" + output.name + "' " + unsupported.reason);
    } catch (const Error &error) {
      problem(error.what());
    }
  }
}

/// Inputs that ops have taken the elements of.
void Importer::dropConstantInputs() {
  mlir::func::FuncOp function = program().function;
  for (int64_t index = (int64_t)inputs.size() - 1; index >= 0; --index) {
    if (top.operands[inputs[index].name].tensor == std::nullopt || !top.operands[inputs[index].name].known) continue;
    if (!function.getArgument(index).use_empty()) continue;
    (void)function.eraseArgument(index);
    inputs.erase(inputs.begin() + index);
  }
}

//===-- Nodes -----------------------------------------------------------------------------------------------------===//

void Importer::runNodes(const std::vector<Node> &nodes, Scope &scope) {
  for (const Node &node : nodes) runNode(node, scope);
}

/// The node with the attributes that refer to those of a function's call replaced by them.
static Node resolved(const Node &node, const Attributes &given) {
  Node result = node;
  for (auto at = result.attributes.begin(); at != result.attributes.end();) {
    auto found = given.find(at->second.text);
    if (at->second.kind != Attribute::Kind::reference) {
      ++at;
    } else if (found == given.end()) {
      at = result.attributes.erase(at);
    } else {
      at->second = found->second;
      ++at;
    }
  }
  return result;
}

void Importer::runNode(const Node &original, Scope &scope) {
  const Node node = scope.attributes ? resolved(original, *scope.attributes) : original;
  std::vector<Operand *> operands;
  bool failed = false;
  for (const std::string &name : node.inputs) {
    operands.push_back(name.empty() ? nullptr : scope.find(name));
    failed = failed || (operands.back() && operands.back()->failed);
  }
  auto opset = scope.opsets->find(node.domain);
  std::string version = opset == scope.opsets->end() ? "" : "-" + std::to_string(opset->second);
  auto *around = std::exchange(current, &scope);
  auto place = program().place;
  program().place = mlir::NameLoc::get(mlir::StringAttr::get(&program().context, nodeText(node)));
  try {
    if (node.outputs.empty()) throw Unsupported{"it has no outputs"};
    const Function *function = file.function(node.domain, node.op, node.overload);
    if (!function && opset == scope.opsets->end())
      throw Unsupported{"the model imports no opset of domain '" + node.domain + "'"};
    if (!function && node.op != "If")
      version = "-" + std::to_string(Registry::instance().find(node.domain, node.op, opset->second).version);
    if (failed) {
      give(node, scope, {});
    } else if (function) {
      callFunction(*function, node, scope, operands);
    } else {
      Call call(*this, node, version.empty() ? 0 : std::stoll(version.substr(1)), operands);
      if (node.op == "If" && node.domain.empty())
        branch(call, scope);
      else if (!fold(call))
        Registry::instance().find(node.domain, node.op, opset->second).handler(call);
      give(node, scope, std::move(call.results()));
    }
  } catch (const Unsupported &unsupported) {
    problem(nodeText(node) + ", " + node.op + version + ": " + unsupported.reason);
    give(node, scope, {});
  } catch (const Error &error) {
    problem(nodeText(node) + ", " + node.op + version + ": " + error.what());
    give(node, scope, {});
  }
  program().place = place;
  current = around;
}

/// Outputs that the handler has not given have failed.
void Importer::give(const Node &node, Scope &scope, std::vector<Operand> results) {
  results.resize(node.outputs.size());
  for (size_t index = 0; index < results.size(); ++index) {
    Operand &result = results[index];
    if (node.outputs[index].empty()) continue;
    result.name = node.outputs[index];
    result.failed = result.failed || !(result.tensor || result.known || result.array);
    scope.operands[node.outputs[index]] = std::move(result);
  }
}

void Importer::callFunction(const Function &function, const Node &node, Scope &scope,
                            const std::vector<Operand *> &operands) {
  if (scope.depth >= deepestCall)
    throw Unsupported{"functions call each other more than 64 deep: does one call itself?"};
  for (const std::string &name : function.attributes)
    if (!node.attributes.count(name)) throw Unsupported{"the function needs the attribute '" + name + "'"};
  Attributes attributes = function.defaults;
  for (const auto &[name, value] : node.attributes) attributes[name] = value;
  Scope inner{{}, nullptr, function.opsets.empty() ? scope.opsets : &function.opsets, &attributes, scope.depth + 1};
  for (size_t index = 0; index < function.inputs.size(); ++index)
    if (index < operands.size() && operands[index]) inner.operands[function.inputs[index]] = *operands[index];
  runNodes(function.nodes, inner);
  std::vector<Operand> results;
  for (const std::string &output : function.outputs) {
    Operand *found = inner.find(output);
    results.push_back(found ? *found : Operand());
    if (!found) throw Unsupported{"the function's output '" + output + "' is given by none of its nodes"};
  }
  give(node, scope, std::move(results));
}

std::vector<Operand> Importer::runGraph(const Graph &graph, Scope &around, const std::vector<Operand> &arguments) {
  if (around.depth >= deepestCall) throw Unsupported{"graphs lie in each other more than 64 deep"};
  if (graph.inputs.size() != arguments.size())
    throw Unsupported{"its graph takes " + std::to_string(graph.inputs.size()) + " inputs, not " +
                      std::to_string(arguments.size())};
  Scope inner{{}, &around, around.opsets, around.attributes, around.depth + 1};
  addInitializers(graph, inner);
  for (size_t index = 0; index < arguments.size(); ++index) inner.operands[graph.inputs[index].name] = arguments[index];
  runNodes(graph.nodes, inner);
  std::vector<Operand> results;
  for (const Declared &output : graph.outputs) {
    results.push_back(*inner.find(output.name));
    results.back().offered = nullptr;
  }
  return results;
}

std::vector<Tensor> Importer::inlined(const Graph &graph, const std::vector<Tensor> &arguments) {
  std::vector<Operand> operands(arguments.size());
  for (size_t index = 0; index < arguments.size(); ++index) operands[index].tensor = arguments[index];
  std::vector<Tensor> results;
  for (Operand &operand : runGraph(graph, *current, operands)) {
    if (operand.failed) throw Unsupported{"a node of its graph cannot be imported"};
    results.push_back(tensor(operand));
  }
  return results;
}

/// If, with a condition that is known.
void Importer::branch(Call &call, Scope &scope) {
  bool taken = call.integer(0, "condition") != 0;
  const char *name = taken ? "then_branch" : "else_branch";
  const Attribute *graph = call.attribute(name, Attribute::Kind::graph);
  if (!graph) throw Unsupported{std::string("it has no ") + name};
  std::vector<Operand> results = runGraph(*graph->graph, scope, {});
  if (results.size() < call.results().size()) throw Unsupported{"its branch has fewer outputs than it"};
  for (size_t index = 0; index < call.results().size(); ++index) call.results()[index] = results[index];
}

} // namespace fovea::onnx
