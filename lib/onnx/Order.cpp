// Topological order of nodes, those of subgraphs included.
#include "onnx/Order.h"

#include <algorithm>

namespace fovea::onnx {

std::string nodeText(const Node &node) {
  if (!node.name.empty()) return "node '" + node.name + "' (" + node.op + ")";
  for (const std::string &output : node.outputs)
    if (!output.empty()) return "the node of '" + output + "' (" + node.op + ")";
  return "a nameless node (" + node.op + ")";
}

namespace {

/// The names that a node's subgraphs take from around them.
void captures(const Graph &graph, std::set<std::string> &result) {
  std::set<std::string> own;
  for (const auto &array : graph.initializers) own.insert(array->name);
  for (const Declared &input : graph.inputs) own.insert(input.name);
  for (const Node &node : graph.nodes) own.insert(node.outputs.begin(), node.outputs.end());
  std::set<std::string> read;
  for (const Node &node : graph.nodes) {
    read.insert(node.inputs.begin(), node.inputs.end());
    for (const auto &[name, attribute] : node.attributes)
      if (attribute.graph) captures(*attribute.graph, read);
  }
  for (const Declared &output : graph.outputs) read.insert(output.name);
  for (const std::string &name : read)
    if (!name.empty() && !own.count(name)) result.insert(name);
}

std::set<std::string> readsOf(const Node &node) {
  std::set<std::string> result(node.inputs.begin(), node.inputs.end());
  result.erase("");
  for (const auto &[name, attribute] : node.attributes)
    if (attribute.graph) captures(*attribute.graph, result);
  return result;
}

} // namespace

void orderNodes(std::vector<Node> &nodes, std::set<std::string> known, const std::string &where) {
  std::map<std::string, size_t> givers;
  for (size_t index = 0; index < nodes.size(); ++index)
    for (const std::string &output : nodes[index].outputs) {
      if (output.empty()) continue;
      if (known.count(output) || !givers.emplace(output, index).second)
        throw Error(where + nodeText(nodes[index]) + " gives '" + output +
                    "', which exists already: each name is given once");
    }
  // Nodes wait for so many others; those that wait for none are taken in the order of the file.
  std::vector<size_t> waits(nodes.size());
  std::vector<std::vector<size_t>> readers(nodes.size());
  for (size_t index = 0; index < nodes.size(); ++index)
    for (const std::string &name : readsOf(nodes[index])) {
      if (known.count(name)) continue;
      auto giver = givers.find(name);
      if (giver == givers.end())
        throw Error(where + nodeText(nodes[index]) + " reads '" + name +
                    "', which no input, initializer or node gives");
      readers[giver->second].push_back(index);
      ++waits[index];
    }
  std::set<size_t> ready;
  for (size_t index = 0; index < nodes.size(); ++index)
    if (waits[index] == 0) ready.insert(index);
  std::vector<Node> ordered;
  while (!ready.empty()) {
    size_t index = *ready.begin();
    ready.erase(ready.begin());
    ordered.push_back(std::move(nodes[index]));
    for (size_t reader : readers[index])
      if (--waits[reader] == 0) ready.insert(reader);
  }
  if (ordered.size() < nodes.size()) {
    size_t index =
        static_cast<size_t>(std::find_if(waits.begin(), waits.end(), [](size_t n) { return n > 0; }) - waits.begin());
    throw Error(where + nodeText(nodes[index]) + " waits for its own result: the graph has a cycle");
  }
  nodes = std::move(ordered);
}

} // namespace fovea::onnx
