// Schedules on devices: what is computed by which thread of which block.
#pragma once

#include "lib/halide/Lowering.h"
#include "lib/kernels/schedule/Device.h"

namespace fovea {

/// Loops into one, innermost first.
Halide::Var fuseAll(Halide::Stage &stage, const std::vector<Halide::Var> &loops);

/// A thread for each element of a stage, or for `wide` neighbours, together or one `byOne`, which goes through the
/// stage's sums on its own. Returns the loop over threads, at which stages for one element can be computed; for rank 0
/// there is one thread.
Halide::Var elementPerThread(Halide::Stage stage, int wide = 1, bool byOne = false);

/// Computes a Func in a kernel of its own with a thread for each element; where a stage's elements come from others,
/// each stage has a kernel.
void computeOnDevice(Halide::Func func);

/// A thread for each row, which goes along it. Returns the loop over threads.
Halide::Var rowPerThread(Halide::Stage stage, const std::vector<Halide::Var> &vars);

/// Whether a row's threads are the lanes of a warp, which meet without memory. Then stages are computed for one row at
/// a time.
bool sharesByLanes(KernelLowering &kernel);

/// Blocks of rows, each row shared by threads. `vars` are the loops, outermost first; the last goes along a row.
/// Returns the loop over blocks, at which stages for a block's rows can be computed, or that over a block's rows.
Halide::Var blockPerRows(KernelLowering &kernel, Halide::Stage stage, const std::vector<Halide::Var> &vars,
                         int threads);

/// The same for a stage with one element for each row, which is the last loop.
Halide::Var blockPerElements(KernelLowering &kernel, Halide::Stage stage, const std::vector<Halide::Var> &vars);

/// How the threads of a block share a tile of rows and columns. A Func of (j, i, across, down, ...) has for each thread
/// what is its own of the tile; a thread's columns are groups of `vector` neighbours, so that neighbouring threads read
/// neighbouring groups.
struct ThreadTile {
  int rows, columns, down, across, vector; // of the tile; threads; `columns` is a multiple of across * vector
  Halide::Var i{"i"}, j{"j"}, acrossVar{"across"}, downVar{"down"};

  int rowsOfThread() const { return rows / down; }
  int columnsOfThread() const { return columns / across; }
  std::vector<Halide::Var> vars(const std::vector<Halide::Var> &rest) const;
  /// Row and column of a thread's own element (j, i).
  Halide::Expr row() const { return downVar * rowsOfThread() + i; }
  Halide::Expr column() const;
  /// Which element of which thread a row and a column of the tile are, and further coordinates.
  std::vector<Halide::Expr> at(const Halide::Expr &row, const Halide::Expr &column, Coordinates rest) const;

  /// Gives the loops over one tile's rows and columns to the threads, in which they are unrolled.
  void share(Halide::Stage stage, const Halide::Var &row, const Halide::Var &column) const;
  /// Computes a Func of `vars` in the registers of threads; what else it has is one.
  void keep(Halide::Func tile, const Halide::LoopLevel &level, const std::vector<Halide::Var> &ones) const;
  /// An update that sums over `terms` in a thread, and over `steps` in the block.
  void sum(Halide::Stage update, const std::vector<Halide::RVar> &terms, const std::vector<Halide::RVar> &steps) const;
  /// All threads copy a Func of (first, second, ...): what a block keeps of an operand. `across` varies along `first`
  /// of `extent` places, `count` of the second; with `turned` along the second.
  void copy(Halide::Func operand, const Halide::LoopLevel &level, int extent, int count, bool turned) const;
};

/// The register tile of a thread in a block's product. Halide keeps what a block computes for all of its threads; this
/// lowering pass leaves each thread its own part of allocations in registers. Their outermost dimensions must be those
/// of the threads.
class ThreadsOwnRegisters : public Halide::Internal::IRMutator {
protected:
  using IRMutator::visit;
  Halide::Internal::Stmt visit(const Halide::Internal::Allocate *allocate) override;
};

} // namespace fovea
