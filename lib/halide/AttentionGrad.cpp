// Attention's gradient without a stored matrix of queries by keys, which is computed anew (Dao 2023): once for dq, from
// blocks of queries against all keys, and once for dk and dv, from panels of keys against all queries.
#include "lib/halide/AttentionScores.h"
#include "lib/halide/Families.h"

#include <numeric>

using namespace mlir;
using Halide::Expr;
using Halide::Func;
using Halide::LoopLevel;
using Halide::RDom;
using Halide::RVar;
using Halide::TailStrategy;
using Halide::Var;

namespace fovea {
namespace {

constexpr auto guard = TailStrategy::GuardWithIf;

class AttentionBackward {
public:
  AttentionBackward(AttentionGradOp op, KernelLowering &kernel)
      : op(op), kernel(kernel), s(op, kernel), keyHeads(s.heads / s.group),
        blocks((int)llvm::divideCeil(*constantOf(s.queries), s.block)) {}

  void lower() {
    lowerQuery();
    lowerKeyAndValue();
  }

private:
  Expr firstQuery() { return block * s.block; }
  /// The pairs of block and panel in which a query sees a key.
  Expr seesPanel(const Expr &block, const Expr &panel) {
    Expr i = block * s.block, j = panel * s.columns;
    return s.anySeen(i, i + (s.block - 1), j, j + (s.columns - 1));
  }

  /// For a block of queries and a panel of keys: weights, weights as they were applied to the values, and the
  /// cotangents of scores; tile by tile, first from q k^T, then from cotangent v^T.
  struct Pairs {
    Func keys, values, dot, dotValue, logits, weights, applied, dScores;
    RDom rd, re, rw, rs;
  };

  Pairs pairsOf(const std::string &name) {
    Pairs x{kernel.func(name + "_keys"),
            kernel.func(name + "_values"),
            kernel.func(name + "_dot"),
            kernel.func(name + "_dot_value"),
            kernel.func(name + "_logits"),
            kernel.func(name + "_weights"),
            kernel.func(name + "_applied"),
            kernel.func(name + "_scores"),
            kernel.reduction(name + "_rd", {s.size}),
            kernel.reduction(name + "_re", {s.valueSize}),
            kernel.reduction(name + "_rw", {s.rows, s.block / s.rows}),
            kernel.reduction(name + "_rs", {s.rows, s.block / s.rows})};
    Var m("m"); // head of keys
    Expr j = panel * s.columns + p, i = firstQuery() + tile * s.rows + q;
    x.keys(p, d, panel, m) = s.key(m * s.group, j, d) * s.real(s.scale() * s.base());
    x.values(p, d, panel, m) = s.value(m * s.group, j, d);
    x.dot(p, q, tile, panel, block, n) = s.real(0);
    x.dot(p, q, tile, panel, block, n) += x.keys(p, x.rd, panel, n / s.group) * s.query(n, i, x.rd);
    x.dotValue(p, q, tile, panel, block, n) = s.real(0);
    x.dotValue(p, q, tile, panel, block, n) +=
        x.values(p, x.re, panel, n / s.group) * s.ofQuery(op.getCotangent(), n, i, x.re);

    auto eachTile = [&](Func f, RDom r, auto value) {
      Expr row = r.y * s.rows + r.x;
      r.where(firstQuery() + r.y * s.rows < s.queries);
      f(p, q, panel, block, n) = Halide::undef(s.element);
      f(p, row, panel, block, n) = value(row, firstQuery() + row, r);
    };
    // Masks, or what they need, would take registers from the product's loop.
    eachTile(x.logits, x.rw, [&](Expr, Expr, RDom r) { return x.dot(p, r.x, r.y, panel, block, n); });
    Expr sum = s.row(op.getLogSumExp(), n, firstQuery() + q) * s.real(s.base());
    Expr weight = s.exponential(x.logits(p, q, panel, block, n) - sum);
    x.weights(p, q, panel, block, n) = s.choose(s.seen(n, firstQuery() + q, j), weight, 0);
    eachTile(x.dScores, x.rs, [&](Expr row, Expr query, RDom r) {
      Expr applied = x.dotValue(p, r.x, r.y, panel, block, n) * s.kept(n, query, j);
      return x.weights(p, row, panel, block, n) * (applied - s.row(op.getDelta(), n, query)) * s.real(s.scale());
    });
    x.applied(p, q, panel, block, n) = x.weights(p, q, panel, block, n) * s.kept(n, firstQuery() + q, j);
    return x;
  }

