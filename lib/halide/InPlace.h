// Keeps the meaning of in-place results: every value is computed from the arguments as they were.
#pragma once

#include <Halide.h>

namespace fovea {

/// A lowering pass that computes the values of neighbouring stores, and what they name for each other, before the first. Halide 21 stores the elements of a
/// Tuple one after another where it sees no dependence between them, and it does not look inside function calls: in
/// (f + 1, pow(b, f)) over undef the second element would read the first one's result.
class ValuesBeforeStores : public Halide::Internal::IRMutator {
protected:
  using IRMutator::visit;
  Halide::Internal::Stmt visit(const Halide::Internal::Block *block) override;

private:
  int count = 0;
};

} // namespace fovea
