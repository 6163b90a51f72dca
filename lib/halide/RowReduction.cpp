// Sums, products and maxima along one loop.
#include "lib/halide/RowReduction.h"
#include "lib/halide/Math.h"

using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::Var;

namespace fovea {

/// Partial results side by side hide the latency of an addition.
constexpr int64_t mostVectors = 4;

Expr RowReduction::identity(Kind kind, Halide::Type type) {
  return Halide::Internal::make_const(type, kind == product ? 1 : 0);
}

Expr RowReduction::combine(Kind kind, const Expr &a, const Expr &b) {
  switch (kind) {
  case sum:
    return a + b;
  case product:
    return a * b;
  case max:
    return math::maximum(a, b);
  case maxOfNumbers:
    return Halide::max(a, b);
  }
  llvm_unreachable("a kind of reduction");
}

static std::vector<Expr> with(const Expr &first, const std::vector<Var> &row) {
  std::vector<Expr> result{first};
  result.insert(result.end(), row.begin(), row.end());
  return result;
}

RowReduction::RowReduction(KernelLowering &kernel, const std::string &name, const std::vector<Var> &row,
                           const Expr &extent, Kind kind, const Element &element)
    : lanes((int)kernel.schedule().getVector()), width(lanes), partial(kernel.func(name + "_partial")),
      folded(kernel.func(name + "_folded")), total(kernel.func(name)) {
  std::optional<int64_t> constant = constantOf(extent);
  bool vectors = constant && *constant >= lanes; // else the elements of one vector that is not full
  if (vectors) width = lanes * (int)std::min(mostVectors, *constant / lanes);
  Var lane("lane");
  std::vector<Expr> at = with(lane, row);
  std::vector<Var> lanesAndRow{lane};
  lanesAndRow.insert(lanesAndRow.end(), row.begin(), row.end());
  bool largest = kind == max || kind == maxOfNumbers;

  // A maximum starts from elements, not from -inf; some may count twice.
  Expr start = element(vectors ? Expr(lane) : min(Expr(lane), extent - 1));
  Expr nothing = largest ? Expr() : identity(kind, start.type());
  partial(lanesAndRow) = largest ? start : nothing;
  auto add = [&](const Expr &x) { partial(lanesAndRow) = combine(kind, partial(lanesAndRow), x), ++updates; };
  Expr first = largest && vectors ? 1 : 0, steps = vectors ? extent / width : (extent + width - 1) / width;
  RDom step({{first, steps - first}}, name + "_step");
  Expr j = step.x * width + lane;
  if (vectors) {
    add(atEach(step, element(j)));
    // The rest, in the last whole vectors.
    int rest = (int)(*constant % width);
    Expr last = rest ? element(extent - width + lane) : Expr();
    if (rest) add(largest ? last : select(lane >= width - rest, last, nothing));
  } else {
    Expr x = atEach(step, element(min(j, extent - 1)));
    add(largest ? x : select(j < extent, x, nothing));
  }

  // Pairs of vectors, then pairs of lanes.
  auto foldOf = [&](int count, const std::function<Expr(int)> &part) {
    std::vector<Expr> parts;
    for (int i = 0; i < count; ++i) parts.push_back(part(i));
    for (; count > 1; count = (count + 1) / 2)
      for (int i = 0; i < count / 2; ++i) parts[i] = combine(kind, parts[i], parts[i + (count + 1) / 2]);
    return parts[0];
  };
  folded(lanesAndRow) = foldOf(width / lanes, [&](int v) { return partial(with(lane + v * lanes, row)); });
  total(row) = foldOf(lanes, [&](int l) { return folded(with(l, row)); });
}

void RowReduction::vectorize() {
  Var lane("lane"), vector("vector");
  auto inVectors = [&](Halide::Stage stage) { stage.split(lane, vector, lane, lanes).vectorize(lane).unroll(vector); };
  inVectors(partial.bound(lane, 0, width));
  for (int update = 0; update < updates; ++update) {
    inVectors(partial.update(update));
    auto reduced = partial.rvars(update);
    if (!reduced.empty()) partial.update(update).reorder(lane, vector, reduced[0]);
  }
  folded.bound(lane, 0, lanes).vectorize(lane);
}

void RowReduction::computeAt(const Func &output, const Halide::VarOrRVar &row) {
  Halide::LoopLevel level(output, row);
  partial.compute_at(level);
  folded.compute_at(level);
  total.compute_at(level);
  vectorize();
}

void RowReduction::computeRoot() {
  partial.compute_at(total, Var::outermost());
  folded.compute_at(total, Var::outermost());
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
