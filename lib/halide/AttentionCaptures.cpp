// Sums of what pairs of query and key add to the gradients of captured tensors.
#include "lib/halide/AttentionCaptures.h"

using namespace mlir;
using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::RVar;
using Halide::Var;

namespace fovea {

CaptureSums::CaptureSums(KernelLowering &kernel, Scores<AttentionGradOp> &scores, const CaptureGradient &gradient,
                         ScoreAddOp add, unsigned number)
    : kernel(kernel), s(scores), gradient(gradient), add(add),
      values(kernel.func("capture_values" + std::to_string(number))),
      places(kernel.func("capture_places" + std::to_string(number))),
      sums(kernel.func("capture_sums" + std::to_string(number))), size(1) {
  Region &region = s.op.getGradient();
  Value key = region.getArgument(5), capture = s.op.getCaptures()[gradient.capture];
  neighbours = s.indicesOf(region).areNeighbours(capture, add.getIndices());
  inLanes = true;
  shared = s.areShared(region, add.getIndices());
  for (int64_t d : gradient.rest) {
    inLanes &= !dependsOn(add.getIndices()[d], key);
    extents.push_back(kernel.extent(capture, d));
    size = Halide::Internal::simplify(size * extents.back());
  }
}

void CaptureSums::define(const PairVars &at, const Expr &score, const Expr &cotangent) {
  Expr i = at.block * s.block + at.q, j = at.panel * s.columns + at.p;
  Region &region = s.op.getGradient();
  Expr value = s.evaluate(region, {score, cotangent}, at.n, i, j, add.getValue())[0];
  values(at) = s.choose(s.seen(at.n, i, j), Halide::cast(s.element, value), 0);

  if (neighbours) return;
  auto placeAt = [&](const Expr &n, const Expr &i, const Expr &j) {
    s.evaluate(region, {score, cotangent}, n, i, j, {});
    return MarkedLoads::unbounded(flat(captureIndices(kernel, s.op.getCaptures()[gradient.capture], add.getIndices())));
  };
  if (shared)
    s.share(places, placeAt);
  else
    places(at) = placeAt(at.n, i, j);
}

/// The place that the indices of all dimensions of the capture name.
Expr CaptureSums::flat(Coordinates indices) {
  std::vector<Expr> rest;
  for (int64_t d : gradient.rest) rest.push_back(indices[d]);
  return Halide::Internal::simplify(placeOf(rest));
}

/// The same of those that are places.
Expr CaptureSums::placeOf(Coordinates rest) {
  Expr result = 0;
  for (auto [index, extent] : llvm::zip_equal(rest, extents)) result = result * extent + index;
  return result;
}

void CaptureSums::accumulate(const std::string &reduction, int panels, int blocks, const Var &chunk, const Var &m,
                             llvm::function_ref<void(RDom &)> where) {
  int vectors = s.columns / s.lanes;
  r = kernel.reduction(reduction, {inLanes ? vectors : s.columns, s.block, 1, panels, blocks, s.group});
  Expr block = chunk * blocks + r[4], n = m * s.group + r[5];
  where(r);
  r.where(block * s.block + r[1] < s.queries);
  Expr column = inLanes ? r[0] * s.lanes + lane : Expr(r[0]);
  Expr value = values(column, r[1], r[3], block, n);
  Expr to;
  if (neighbours) {
    Expr i = block * s.block + r[1], j = r[3] * s.columns + column;
    Value capture = s.op.getCaptures()[gradient.capture];
    to = flat(s.firstIndices(s.op.getGradient(), capture, add.getIndices(), n, i, j)) + column % s.lanes;
  } else if (shared) {
    to = places(r[3] * s.columns + (inLanes ? Expr(0) : column), min(block * s.block + r[1], s.queries - 1),
                n % s.heads);
  } else {
    to = places(inLanes ? Expr(0) : column, r[1], r[3], block, n);
  }
  to = Halide::unsafe_promise_clamped(to, 0, placesWithTail() - 1);
  // compute_with asks for loops of one kind: here, too, a head's sums may not be seen to differ from another's.
  std::vector<Expr> at{to, clamp(math::opaque(r[5]), 0, s.group - 1), chunk, m};
  std::vector<Var> vars{place, inGroup, chunk, m};
  if (inLanes) at.insert(at.begin(), lane), vars.insert(vars.begin(), lane);
  sums(vars) = s.readsMap(s.real(0), m * s.group);
  sums(at) += s.readsMap(value, n);
}

void CaptureSums::schedule(Func gradients, const RVar &panel, const Halide::LoopLevel &level, int chunks,
                           bool parallel) {
  Halide::LoopLevel atPanel(gradients, panel);
  for (Func each : {values, places}) {
    bool ofPairs = each.name() == values.name();
    if (!ofPairs && (neighbours || shared)) continue;
    std::vector<Var> vars = each.args();
    each.compute_at(atPanel).bound(vars[1], 0, s.block);
    for (size_t one = 2; one < vars.size(); ++one) each.bound_extent(vars[one], 1);
    if (ofPairs || !inLanes) each.bound_extent(vars[0], s.columns).vectorize(vars[0], s.lanes);
  }
  Var chunk = sums.args()[inLanes + 2];
  sums.compute_at(level).bound(place, 0, placesWithTail()).bound(inGroup, 0, s.group).bound(chunk, 0, chunks);
  sums.bound_extent(sums.args().back(), 1);
  std::vector<Halide::VarOrRVar> order{r[0], r[1], r[2], r[3], r[4], r[5], chunk};
  if (inLanes) {
    order.insert(order.begin(), lane);
    sums.bound(lane, 0, s.lanes).vectorize(lane, s.lanes);
  }
  sums.update().reorder(order);
  if (inLanes) sums.update().vectorize(lane, s.lanes);
  if (neighbours) sums.update().allow_race_conditions().vectorize(r[0], s.lanes).unroll(r[0]);
  if (!inLanes && !neighbours) sums.update().unroll(r[0], 8);
  if (parallel) sums.update().parallel(chunk);
  sums.update().compute_with(gradients.update(), panel);
}

Expr CaptureSums::total(Coordinates place, const Expr &inGroup, int chunks, const Expr &m) {
  Expr at = placeOf(place), result;
  for (int c = 0; c < chunks; ++c)
    for (int l = 0; l < (inLanes ? s.lanes : 1); ++l) {
      std::vector<Expr> arguments{at, inGroup, c, m};
      if (inLanes) arguments.insert(arguments.begin(), l);
      Expr part = sums(arguments);
      result = result.defined() ? result + part : part;
    }
  return result;
}

} // namespace fovea
