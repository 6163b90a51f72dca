// Greedy: each change that keeps the failure is kept, until none does.
#include "test/ops/Reducer.h"
#include "test/ops/Check.h"
#include "test/ops/Module.h"

#include <cmath>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <set>

namespace fovea::ops {

static std::vector<Case> casesOf(llvm::ArrayRef<Graph> graphs) {
  std::vector<Case> cases;
  for (const Graph &graph : graphs) cases.push_back(caseOf(graph));
  return cases;
}

std::string compareGraphs(llvm::ArrayRef<Graph> graphs) {
  Setting setting{graphs[0].precision};
  setting.cached = false;
  if (graphs[0].batched) setting.batches = {1, graphBatch};
  testing::TestPartResultArray failures;
  {
    testing::ScopedFakeTestPartResultReporter reporter(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &failures);
    check({"Graphs", casesOf(graphs)}, setting);
  }
  std::string text;
  for (int at = 0; at < failures.size(); ++at) text += std::string(failures.GetTestPartResult(at).message()) + "\n";
  return text;
}

std::string textOf(llvm::ArrayRef<Graph> graphs) {
  auto context = makeContext();
  std::string text;
  llvm::raw_string_ostream stream(text);
  buildModule(context.get(), casesOf(graphs), graphs[0].precision)->print(stream);
  return text;
}

namespace {

/// A value's shape and kind; none where B is at an odd place.
struct Type {
  std::optional<Shape> shape;
  Kind kind;
  bool operator==(const Type &other) const { return shape && shape == other.shape && kind == other.kind; }
};

class Reducer {
public:
  using Fails = llvm::function_ref<bool(llvm::ArrayRef<Graph>)>;
  Reducer(std::vector<Graph> graphs, Fails fails) : graphs(std::move(graphs)), fails(fails) {}

  std::vector<Graph> run() {
    dropGraphs();
    for (changed = true; changed;) {
      changed = false;
      for (which = 0; which < graphs.size(); ++which) dropResults(), dropNodes(), dropGradient(), shrinkSizes();
    }
    return graphs;
  }

private:
  /// Halves, quarters and so on, down to single ones.
  void dropGraphs() {
    for (size_t part = graphs.size() / 2; part > 0; part /= 2)
      for (size_t first = 0; first < graphs.size() && graphs.size() > part;) {
        std::vector<Graph> rest = graphs;
        rest.erase(rest.begin() + first, rest.begin() + std::min(first + part, rest.size()));
        if (fails(rest))
          graphs = std::move(rest);
        else
          first += part;
      }
  }

  /// Takes the changed graph in place of the old one if it is sound and fails too.
  bool attempt(Graph graph) {
    prune(graph);
    if (!isSound(graph)) return false;
    std::vector<Graph> others = graphs;
    others[which] = std::move(graph);
    if (!fails(others)) return false;
    graphs = std::move(others);
    return changed = true;
  }

  static bool isSound(const Graph &graph) {
    try {
      Evaluation all = evaluate(graph, graphBatch);
      for (const Arrays &values : all.values)
        for (const Array &array : values)
          if (!llvm::all_of(array.values, [](double value) { return std::isfinite(value); })) return false;
      return isComplete(graph);
    } catch (const std::invalid_argument &) {
      return false;
    }
  }

  void dropResults() {
    for (Use use : graphs[which].results) {
      Graph graph = graphs[which];
      if (graph.results.size() == 1) return;
      graph.results = {use};
      if (attempt(graph)) return;
    }
    for (size_t at = graphs[which].results.size(); at-- > 0 && graphs[which].results.size() > 1;) {
      Graph graph = graphs[which];
      graph.results.erase(graph.results.begin() + at);
      attempt(graph);
    }
  }

  void dropNodes() {
    for (size_t node = graphs[which].nodes.size(); node-- > 0;) {
      if (node >= graphs[which].nodes.size() || !graphs[which].nodes[node].rule) continue;
      if (!bypass(node)) cut(node);
    }
  }

