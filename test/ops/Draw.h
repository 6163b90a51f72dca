// What rules draw from: random numbers and the values that a graph has so far.
#pragma once

#include "test/ops/Graphs.h"

#include <algorithm>
#include <random>

namespace fovea::ops {

class Draw {
public:
  /// A value of the graph.
  struct Known {
    Use use;
    Shape shape; // `batch` stands in it where B is
    Kind kind;
    Array values;      // with B = graphBatch
    bool exact, mixed; // mixed: over the items of a batch

    int64_t rank() const { return shape.size(); }
    bool real() const { return kind == Kind::real; }
    bool number() const { return kind != Kind::boolean; }
    bool whole() const { return kind == Kind::i32 || kind == Kind::i64; }
    double least() const { return *std::min_element(values.values.begin(), values.values.end()); }
    double largest() const { return *std::max_element(values.values.begin(), values.values.end()); }
    double smallestSize() const;
    /// Between any two elements.
    double smallestGap() const;
    /// Axes of constant size.
    Shape axes() const;
  };
  using Wanted = llvm::function_ref<bool(const Known &)>;

  Draw(Graph &graph, uint64_t seed) : graph(graph), random(seed) {}

  bool chance(double probability) { return std::uniform_real_distribution<>(0, 1)(random) < probability; }
  /// Of [low, high].
  int64_t between(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(random); }
  template <typename T> T any(const std::vector<T> &list) { return list[between(0, list.size() - 1)]; }
  int64_t size() { return any<int64_t>({1, 2, 3, 3, 5, 5, 7, 17}); }
  /// Of this rank; its first size may be B.
  Shape shape(int64_t rank);
  /// A multiple of an eighth.
  double eighth(double low, double high) { return (double)between((int64_t)(low * 8), (int64_t)(high * 8)) / 8; }

  bool batched() const { return graph.batched; }
  bool gradient() const { return graph.gradient; }

  /// One of the graph's values, preferably a late one.
  std::optional<Known> find(Wanted wanted);
  /// The same, or now and then, and where there is none, a new operand.
  Known get(Wanted wanted, const Shape &shape, Kind kind = Kind::real, std::optional<Fill> fill = {});
  /// A new operand. Throws std::invalid_argument where it would be too large.
  Known fresh(const Shape &shape, Kind kind = Kind::real, std::optional<Fill> fill = {});

  /// Adds the node if what it gives is fit for use.
  bool add(const Node &node);
  /// Chooses the results. False where that leaves the graph incomplete.
  bool finish();

private:
  Graph &graph;
  std::mt19937_64 random;
  std::vector<Known> known;
  Evaluation large, small, single; // with B = graphBatch, half of it and 1
};

} // namespace fovea::ops