  void schedule(Pairs &x, LoopLevel packAt, LoopLevel level) {
    for (Func packed : {x.keys, x.values}) packed.compute_at(packAt).bound_extent(p, s.columns).vectorize(p, s.lanes);
    auto tiles = [&](Func f, RDom r, Func product, RDom depth) {
      f.update().reorder(p, r.x, r.y).vectorize(p, s.lanes).unroll(p).unroll(r.x);
      RegisterTile{p, q, s.columns, s.rows, s.lanes}.schedule(product, LoopLevel(f, r.y), depth.x);
    };
    for (Func f : {x.logits, x.weights, x.applied, x.dScores}) {
      if (f.name() == x.applied.name() && !op.getRandomKey()) continue;
      f.compute_at(level).bound_extent(p, s.columns).bound(q, 0, s.block).vectorize(p, s.lanes);
      for (Var one : {panel, block, n}) f.bound_extent(one, 1);
    }
    tiles(x.logits, x.rw, x.dot, x.rd);
    tiles(x.dScores, x.rs, x.dotValue, x.re);
  }

  /// Items and heads are not one loop, as in attention.
  void share(Halide::Stage stage, Var inner) {
    if (!kernel.schedule().getLoops().starts_with("B")) return;
    for (Var loop : {inner, v[1], v[0]}) stage.parallel(loop);
  }

  void lowerQuery() {
    Pairs x = pairsOf("query");
    Func product = kernel.func("query_product"), sum = kernel.func("query_sum"), result = kernel.func("d_query");
    int lanes = lanesFor(s.size, s.lanes), rows = s.rowsBeside(s.size / lanes, s.block);
    RDom rj = kernel.reduction("query_rj", {s.columns}),
         r = kernel.reduction("query_ro", {rows, (s.block + rows - 1) / rows, s.panels});
    Expr j = panel * s.columns + rj;
    rj.where(op.getKvLengths() ? j < min(s.length(n), s.keys) : j < s.keys);
    r.where(seesPanel(block, r.z) && firstQuery() + r.y * rows < s.queries);
    product(d, q, tile, panel, block, n) = s.real(0);
    product(d, q, tile, panel, block, n) +=
        s.key(n, j, d) * x.dScores(rj, min(tile * rows + q, s.block - 1), panel, block, n);
    sum(d, q, block, n) = s.real(0);
    sum(d, r.y * rows + r.x, block, n) += product(d, r.x, r.y, r.z, block, n);
    result(v[3], v[2], v[1], v[0]) = sum(v[3], v[2] % s.block, v[2] / s.block, v[0] * s.heads + v[1]);
    kernel.yieldDirectly(op.getDQuery(), result);

    Var at("at"), in("in");
    result.split(v[2], at, in, s.block, guard);
    share(result, at);
    result.reorder(v[3], in, at, v[1]).vectorize(v[3], lanes, guard);
    sum.compute_at(result, at)
        .bound_extent(d, s.size)
        .bound(q, 0, (int)llvm::alignTo(s.block, rows))
        .vectorize(d, lanes);
    sum.update().reorder(d, r.x, r.y, r.z).vectorize(d, lanes).unroll(d).unroll(r.x);
    sum.bound_extent(block, 1).bound_extent(n, 1);
    RegisterTile{d, q, s.size, rows, lanes}.schedule(product, LoopLevel(sum, r.y), rj.x);
    schedule(x, LoopLevel(result, v[1]), LoopLevel(sum, r.z));
  }

