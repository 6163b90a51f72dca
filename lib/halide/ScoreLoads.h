// How places in captured tensors change from key to key, and loads and sums of neighbours as vectors.
#pragma once

#include "lib/halide/Lowering.h"

#include <map>

namespace fovea {

/// Where a captured tensor is read: the indices as numbers that are inside.
std::vector<Halide::Expr> captureIndices(KernelLowering &kernel, Value capture, mlir::ValueRange indices);

/// Whether a value of a region changes with one of its arguments.
bool dependsOn(Value value, Value argument);

/// What the integers of a region are over vectors of `lanes` keys, which start at multiples of that.
class ScoreIndices {
public:
  /// After `scores` scores the region takes b, h, i and j; these are below `sizes`, where known.
  ScoreIndices(unsigned scores, std::vector<std::optional<int64_t>> sizes, int lanes)
      : scores(scores), sizes(std::move(sizes)), lanes(lanes) {}

  enum class Step { none, one, any };
  /// From a key of a vector to the next.
  Step step(Value value);
  /// Whether the keys of a vector have neighbouring elements of a tensor's rows, all inside.
  bool areNeighbours(Value capture, mlir::ValueRange indices);

private:
  struct Range {
    int64_t low, high;
  };
  std::optional<int64_t> constant(Value value);
  std::optional<Range> range(Value value);
  std::optional<Range> rangeOf(Value value);
  Step stepOf(Value value);
  bool startsVector(Value value);
  std::optional<unsigned> place(Value value);

  unsigned scores;
  std::vector<std::optional<int64_t>> sizes;
  int lanes;
  llvm::DenseMap<Value, Step> steps;
  llvm::DenseMap<Value, std::optional<Range>> ranges;
};

/// A lowering pass: loads that Halide does not know.
class MarkedLoads : public Halide::Internal::IRMutator {
public:
  /// `element`, which is loaded where `condition` holds and is any number elsewhere: lanes may lie outside of a buffer.
  static Halide::Expr where(const Halide::Expr &element, const Halide::Expr &condition);
  /// The element of a Func that is computed before, by its place in memory. Halide leaves conditions that call Funcs in
  /// the innermost loop; this it moves out of all loops but those around the Func, which `around` must change with.
  static Halide::Expr pure(const Halide::Func &func, const Halide::Expr &index, const Halide::Expr &around);
  /// `value`, of whose bounds Halide learns nothing: from those of a Func's values it makes a clamp of each index that
  /// is one of them.
  static Halide::Expr unbounded(const Halide::Expr &value);

protected:
  using IRMutator::visit;
  Halide::Expr visit(const Halide::Internal::Call *call) override;
  Halide::Expr visit(const Halide::Internal::Load *load) override;

private:
  Halide::Expr condition;
};

} // namespace fovea
