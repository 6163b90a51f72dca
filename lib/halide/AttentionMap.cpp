// What attention sees, tile by tile: scores or weights themselves, their mean over heads, or the entropy of rows.
// Nothing larger than the result is stored.
#include "lib/halide/AttentionScores.h"
#include "lib/halide/Families.h"
#include "lib/halide/RegisterTile.h"
#include "lib/halide/TransposedPanels.h"
#include "lib/halide/schedule/Device.h"

using namespace mlir;
using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::TailStrategy;
using Halide::Var;

namespace fovea {
namespace {

constexpr auto guard = TailStrategy::GuardWithIf;

/// For each tile of queries and keys the products of two operands' rows.
struct TileProduct {
  TransposedPanels keys;
  Func dot, tile;
  RDom depth, rows;

  TileProduct(KernelLowering &kernel, const Scores<AttentionMapOp> &s, const std::string &name, int size)
      : keys(kernel, name + "_keys", s.columns, size, s.lanes), dot(kernel.func(name + "_dot")),
        tile(kernel.func(name)), depth(kernel.reduction(name + "_depth", {size})),
        rows(kernel.reduction(name + "_rows", {s.rows, s.block / s.rows})) {}
};

class AttentionMap {
public:
  AttentionMap(AttentionMapOp op, KernelLowering &kernel) : op(op), kernel(kernel), s(op, kernel) {}

  void lower() {
    parallel = kernel.schedule().getLoops().starts_with("B");
    define(
        raw, [&](Expr head, Expr j, Expr at) { return s.key(head, j, at) * s.real(s.scale()); },
        [&](Expr row, Expr at) { return s.query(n, row, at); });
    if (op.getValue())
      define(
          slopes, [&](Expr head, Expr j, Expr at) { return s.value(head, j, at); },
          [&](Expr row, Expr at) { return s.ofQuery(op.getCotangent(), n, row, at); });
    if (op.getOver() == "heads")
      lowerMean();
    else if (op.getOver() == "entropy")
      lowerEntropy();
    else
      lowerAll();
    kernel.yieldDirectly(op.getResult(), result);
  }

private:
  void define(TileProduct &product, llvm::function_ref<Expr(Expr, Expr, Expr)> key,
              llvm::function_ref<Expr(Expr, Expr)> query) {
    if (kernel.onDevice()) { // each thread for itself
      product.dot(p, q, panel, block, n) = s.real(0);
      product.dot(p, q, panel, block, n) +=
          key(n, panel * s.columns + p, product.depth) * query(block * s.block + q, product.depth);
      product.tile(p, q, panel, block, n) = product.dot(p, q, panel, block, n);
      return;
    }
    RDom r = product.rows;
    r.where(block * s.block + r.y * s.rows < s.queries);
    product.keys.define(
        {p, d, panel, n}, [&](const Expr &column, const Expr &at) { return key(n, panel * s.columns + column, at); },
        s.real(1));
    product.dot(p, q, tile, panel, block, n) = s.real(0);
    product.dot(p, q, tile, panel, block, n) +=
        product.keys.panels(p, product.depth, panel, n) * query(block * s.block + tile * s.rows + q, product.depth);
    product.tile(p, q, panel, block, n) = Halide::undef(s.element);
    product.tile(p, r.y * s.rows + r.x, panel, block, n) = product.dot(p, r.x, r.y, panel, block, n);
  }

  struct Place {
    Expr p, q, panel, block, n;
  };
  Expr scoreAt(const Place &at) {
    return s.scoreOf(at.n, at.block * s.block + at.q, at.panel * s.columns + at.p,
                     raw.tile(at.p, at.q, at.panel, at.block, at.n));
  }
  /// On a device Halide may not conclude which elements are seen: a thread would compute the product of all of them.
  Expr seenAt(const Place &at) {
    Expr i = at.block * s.block + at.q, j = at.panel * s.columns + at.p;
    return kernel.onDevice() ? s.seen(at.n, math::opaque(i), math::opaque(j)) : s.seen(at.n, i, j);
  }

