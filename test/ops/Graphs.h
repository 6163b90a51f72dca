// Random programs of the dialect's ops: for what goes wrong only between ops, where kernels are cut, fused and share
// memory.
#pragma once

#include "test/ops/Case.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace fovea::ops {

struct Node;
class Draw;

/// How graphs are made of an op.
struct Rule {
  std::string op; // without the dialect's name
  /// A node of this op on values that the graph has, or on new operands; nothing where that does not work out.
  std::function<std::optional<Node>(Draw &)> draw;
  /// The naive formula. `shape` is the node's with a value for B. Throws std::invalid_argument where shapes do not fit.
  std::function<Arrays(const Node &, const Arrays &inputs, const Shape &shape)> evaluate;
  std::function<SmallVector<Value>(const Node &, const Build &, Values inputs)> build;
  /// Of eighths below 128 it makes such numbers without rounding.
  bool exact = false;
  /// Rounding errors are relative to the largest result rather than to each.
  bool sums = false;
  /// And to at least this: a sum near 0 of what is near 1, or a logarithm near 1, has an error of its own.
  double leastScale = 0;
  /// Results from this one on jump where operands move: they are used only if all operands are exact.
  size_t jumps = SIZE_MAX;
  Kind others = Kind::real; // of results after the first
};

/// All of them; a table in four files.
const std::vector<Rule> &rules();
std::vector<Rule> elementwiseRules(), viewRules(), rowRules(), contractionRules();

struct Use {
  size_t node, result = 0;
  bool operator==(const Use &other) const { return node == other.node && result == other.result; }
};

/// An op or, without a rule, an operand.
struct Node {
  const Rule *rule = nullptr;
  std::vector<Use> inputs = {};
  Shape shape = {};       // of the result, where the inputs do not tell; `batch` may stand in it
  Shape numbers = {};     // axes and other attributes
  std::string word = {};  // a relation or reduction
  Kind kind = Kind::real; // of the first result
  Array constant = {};
  Operand operand = {};
};

/// Every input comes before its user.
struct Graph {
  std::string name;
  Precision precision = Precision::f64;
  bool batched = false;  // some sizes are B
  bool gradient = false; // gradients of operands that are parameters are compared too
  std::vector<Node> nodes;
  std::vector<Use> results;
};

/// The graph of a seed: always the same.
Graph drawGraph(uint64_t seed);

/// The largest value of B that graphs run with; their values are drawn for it.
constexpr int64_t graphBatch = 4;

struct Evaluation {
  std::vector<Arrays> values;           // of each node
  std::vector<std::vector<bool>> exact; // which of them are eighths below 128, computed without rounding
};
/// Changes each result that is not exact, given its scale: how large a number its rounding is relative to.
using Rounding = llvm::function_ref<double(size_t node, int64_t element, double value, double scale)>;
/// Evaluates node `index`, the next one; `operand` is its value if it has no rule.
void evaluateNext(const Graph &graph, size_t index, const Array &operand, int64_t batchSize, Evaluation &result,
                  Rounding rounding = {});
/// All nodes, of a graph whose operands have the values that its case draws.
Evaluation evaluate(const Graph &graph, int64_t batchSize);
/// The value that the graph's case draws for an operand.
Array operandOf(const Graph &graph, const Node &node, int64_t batchSize);

/// The shape with `batch`, of a value with B = graphBatch and with half of it; nothing where B is not the first size or
/// is part of another one.
std::optional<Shape> shapeWithBatch(const Array &large, const Array &small);

/// Whether each node depends on an operand that has a gradient.
std::vector<bool> varying(const Graph &graph);

/// Whether there are results, one with a gradient if the graph has gradients, and B in an operand and a result if it
/// has B.
bool isComplete(const Graph &graph);

/// Drops nodes that no result needs.
void prune(Graph &graph);

Case caseOf(const Graph &graph);

} // namespace fovea::ops
