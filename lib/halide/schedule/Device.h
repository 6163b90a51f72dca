// Schedules on devices: what is computed by which thread of which block.
#pragma once

#include "lib/halide/Lowering.h"

namespace fovea {

/// A thread for each element of a stage, or for `wide` neighbours, which goes through the stage's sums on its own.
/// Returns the loop over threads, at which stages for one element can be computed; no loop for rank 0.
Halide::Var elementPerThread(Halide::Stage stage, int wide = 1);

/// Computes a Func in kernels of its own, one for each of its stages, with a thread for each element.
void computeOnDevice(Halide::Func func);

/// The threads that share a row of this extent: as many as RowReduction has partial results.
int threadsOfRow(KernelLowering &kernel, const Halide::Expr &extent);

/// Blocks of rows, each row shared by threads. `vars` are the loops, outermost first; the last goes along a row.
/// Returns the loop over blocks, at which stages for a block's rows can be computed.
Halide::Var blockPerRows(KernelLowering &kernel, Halide::Stage stage, const std::vector<Halide::Var> &vars,
                         int threads);

/// The same for a stage with one element for each row, which is the last loop.
Halide::Var blockPerElements(KernelLowering &kernel, Halide::Stage stage, const std::vector<Halide::Var> &vars);

/// The register tile of a thread in a block's product. Halide keeps what a block computes for all of its threads; this
/// lowering pass leaves each thread its own part of allocations in registers. Their outermost dimensions must be those
/// of the threads.
class ThreadsOwnRegisters : public Halide::Internal::IRMutator {
protected:
  using IRMutator::visit;
  Halide::Internal::Stmt visit(const Halide::Internal::Allocate *allocate) override;
};

} // namespace fovea