  /// The weight of a pair: 0 where a row sees nothing.
  Expr weightAt(const Place &at, const Expr &score, const Expr &sum) {
    Expr weight = s.exponential((score - sum) * s.real(s.base()));
    weight = select(sum < s.real(maskedScore) || score < s.real(maskedScore), s.real(0), weight);
    return s.choose(seenAt(at), weight, 0);
  }
  Expr sumAt(const Place &at) { return s.row(op.getLogSumExp(), at.n, at.block * s.block + at.q); }

  Expr elementAt(const Place &at) {
    if (op.getGive() == "raw") return raw.tile(at.p, at.q, at.panel, at.block, at.n);
    Expr score = scoreAt(at);
    if (op.getGive() == "score") return score;
    if (op.getGive() == "masked") {
      Expr seen = seenAt(at);
      return seen.defined() ? select(seen, score, math::negativeInfinity(s.element)) : score;
    }
    Expr weight = weightAt(at, score, sumAt(at));
    if (!op.getValue()) return weight;
    return math::relu(weight * slopes.tile(at.p, at.q, at.panel, at.block, at.n));
  }

  /// Where a pair is. A thread of a device has it alone: in one tile, as of the remainder Halide would compute all that
  /// it can be.
  Place placeOf(const Expr &n, const Expr &i, const Expr &j) {
    if (kernel.onDevice()) return {j, i, 0, 0, n};
    return {j % s.columns, i % s.block, j / s.columns, i / s.block, n};
  }

  void lowerAll() {
    std::vector<Var> v = kernel.variables(4); // b, h, i, j
    result(v[3], v[2], v[1], v[0]) = elementAt(placeOf(v[0] * s.heads + v[1], v[2], v[3]));
    if (kernel.onDevice()) return scheduleOnDevice({}, nullptr);
    tiles(v[2], v[3], {v[1], v[0]});
    result.vectorize(in, s.lanes, guard);
    schedule(Halide::LoopLevel(result, panel), Halide::LoopLevel(result, v[1]));
  }

  void lowerMean() {
    std::vector<Var> v = kernel.variables(3); // b, i, j
    RDom heads = kernel.reduction("heads", {s.heads});
    sums(p, q, panel, block, n) = s.real(0);
    sums(p, q, panel, block, n) += elementAt({p, q, panel, block, n * s.heads + heads});
    Place at = placeOf(v[0], v[1], v[2]);
    result(v[2], v[1], v[0]) = sums(at.p, at.q, at.panel, at.block, at.n) * s.real(1.0 / s.heads);
    if (kernel.onDevice()) return scheduleOnDevice({sums}, &heads);
    tiles(v[1], v[2], {v[0]});
    result.vectorize(in, s.lanes, guard);
    sums.compute_at(result, panel).bound_extent(p, s.columns).bound(q, 0, s.block).vectorize(p, s.lanes);
    for (Var one : {panel, block, n}) sums.bound_extent(one, 1);
    sums.update().reorder(p, q, heads.x).vectorize(p, s.lanes);
    schedule(Halide::LoopLevel(sums, heads.x), Halide::LoopLevel(sums, heads.x));
  }

