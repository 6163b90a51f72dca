// Random graphs against their naive evaluation. GRAPHS_SEED names the first one and GRAPHS_COUNT says how many follow.
#include "test/ops/Draw.h"
#include "test/ops/Module.h"
#include "test/ops/Reducer.h"

#include "mlir/IR/MLIRContext.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <set>

namespace fovea::ops {

static uint64_t setting(const char *name, uint64_t otherwise) {
  const char *value = std::getenv(name);
  return value ? std::strtoull(value, nullptr, 10) : otherwise;
}

/// The names of the graphs, which hold their seeds.
static std::string namesOf(const std::vector<Graph> &graphs) {
  std::string names;
  for (const Graph &graph : graphs) names += " " + graph.name;
  return names;
}

/// Reduces graphs that failed, and reports them with a file.
static void report(const std::vector<Graph> &graphs, const std::string &failure) {
  bool compiles = failure.find("does not compile") == std::string::npos;
  std::vector<Graph> reduced = reduce(graphs, [&](llvm::ArrayRef<Graph> some) {
    std::string text = compareGraphs(some);
    return !text.empty() && compiles == (text.find("does not compile") == std::string::npos);
  });
  std::filesystem::path path = std::filesystem::path(FOVEA_GRAPHS) / (reduced[0].name + ".mlir");
  std::filesystem::create_directories(path.parent_path());
  std::string text = textOf(reduced);
  std::ofstream(path) << text;
  ADD_FAILURE() << failure << "GRAPHS_SEED=" << reduced[0].name.substr(1) << " GRAPHS_COUNT=1 draws the first of"
                << namesOf(reduced) << "; reduced, in " << path.string() << ":\n"
                << compareGraphs(reduced) << text;
}

/// How many graphs ran.
static size_t compare(uint64_t seed, size_t count) {
  constexpr size_t together = 25, mostFailures = 4;
  size_t ran = 0, failures = 0;
  std::map<std::pair<Precision, bool>, std::vector<Graph>> modules;
  auto flush = [&](std::vector<Graph> &graphs) {
    if (graphs.empty() || failures >= mostFailures) return;
    std::cout << "compiling" << namesOf(graphs) << std::endl; // for the case of a crash
    ran += graphs.size();
    if (std::string failure = compareGraphs(graphs); !failure.empty()) ++failures, report(graphs, failure);
    graphs.clear();
  };
  for (uint64_t at = seed; at < seed + count; ++at) {
    Graph graph = drawGraph(at);
    std::vector<Graph> &graphs = modules[{graph.precision, graph.batched}];
    graphs.push_back(std::move(graph));
    if (graphs.size() == together) flush(graphs);
  }
  for (auto &[key, graphs] : modules) flush(graphs);
  return ran;
}

TEST(Graphs, Match) {
  uint64_t seed = setting("GRAPHS_SEED", 1), count = setting("GRAPHS_COUNT", 16);
  std::cout << "GRAPHS_SEED=" << seed << " GRAPHS_COUNT=" << count << std::endl;
  size_t ran = compare(seed, count);
  ASSERT_GT(ran, 0u) << "no graph ran";
  EXPECT_EQ(ran, count);
}

/// Ops without a rule, and why.
static const std::map<std::string, std::string> &withoutRule() {
  static const std::map<std::string, std::string> ops = {
      {"attention_grad", "the gradient of attention"},
      {"attention_map", "it belongs to an attention; it has cases of its own"},
      {"conv2d_weight_grad", "the gradient of conv2d"},
      {"random_keys", "its numbers are Philox's; they have tables"},
      {"random_uniform", "its numbers are Philox's; they have tables"},
      {"dropout", "its numbers are Philox's; they have tables"},
      {"batch_norm", "it needs states; the grad stage makes other ops of it"},
  };
  return ops;
}

TEST(Graphs, DrawEveryOp) {
  std::set<std::string> ruled, drawn;
  for (const Rule &rule : rules()) EXPECT_TRUE(ruled.insert(rule.op).second) << rule.op << " has two rules";
  auto context = makeContext();
  size_t ops = 0;
  for (mlir::RegisteredOperationName name : context->getRegisteredOperations()) {
    if (name.getDialectNamespace() != "fovea" || name.hasTrait<Structural>()) continue;
    std::string op = name.stripDialect().str();
    EXPECT_NE(ruled.count(op), withoutRule().count(op)) << op << " has no rule, or one and a reason to have none";
    ++ops;
  }
  EXPECT_EQ(ops, ruled.size() + withoutRule().size());
  for (uint64_t seed = 1; seed <= 1000 && drawn.size() < ruled.size(); ++seed)
    for (const Node &node : drawGraph(seed).nodes)
      if (node.rule) drawn.insert(node.rule->op);
  EXPECT_EQ(drawn, ruled);
}

/// tanh has a wrong formula; what is left of a graph with it is tanh alone.
TEST(Graphs, ReduceToWhatIsWrong) {
  const Rule &right = *llvm::find_if(rules(), [](const Rule &rule) { return rule.op == "tanh"; });
  Rule wrong = right;
  wrong.evaluate = [&](const Node &node, const Arrays &inputs, const Shape &shape) {
    return Arrays{reference::unary(right.evaluate(node, inputs, shape)[0], [](double y) { return y + 0.01; })};
  };
  auto hasTanh = [&](const Graph &graph) {
    return llvm::any_of(graph.nodes, [&](const Node &node) { return node.rule == &right; });
  };
  std::vector<Graph> graphs;
  for (uint64_t seed = 1; graphs.size() < 3; ++seed) {
    Graph graph = drawGraph(seed);
    if (graph.precision == Precision::f64 && !graph.batched && graph.nodes.size() > 6 &&
        hasTanh(graph) == (graphs.size() == 1))
      graphs.push_back(graph);
  }
  ASSERT_EQ(compareGraphs(graphs), "");
  for (Node &node : graphs[1].nodes)
    if (node.rule == &right) node.rule = &wrong;
  std::vector<Graph> reduced = reduce(graphs, [](llvm::ArrayRef<Graph> some) { return !compareGraphs(some).empty(); });
  ASSERT_EQ(reduced.size(), 1u);
  EXPECT_EQ(reduced[0].name, graphs[1].name);
  ASSERT_EQ(reduced[0].nodes.size(), 2u); // an operand and
  EXPECT_EQ(reduced[0].nodes[1].rule, &wrong);
  EXPECT_FALSE(reduced[0].gradient);
  for (int64_t size : reduced[0].nodes[0].operand.shape) EXPECT_EQ(size, 1);
  EXPECT_NE(textOf(reduced).find("fovea.tanh"), std::string::npos);
}

TEST(Graphs, AreTheSameForASeed) { EXPECT_EQ(textOf({drawGraph(7)}), textOf({drawGraph(7)})); }

} // namespace fovea::ops
