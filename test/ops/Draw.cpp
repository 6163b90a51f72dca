// Draws a graph op by op, evaluating it on the way, so that no value is too large, or falls where a function is steep.
#include "test/ops/Draw.h"

#include <cmath>

namespace fovea::ops {

double Draw::Known::smallestSize() const {
  double result = INFINITY;
  for (double value : values.values) result = std::min(result, std::abs(value));
  return result;
}

double Draw::Known::smallestGap() const {
  std::vector<double> sorted = values.values;
  llvm::sort(sorted);
  double result = INFINITY;
  for (size_t at = 1; at < sorted.size(); ++at) result = std::min(result, sorted[at] - sorted[at - 1]);
  return result;
}

Shape Draw::Known::axes() const {
  Shape result;
  for (int64_t axis = 0; axis < rank(); ++axis)
    if (shape[axis] != batch) result.push_back(axis);
  return result;
}

Shape Draw::shape(int64_t rank) {
  constexpr int64_t most = 400; // elements
  Shape shape;
  int64_t elements = 1;
  for (int64_t axis = 0; axis < rank; ++axis) {
    int64_t drawn = size();
    if (elements * drawn > most) drawn = between(1, 2);
    shape.push_back(drawn);
    elements *= drawn;
  }
  if (batched() && rank && chance(0.6)) shape[0] = batch;
  return shape;
}

std::optional<Draw::Known> Draw::find(Wanted wanted) {
  std::vector<const Known *> fitting;
  for (const Known &value : known)
    if (wanted(value)) fitting.push_back(&value);
  if (fitting.empty()) return std::nullopt;
  size_t count = fitting.size(), late = chance(0.5) ? std::min<size_t>(count, 3) : count;
  return *fitting[count - between(1, late)];
}

Draw::Known Draw::get(Wanted wanted, const Shape &shape, Kind kind, std::optional<Fill> fill) {
  std::optional<Known> found;
  if (!chance(0.1)) found = find(wanted);
  return found ? *found : fresh(shape, kind, fill);
}

Draw::Known Draw::fresh(const Shape &shape, Kind kind, std::optional<Fill> fill) {
  bool moves = gradient() && kind == Kind::real && !llvm::is_contained(shape, batch);
  if (!fill) {
    fill = kind == Kind::boolean ? whole(0, 2) : kind == Kind::real ? uniform(-2, 2) : whole(-4, 5);
    if (kind == Kind::real && chance(0.4)) fill = [](int64_t, double draw) { return std::floor(draw * 32) / 8 - 2; };
  }
  // Off the round numbers, where functions have kinks and ties.
  if (moves) fill = [fill = *fill](int64_t at, double draw) { return fill(at, draw) + 0.01 * (draw + 0.1); };
  Node node;
  node.operand = {"x" + std::to_string(graph.nodes.size()), shape, *fill, kind};
  size_t index = graph.nodes.size();
  if (!add(node)) throw std::invalid_argument("an operand would be too large");
  return *llvm::find_if(known, [&](const Known &value) { return value.use.node == index; });
}

static bool isFit(const Array &array, Kind kind) {
  constexpr int64_t mostElements = 1200, mostRank = 5;
  double most = kind == Kind::real ? 64 : 1 << 20;
  return array.size() <= mostElements && array.rank() <= mostRank && array.size() > 0 &&
         llvm::all_of(array.values, [=](double value) { return std::abs(value) <= most; });
}

/// Whether the items of a batch have the same values in a smaller one.
static bool mixes(const Array &large, const Array &small) {
  return !std::equal(small.values.begin(), small.values.end(), large.values.begin());
}

bool Draw::add(const Node &node) {
  size_t index = graph.nodes.size(), before = known.size();
  graph.nodes.push_back(node);
  bool exact = true, mixed = false, ofItems = false;
  for (Use use : node.inputs) {
    const Known &input = *llvm::find_if(known, [&](const Known &value) { return value.use == use; });
    exact &= input.exact, mixed |= input.mixed;
    ofItems |= llvm::is_contained(input.shape, batch);
  }
  bool fit = !(mixed && ofItems);
  if (fit) try {
      for (auto [values, batchSize] : {std::pair(&large, graphBatch), {&small, graphBatch / 2}, {&single, int64_t(1)}})
        evaluateNext(graph, index, node.rule ? Array() : operandOf(graph, node, batchSize), batchSize, *values);
      for (size_t which = 0; which < large.values[index].size(); ++which) {
        const Array &values = large.values[index][which], &fewer = small.values[index][which];
        Kind kind = !node.rule ? node.operand.kind : which ? node.rule->others : node.kind;
        std::optional<Shape> shape = shapeWithBatch(values, fewer);
        fit &= shape && isFit(values, kind) && isFit(single.values[index][which], kind);
        if (!fit) break;
        if (node.rule && which >= node.rule->jumps && !exact) continue;
        mixed |= mixes(values, fewer) || (ofItems && !llvm::is_contained(*shape, batch));
        known.push_back({{index, which}, *shape, kind, values, large.exact[index][which], mixed});
      }
      fit &= known.size() > before;
    } catch (const std::invalid_argument &) {
      fit = false;
    }
  if (fit) return true;
  graph.nodes.pop_back();
  known.resize(before);
  for (Evaluation *all : {&large, &small, &single}) {
    all->values.resize(std::min(all->values.size(), index));
    all->exact.resize(all->values.size());
  }
  return false;
}

bool Draw::finish() {
  std::vector<bool> used(graph.nodes.size());
  for (const Node &node : graph.nodes)
    for (Use use : node.inputs) used[use.node] = true;
  for (const Known &value : known) {
    if (!graph.nodes[value.use.node].rule || (graph.gradient && !value.real())) continue;
    if (used[value.use.node] && !chance(0.2)) continue;
    graph.results.push_back(value.use);
    if (chance(0.02)) graph.results.push_back(value.use);
  }
  prune(graph);
  return isComplete(graph);
}

Graph drawGraph(uint64_t seed) {
  for (uint64_t attempt = 0; attempt < 100; ++attempt) {
    Graph graph;
    graph.name = "g" + std::to_string(seed);
    std::mt19937_64 random(seed * 1000 + attempt);
    graph.precision = random() % 2 ? Precision::f32 : Precision::f64;
    graph.batched = random() % 3 == 0;
    graph.gradient = random() % 2;
    Draw draw(graph, random());
    int64_t wanted = draw.between(3, 15), ops = 0;
    for (int64_t tries = 0; ops < wanted && tries < 20 * wanted; ++tries) {
      try {
        const Rule &rule = rules()[draw.between(0, (int64_t)rules().size() - 1)];
        std::optional<Node> node = rule.draw(draw);
        if (!node) continue;
        node->rule = &rule;
        ops += draw.add(*node);
      } catch (const std::invalid_argument &) {
      }
    }
    if (draw.finish()) return graph;
  }
  llvm::report_fatal_error("no graph comes of a seed");
}

} // namespace fovea::ops