  void lowerEntropy() {
    std::vector<Var> v = kernel.variables(3); // b, h, i
    RDom panels = kernel.reduction("panels", {s.panels}), columns = kernel.reduction("columns", {s.columns});
    if (!kernel.onDevice()) panels.where(s.anySeen(n, block, panels));
    Place at{p, q, panels, block, n};
    Expr score = scoreAt(at), sum = sumAt(at), weight = weightAt(at, score, sum);
    sums(p, q, block, n) = s.real(0);
    sums(p, q, block, n) += select(weight == s.real(0), s.real(0), weight * (sum - score));
    total(q, block, n) = s.real(0);
    total(q, block, n) += sums(columns, q, block, n);
    Place of = placeOf(v[0] * s.heads + v[1], v[2], 0);
    result(v[2], v[1], v[0]) = total(of.q, of.block, of.n);
    if (kernel.onDevice()) return scheduleOnDevice({sums, total}, &panels);
    result.split(v[2], blocks, row, s.block, guard).reorder(row, blocks, v[1], v[0]);
    if (parallel) result.parallel(blocks).parallel(v[1]).parallel(v[0]);
    Halide::LoopLevel atBlock(result, blocks);
    for (Func each : {sums, total})
      each.compute_at(atBlock).bound(q, 0, s.block).bound_extent(block, 1).bound_extent(n, 1);
    sums.bound_extent(p, s.columns).vectorize(p, s.lanes).update().reorder(p, q, panels.x).vectorize(p, s.lanes);
    total.update().atomic().vectorize(columns.x, s.lanes);
    schedule(Halide::LoopLevel(sums, panels.x), Halide::LoopLevel(result, v[1]));
  }

  /// Blocks of queries by panels of keys, shared among threads.
  void tiles(const Var &i, const Var &j, const std::vector<Var> &outer) {
    result.split(j, panel, in, s.columns, guard).split(i, blocks, row, s.block, guard);
    std::vector<Halide::VarOrRVar> order{in, row, panel, blocks};
    for (const Var &each : outer) order.push_back(each);
    result.reorder(order);
    if (!parallel) return;
    result.parallel(blocks);
    for (const Var &each : outer) result.parallel(each);
  }

  /// A thread for each element, with all that it takes.
  void scheduleOnDevice(const std::vector<Func> &stages, const RDom *sum) {
    Var thread = elementPerThread(result);
    for (Func stage : stages) stage.compute_at(result, thread);
    for (TileProduct *product : {&raw, &slopes})
      if (product == &raw || op.getValue())
        product->dot.compute_at(sum ? Halide::LoopLevel(sums, Halide::RVar(sum->x))
                                    : Halide::LoopLevel(result, thread));
  }

  /// Products of one tile, of operands packed where a head begins.
  void schedule(const Halide::LoopLevel &atTile, const Halide::LoopLevel &atHead) {
    for (TileProduct *product : {&raw, &slopes}) {
      if (product == &slopes && !op.getValue()) continue;
      product->keys.schedule(atHead);
      product->tile.compute_at(atTile).bound_extent(p, s.columns).bound(q, 0, s.block).vectorize(p, s.lanes);
      for (Var one : {panel, block, n}) product->tile.bound_extent(one, 1);
      RDom r = product->rows;
      product->tile.update().reorder(p, r.x, r.y).vectorize(p, s.lanes).unroll(p).unroll(r.x);
      RegisterTile{p, q, s.columns, s.rows, s.lanes}.schedule(product->dot, Halide::LoopLevel(product->tile, r.y),
                                                              product->depth);
    }
  }

  AttentionMapOp op;
  KernelLowering &kernel;
  Scores<AttentionMapOp> s;
  bool parallel = false;
  Var p{"p"}, q{"q"}, tile{"tile"}, panel{"panel"}, block{"block"}, n{"n"}, d{"d"}, in{"in"}, row{"row"},
      blocks{"blocks"};
  TileProduct raw{kernel, s, "raw", s.size}, slopes{kernel, s, "slopes", s.valueSize};
  Func sums = kernel.func("sums"), total = kernel.func("total"), result = kernel.func("map");
};

struct AttentionMapLowering : AnchorLowering::ExternalModel<AttentionMapLowering, AttentionMapOp> {
  LogicalResult lowerAnchor(Operation *operation, KernelLowering &kernel) const {
    auto op = cast<AttentionMapOp>(operation);
    if (failed(Scores<AttentionMapOp>::verify(op, false))) return failure();
    AttentionMap(op, kernel).lower();
    return success();
  }
};

} // namespace

void registerAttentionMapLowerings(MLIRContext *context) {
  AttentionMapOp::attachInterface<AttentionMapLowering>(*context);
}

} // namespace fovea