  /// The sums over the queries of each head in the key head's group, of dk and dv in turn.
  void lowerKeyAndValue() {
    Pairs x = pairsOf("key");
    Func product = kernel.func("key_product"), sums = kernel.func("key_sums");
    int most = std::max(s.size, s.valueSize), lanes = lanesFor(std::gcd(s.size, s.valueSize), s.lanes);
    int rows = s.rowsBeside(most / lanes, s.columns);
    RDom ri = kernel.reduction("key_ri", {s.block}); // query in the block
    RDom r = kernel.reduction("key_ro", {rows, (s.columns + rows - 1) / rows, 2, blocks, s.group});
    RVar rq = r[0], rtile = r[1], rwhich = r[2], rblock = r[3], rhead = r[4];
    Var m("m"), which("which");
    Expr i = firstQuery() + ri, j = min(tile * rows + q, s.columns - 1);
    ri.where(i < s.queries);
    auto column = [&](int size) { return size == most ? Expr(d) : min(Expr(d), size - 1); };
    Expr left =
        select(which == 0, s.query(n, i, column(s.size)), s.ofQuery(op.getCotangent(), n, i, column(s.valueSize)));
    Func weights = op.getRandomKey() ? x.applied : x.weights;
    Expr right = select(which == 0, x.dScores(j, ri, panel, block, n), weights(j, ri, panel, block, n));
    product(d, q, tile, which, panel, block, n) = s.real(0);
    product(d, q, tile, which, panel, block, n) += left * right;
    r.where(seesPanel(rblock, panel) && panel * s.columns + rtile * rows < s.keys);
    sums(d, q, which, panel, m) = s.real(0);
    sums(d, rtile * rows + rq, rwhich, panel, m) += product(d, rq, rtile, rwhich, panel, rblock, m * s.group + rhead);

    Func results[2] = {kernel.func("d_key"), kernel.func("d_value")};
    Value targets[2] = {op.getDKey(), op.getDValue()};
    int sizes[2] = {s.size, s.valueSize};
    Var at("at"), in("in");
    for (int index : {0, 1}) {
      Func result = results[index];
      result(v[3], v[2], v[1], v[0]) = sums(v[3], v[2] % s.columns, index, v[2] / s.columns, v[0] * keyHeads + v[1]);
      kernel.yieldDirectly(targets[index], result);
      result.split(v[2], at, in, s.columns, guard);
      share(result, at);
      result.reorder(v[3], in, at, v[1]).vectorize(v[3], lanesFor(sizes[index], s.lanes), guard);
    }
    results[1].compute_with(results[0], at);
    sums.compute_at(results[0], at)
        .bound_extent(d, most)
        .bound(q, 0, (int)llvm::alignTo(s.columns, rows))
        .vectorize(d, lanes);
    sums.update().reorder(d, rq, rtile, rwhich, rblock, rhead).vectorize(d, lanes).unroll(d).unroll(rq).unroll(rwhich);
    sums.bound_extent(panel, 1).bound_extent(m, 1);
    RegisterTile{d, q, most, rows, lanes}.schedule(product, LoopLevel(sums, rtile), ri.x);
    schedule(x, LoopLevel(results[0], at), LoopLevel(sums, rblock));
  }

  AttentionGradOp op;
  KernelLowering &kernel;
  Scores<AttentionGradOp> s;
  int keyHeads, blocks;
  std::vector<Var> v = kernel.variables(4); // b, h, i, d
  Var p{"p"}, q{"q"}, tile{"tile"}, panel{"panel"}, block{"block"}, n{"n"}, d{"d"};
};

struct AttentionGradLowering : AnchorLowering::ExternalModel<AttentionGradLowering, AttentionGradOp> {
  LogicalResult lowerAnchor(Operation *operation, KernelLowering &kernel) const {
    auto op = cast<AttentionGradOp>(operation);
    if (failed(Scores<AttentionGradOp>::verify(op, true))) return failure();
    AttentionBackward(op, kernel).lower();
    return success();
  }
};

} // namespace

void registerAttentionGradLowerings(MLIRContext *context) {
  AttentionGradOp::attachInterface<AttentionGradLowering>(*context);
}

} // namespace fovea
