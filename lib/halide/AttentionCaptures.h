// The gradients of what score functions capture: summed by each head in one order, beside those of query, key and
// value.
#pragma once

#include "dialect/ops/ScoreFunction.h"
#include "lib/halide/AttentionScores.h"

namespace fovea {

/// The variables of a pair: column of the panel, row of the block, panel, block, head.
struct PairVars {
  Halide::Var p, q, panel, block, n;
  operator std::vector<Halide::Var>() const { return {p, q, panel, block, n}; }
};

/// What one score_add gives: for each pair its value and where it goes, and the sums of a head of keys, by place, head
/// of its group and chunk of queries. Places that no key changes are summed in lanes, those of keys that go to
/// neighbours in vectors; else pair by pair, since several may go to one place.
class CaptureSums {
public:
  CaptureSums(KernelLowering &kernel, Scores<AttentionGradOp> &scores, const CaptureGradient &gradient, ScoreAddOp add,
              unsigned number);

  /// `places` and `values` follow from the raw score and its cotangent at a pair.
  void define(const PairVars &at, const Halide::Expr &score, const Halide::Expr &cotangent);
  /// Adds the pairs of each panel: `panels`, `blocks` and `heads` are those of `sums`' reduction of this name, whose
  /// conditions hold for `where`.
  void accumulate(const std::string &reduction, int panels, int blocks, const Halide::Var &chunk, const Halide::Var &m,
                  llvm::function_ref<void(Halide::RDom &)> where);
  void schedule(Halide::Func sums, const Halide::RVar &panel, const Halide::LoopLevel &level, int chunks,
                bool parallel);
  /// The sum of all chunks at a place.
  Halide::Expr total(Coordinates place, const Halide::Expr &inGroup, int chunks, const Halide::Expr &m);

private:
  Halide::Expr flat(Coordinates indices);
  Halide::Expr placeOf(Coordinates rest);
  /// Beyond the last key, vectors add zeros.
  Halide::Expr placesWithTail() { return neighbours ? size + (s.lanes - 1) : size; }

  KernelLowering &kernel;
  Scores<AttentionGradOp> &s;
  const CaptureGradient &gradient;
  ScoreAddOp add;
  Halide::Func values, places, sums;
  std::vector<Halide::Expr> extents; // of the capture's dimensions that are places
  Halide::Expr size;                 // how many places there are
  Halide::Var lane{"lane"}, place{"place"}, inGroup{"in_group"};
  Halide::RDom r;
  bool inLanes, neighbours, shared;
};

} // namespace fovea