  std::vector<std::vector<Type>> typesOf(const Graph &graph) {
    Evaluation large = evaluate(graph, graphBatch), small = evaluate(graph, graphBatch / 2);
    std::vector<std::vector<Type>> types(graph.nodes.size());
    for (auto [index, node] : llvm::enumerate(graph.nodes))
      for (size_t result = 0; result < large.values[index].size(); ++result) {
        Kind kind = !node.rule ? node.operand.kind : result ? node.rule->others : node.kind;
        types[index].push_back({shapeWithBatch(large.values[index][result], small.values[index][result]), kind});
      }
    return types;
  }

  /// Its users take one of its inputs.
  bool bypass(size_t node) {
    Graph graph = graphs[which];
    auto types = typesOf(graph);
    for (Use input : graph.nodes[node].inputs) {
      if (!(types[input.node][input.result] == types[node][0])) continue;
      Graph other = graph;
      bool replaced = false;
      for (Use *use : usesOf(other, node))
        if (!use->result) *use = input, replaced = true;
      if (!replaced) return false;
      for (Use use : other.results)
        if (!other.nodes[use.node].rule) return false; // a result is no operand
      if (attempt(other)) return true;
    }
    return false;
  }

  static std::vector<Use *> usesOf(Graph &graph, size_t node) {
    std::vector<Use *> uses;
    for (Node &user : graph.nodes)
      for (Use &use : user.inputs)
        if (use.node == node) uses.push_back(&use);
    for (Use &use : graph.results)
      if (use.node == node) uses.push_back(&use);
    return uses;
  }

  /// An operand takes its place, with the values that it had; in a graph with gradients, where it had one too.
  bool cut(size_t node) {
    Graph graph = graphs[which];
    if (llvm::any_of(graph.results, [&](Use use) { return use.node == node; })) return false;
    std::vector<Use *> uses = usesOf(graph, node);
    size_t result = uses.empty() ? 0 : uses[0]->result;
    if (uses.empty() || llvm::any_of(uses, [&](Use *use) { return use->result != result; })) return false;
    Type type = typesOf(graph)[node][result];
    bool constant = type.shape && !llvm::is_contained(*type.shape, batch);
    if (!type.shape || (graph.gradient && type.kind == Kind::real && constant && !varying(graph)[node])) return false;
    std::vector<double> values = evaluate(graph, graphBatch).values[node][result].values;
    Fill fill = cycle(values);
    if (graph.gradient && type.kind == Kind::real && constant) // away from kinks and ties, such as the zeros of relu
      fill = [fill](int64_t at, double draw) { return fill(at, draw) + 0.01 * (draw + 0.1); };
    graph.nodes[node] = {};
    graph.nodes[node].operand = {"v" + std::to_string(node) + "_" + std::to_string(cuts++), *type.shape, cycle(values),
                                 type.kind};
    for (Use *use : uses) use->result = 0;
    return attempt(graph);
  }

  void dropGradient() {
    if (!graphs[which].gradient) return;
    Graph graph = graphs[which];
    graph.gradient = false;
    attempt(std::move(graph));
  }

  /// Everywhere a size becomes a smaller one.
  void shrinkSizes() {
    std::set<int64_t> sizes;
    for (const Node &node : graphs[which].nodes) {
      sizes.insert(node.operand.shape.begin(), node.operand.shape.end());
      sizes.insert(node.shape.begin(), node.shape.end());
    }
    for (int64_t size : sizes)
      for (int64_t smaller : {1, 2, 3, 4, 5, 8}) {
        if (smaller >= size) break;
        Graph graph = graphs[which];
        for (Node &node : graph.nodes)
          for (Shape *shape : {&node.operand.shape, &node.shape})
            std::replace(shape->begin(), shape->end(), size, smaller);
        if (attempt(graph)) break;
      }
  }

  std::vector<Graph> graphs;
  Fails fails;
  size_t which = 0, cuts = 0;
  bool changed = true;
};

} // namespace

std::vector<Graph> reduce(std::vector<Graph> graphs, llvm::function_ref<bool(llvm::ArrayRef<Graph>)> fails) {
  return Reducer(std::move(graphs), fails).run();
}

} // namespace fovea::ops
