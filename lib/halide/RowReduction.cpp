// Sums, products and maxima along one loop.
#include "lib/halide/RowReduction.h"
#include "lib/halide/Math.h"

using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::Var;

namespace fovea {

Expr RowReduction::identity(Kind kind, Halide::Type type) {
  return Halide::Internal::make_const(type, kind == product ? 1 : 0);
}

Expr RowReduction::combine(Kind kind, const Expr &a, const Expr &b) {
  return kind == sum ? a + b : kind == product ? a * b : math::maximum(a, b);
}

RowReduction::RowReduction(KernelLowering &kernel, const std::string &name, const std::vector<Var> &row,
                           const Expr &extent, Kind kind, const Element &element) {
  Var lane("lane");
  Expr probe = element(lane);
  lanes = (int)kernel.schedule().getVector();
  partial = kernel.func(name + "_partial");
  total = kernel.func(name);
  std::vector<Var> lanesAndRow{lane};
  lanesAndRow.insert(lanesAndRow.end(), row.begin(), row.end());
  RDom step = KernelLowering::reduction(name + "_step", {(extent + lanes - 1) / lanes}),
       fold = KernelLowering::reduction(name + "_lane", {lanes});
  std::vector<Expr> folded{Expr(fold.x)};
  folded.insert(folded.end(), row.begin(), row.end());

  std::optional<int64_t> constant = constantOf(extent);
  bool whole = constant && *constant % lanes == 0;
  Expr j = step.x * lanes + lane, inside = j < extent;
  Expr x = atEach(step, element(whole ? j : min(j, extent - 1)));
  if (kind != max) {
    Expr nothing = identity(kind, probe.type());
    partial(lanesAndRow) = nothing;
    partial(lanesAndRow) = combine(kind, partial(lanesAndRow), whole ? x : select(inside, x, nothing));
    total(row) = nothing;
    total(row) = combine(kind, total(row), partial(folded));
  } else {
    // Starting from an element, not from -inf; the last one may count twice.
    partial(lanesAndRow) = element(min(Expr(lane), extent - 1));
    partial(lanesAndRow) = math::maximum(partial(lanesAndRow), x);
    std::vector<Expr> first{Expr(0)};
    first.insert(first.end(), row.begin(), row.end());
    total(row) = partial(first);
    total(row) = math::maximum(total(row), partial(folded));
  }
}

void RowReduction::vectorize() {
  Var lane("lane");
  partial.bound(lane, 0, lanes).vectorize(lane, lanes).update().vectorize(lane, lanes);
  total.update().unscheduled();
}

void RowReduction::computeAt(const Func &output, const Halide::VarOrRVar &row) {
  Halide::LoopLevel level(output, row);
  partial.compute_at(level);
  total.compute_at(level);
  vectorize();
}

void RowReduction::computeRoot() {
  partial.compute_at(total, Var::outermost());
  total.compute_root();
  vectorize();
}

void scheduleElements(KernelLowering &kernel, std::initializer_list<RowReduction *> reductions) {
  Output &output = kernel.output();
  Var loop = scheduleRows(output, kernel.schedule(), kernel.schedule().getVector(), /*vectorize=*/false);
  if (output.vars.size() > 1) loop = output.vars.back();
  for (RowReduction *reduction : reductions)
    output.vars.empty() ? reduction->computeRoot() : reduction->computeAt(output.func, loop);
}

} // namespace fovea
