// The innermost loops of products on a processor.
#pragma once

#include "lib/halide/Lowering.h"
#include "lib/halide/Prefetch.h"

namespace fovea {

/// A product whose accumulators stay in registers: `column` in vectors, and as many of `row`; one tile at a time.
struct RegisterTile {
  /// Of the innermost loop: fewer instructions beside the multiply-adds.
  static constexpr int termsAtTurn = 2;
  Halide::Var column, row;
  int columns, rows, lanes;

  /// The first of the terms' loops is the innermost.
  void schedule(Halide::Func product, const Halide::LoopLevel &level, const Halide::RDom &terms) const {
    place(product, level);
    std::vector<Halide::VarOrRVar> order{column, row};
    for (int i = 0; i < terms.dimensions(); ++i) order.push_back(terms[i]);
    Halide::Stage sum = product.update();
    sum.reorder(order).vectorize(column, lanes).unroll(column).unroll(row);
    Halide::RVar turn("turn"), inTurn("in_turn");
    sum.split(terms[0], turn, inTurn, termsAtTurn, Halide::TailStrategy::GuardWithIf).unroll(inTurn);
  }

  /// The loop over the terms, as lowered.
  static std::string turns(const Halide::Func &product, const Halide::RDom &terms) {
    return loopName(product, true, terms[0].name() + ".turn");
  }
  /// Fetches the next panel meanwhile; in the loop of this name, as lowered, are so many tiles of one.
  static void prefetchNext(KernelLowering &kernel, const Halide::Func &product, const Halide::RDom &terms,
                           const std::string &tileLoop, int tiles) {
    kernel.addPass(std::make_unique<PrefetchNext>(PrefetchNext::Product{turns(product, terms), tileLoop, tiles}));
  }
  static void prefetchNext(KernelLowering &kernel, const Halide::Func &product, const Halide::RDom &terms,
                           const Halide::Func &result, const Halide::RVar &tile, int tiles) {
    prefetchNext(kernel, product, terms, loopName(result, true, tile.name()), tiles);
  }

  /// All but the sum.
  void place(Halide::Func product, const Halide::LoopLevel &level) const {
    product.compute_at(level).bound_extent(column, columns).bound_extent(row, rows);
    for (const Halide::Var &one : product.args())
      if (one.name() != column.name() && one.name() != row.name()) product.bound_extent(one, 1);
    product.vectorize(column, lanes).unroll(column).unroll(row);
  }
};

} // namespace fovea
