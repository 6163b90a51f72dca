// Graphs as cases: evaluation by the rules, with and without rounding, and the dialect's ops.
#include "test/ops/Graphs.h"
#include "test/ops/Check.h"
#include "test/ops/Module.h"

#include "llvm/Support/xxhash.h"

#include <cmath>

namespace fovea::ops {

const std::vector<Rule> &rules() {
  static const std::vector<Rule> all = [] {
    std::vector<Rule> all = elementwiseRules();
    for (const auto &some : {viewRules(), rowRules(), contractionRules()})
      all.insert(all.end(), some.begin(), some.end());
    return all;
  }();
  return all;
}

static Shape withBatch(Shape shape, int64_t value) {
  for (int64_t &size : shape)
    if (size == batch) size = value;
  return shape;
}

std::optional<Shape> shapeWithBatch(const Array &large, const Array &small) {
  Shape shape = large.shape;
  if (small.rank() != large.rank()) return std::nullopt;
  for (int64_t axis = 0; axis < large.rank(); ++axis) {
    if (large.shape[axis] == small.shape[axis]) continue;
    if (axis || large.shape[0] != graphBatch || small.shape[0] != graphBatch / 2) return std::nullopt;
    shape[0] = batch;
  }
  return shape;
}

static Case namesOf(const Graph &graph) {
  Case result{graph.name, {}, {}, {}, {}};
  result.gradient = graph.gradient;
  return result;
}

Array operandOf(const Graph &graph, const Node &node, int64_t batchSize) {
  return valuesOf(namesOf(graph), node.operand, batchSize, graph.precision);
}

static bool areEighths(const Array &array) {
  return llvm::all_of(array.values,
                      [](double value) { return std::abs(value) <= 128 && value * 8 == std::floor(value * 8); });
}

static void round(Array &array, size_t node, const Rule &rule, Rounding rounding) {
  double largest = 0;
  for (double value : array.values) largest = std::max(largest, std::abs(value));
  for (int64_t at = 0; at < array.size(); ++at) {
    double &value = array.values[at];
    value = rounding(node, at, value, std::max(rule.leastScale, rule.sums ? largest : std::abs(value)));
  }
}

void evaluateNext(const Graph &graph, size_t index, const Array &operand, int64_t batchSize, Evaluation &result,
                  Rounding rounding) {
  const Node &node = graph.nodes[index];
  if (!node.rule) {
    bool exact = !isParameter(namesOf(graph), node.operand) && areEighths(operand);
    result.values.push_back({operand});
    result.exact.push_back({exact || node.operand.kind != Kind::real});
    return;
  }
  Arrays inputs;
  bool exactInputs = true;
  for (Use use : node.inputs) {
    inputs.push_back(result.values[use.node][use.result]);
    exactInputs &= result.exact[use.node][use.result];
  }
  Arrays values = node.rule->evaluate(node, inputs, withBatch(node.shape, batchSize));
  std::vector<bool> exact;
  for (size_t which = 0; which < values.size(); ++which) {
    bool whole = (which ? node.rule->others : node.kind) != Kind::real;
    exact.push_back(whole || (exactInputs && node.rule->exact && areEighths(values[which])));
    if (rounding && !exact.back()) round(values[which], index, *node.rule, rounding);
  }
  result.values.push_back(std::move(values));
  result.exact.push_back(std::move(exact));
}

Evaluation evaluate(const Graph &graph, int64_t batchSize) {
  Evaluation result;
  for (auto [index, node] : llvm::enumerate(graph.nodes))
    evaluateNext(graph, index, node.rule ? Array() : operandOf(graph, node, batchSize), batchSize, result);
  return result;
}

std::vector<bool> varying(const Graph &graph) {
  std::vector<bool> result;
  Case names = namesOf(graph);
  for (const Node &node : graph.nodes)
    result.push_back(node.rule ? llvm::any_of(node.inputs, [&](Use use) { return result[use.node]; })
                               : isParameter(names, node.operand));
  return result;
}

bool isComplete(const Graph &graph) {
  std::vector<bool> varies = varying(graph);
  auto isResult = [&](size_t node) { return llvm::any_of(graph.results, [&](Use use) { return use.node == node; }); };
  bool reads = false, moves = false;
  for (auto [index, node] : llvm::enumerate(graph.nodes)) {
    reads |= !node.rule && llvm::is_contained(node.operand.shape, batch);
    moves |= varies[index] && isResult(index);
  }
  Evaluation large = evaluate(graph, graphBatch), small = evaluate(graph, graphBatch / 2);
  bool gives = llvm::any_of(graph.results, [&](Use use) {
    return large.values[use.node][use.result].shape != small.values[use.node][use.result].shape;
  });
  return !graph.results.empty() && (moves || !graph.gradient) && ((reads && gives) || !graph.batched);
}

void prune(Graph &graph) {
  std::vector<bool> needed(graph.nodes.size());
  for (Use use : graph.results) needed[use.node] = true;
  for (size_t index = graph.nodes.size(); index-- > 0;)
    if (needed[index])
      for (Use use : graph.nodes[index].inputs) needed[use.node] = true;
  std::vector<size_t> places;
  std::vector<Node> nodes;
  for (auto [index, node] : llvm::enumerate(graph.nodes)) {
    places.push_back(nodes.size());
    if (needed[index]) nodes.push_back(std::move(node));
  }
  for (Node &node : nodes)
    for (Use &use : node.inputs) use.node = places[use.node];
  for (Use &use : graph.results) use.node = places[use.node];
  graph.nodes = std::move(nodes);
}

//===-- As a case -------------------------------------------------------------------------------------------------===//

/// The value of B that shows in the shapes of what a case is given.
static int64_t batchIn(const Graph &graph, const Arrays &given) {
  size_t next = 0;
  for (const Node &node : graph.nodes) {
    if (node.rule) continue;
    if (!node.operand.shape.empty() && node.operand.shape[0] == batch) return given[next].shape[0];
    ++next;
  }
  return 1;
}

static Arrays resultsOf(const Graph &graph, const Arrays &given, Rounding rounding = {}) {
  int64_t batchSize = batchIn(graph, given);
  Evaluation all;
  size_t next = 0;
  for (auto [index, node] : llvm::enumerate(graph.nodes))
    evaluateNext(graph, index, node.rule ? Array() : given[next++], batchSize, all, rounding);
  Arrays results;
  for (Use use : graph.results) results.push_back(all.values[use.node][use.result]);
  return results;
}

static SmallVector<Value> buildGraph(const Graph &graph, const Build &build, Values operands) {
  std::vector<SmallVector<Value>> values;
  for (const Node &node : graph.nodes) {
    if (!node.rule) {
      values.push_back({operands.front()});
      operands = operands.drop_front();
      continue;
    }
    SmallVector<Value> inputs;
    for (Use use : node.inputs) inputs.push_back(values[use.node][use.result]);
    values.push_back(node.rule->build(node, build, inputs));
  }
  SmallVector<Value> results;
  for (Use use : graph.results) results.push_back(values[use.node][use.result]);
  return results;
}

/// About two units in the last place of f32, up or down: the same for every call with the same arguments.
static double roundedAt(uint64_t seed, size_t node, int64_t element, double value, double scale) {
  uint64_t words[] = {seed, node, (uint64_t)element};
  uint64_t bits = llvm::xxh3_64bits(ArrayRef((const uint8_t *)words, sizeof words));
  return value + scale * 0x1p-22 * ((double)(bits >> 11) * 0x1p-52 - 1);
}

Case caseOf(const Graph &graph) {
  Case result = namesOf(graph);
  for (const Node &node : graph.nodes)
    if (!node.rule) result.operands.push_back(node.operand);
  result.build = [graph](const Build &build, Values operands) { return buildGraph(graph, build, operands); };
  result.reference = [graph](const Arrays &operands) { return resultsOf(graph, operands); };
  result.rounded = [graph](const Arrays &operands, uint64_t seed) {
    return resultsOf(graph, operands, [=](size_t node, int64_t element, double value, double scale) {
      return roundedAt(seed, node, element, value, scale);
    });
  };
  return result;
}

} // namespace fovea::ops
