// Sums, products and maxima along one loop, in vector lanes: the building block of reductions, norms and softmax.
#pragma once

#include "lib/halide/Lowering.h"

namespace fovea {

/// How many partial results the reduction of a row of this extent has; on a device, as many threads share the row.
int partialResults(KernelLowering &kernel, const Halide::Expr &extent);

/// The reduction of element(j) for j below the extent. `width` partial results run side by side, j = step * width +
/// lane, and are then combined in pairs: the order depends on the vector width and the extent only, on a device also
/// where the lanes of a warp combine them.
class RowReduction {
  int rows; // of a block on a device; 0 on the host
  bool inLanes;
  int lanes, width, updates = 0;
  Halide::Var loop; // over rows, the innermost

public:
  Halide::Func partial, folded, total; // arguments: lane and the row's; the same; the row's

  /// `maxOfNumbers` may pass over a NaN.
  enum Kind { sum, product, max, maxOfNumbers };
  /// The sum or product of nothing, and two elements as one.
  static Halide::Expr identity(Kind kind, Halide::Type type);
  static Halide::Expr combine(Kind kind, const Halide::Expr &a, const Halide::Expr &b);
  using Element = std::function<Halide::Expr(const Halide::Expr &j)>;
  using Elements = std::function<std::vector<Halide::Expr>(const Halide::Expr &j)>;

  /// `row` are the loop variables of the row, innermost first. With `inner` extents each element is itself reduced over
  /// them, and `element` gets j and those indices.
  RowReduction(KernelLowering &kernel, const std::string &name, const std::vector<Halide::Var> &row,
               const Halide::Expr &extent, Kind kind, const Element &element);
  /// Of several elements in one loop: the total is a Tuple, unless it is of one.
  RowReduction(KernelLowering &kernel, const std::string &name, const std::vector<Halide::Var> &row,
               const Halide::Expr &extent, Kind kind, const Elements &elements);

  /// Computes the totals where `row` of the output runs, or at root.
  void computeAt(const Halide::Func &output, const Halide::VarOrRVar &row);
  void computeRoot();
  /// Where scheduleRows says.
  void computeWithRows(KernelLowering &kernel, const Halide::Var &row);

private:
  void scheduleParts(const Halide::LoopLevel &level);
  void scheduleInLanes(const Halide::LoopLevel &level);
};

/// Schedules an output with one element for each row, and the reductions of a row in the loop over these elements.
void scheduleElements(KernelLowering &kernel, std::initializer_list<RowReduction *> reductions);

} // namespace fovea
