// A lowering pass for products that go through several panels.
#pragma once

#include <Halide.h>

namespace fovea {

/// Brings the next panel of a product nearer, at least into the second cache, while the tiles of one are computed: each
/// tile, of those in a loop around the product's, fetches its share of the lines, some at each turn of its loop over
/// terms. A burst of them would wait for itself. Halide's own directive fetches what a later turn of some loop reads,
/// all of it, and past the second cache (prefetchnta).
class PrefetchNext : public Halide::Internal::IRMutator {
public:
  /// The names of the loops over the terms and over the tiles, and how many tiles there are.
  struct Product {
    std::string terms, tile;
    int tiles;
  };
  /// What lowering calls the loop over this variable in a Func's definition, or in its first update.
  static std::string loopName(const Halide::Func &func, bool inUpdate, const std::string &variable) {
    return func.name() + (inUpdate ? ".s1." : ".s0.") + variable;
  }
  explicit PrefetchNext(Product product) : product(std::move(product)) {}

protected:
  using IRMutator::visit;
  Halide::Internal::Stmt visit(const Halide::Internal::For *loop) override;

private:
  Product product;
  bool inTile = false;
};

} // namespace fovea
