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
using Halide::Tuple;
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

  /// Weights as they were applied to the values, and the cotangents of scores, for a block of queries and a panel of
  /// keys; tile by tile from the products q k^T and cotangent v^T.
  struct Pairs {
    Func keys, values, dot, dotValue, pairs;
    RDom rd, re, r;
  };

  Pairs pairsOf(const std::string &name, bool withWeights) {
    Pairs x{kernel.func(name + "_keys"),
            kernel.func(name + "_values"),
            kernel.func(name + "_dot"),
            kernel.func(name + "_dot_value"),
            kernel.func(name + "_pairs"),
            kernel.reduction(name + "_rd", {s.size}),
            kernel.reduction(name + "_re", {s.valueSize}),
            kernel.reduction(name + "_r", {s.rows, s.block / s.rows})};
    Var m("m"); // head of keys
    Expr j = panel * s.columns + p, i = firstQuery() + tile * s.rows + q;
    x.keys(p, d, panel, m) = s.key(m * s.group, j, d) * s.real(s.scale() * s.base());
    x.values(p, d, panel, m) = s.value(m * s.group, j, d);
    x.dot(p, q, tile, panel, block, n) = s.real(0);
    x.dot(p, q, tile, panel, block, n) += x.keys(p, x.rd, panel, n / s.group) * s.query(n, i, x.rd);
    x.dotValue(p, q, tile, panel, block, n) = s.real(0);
    x.dotValue(p, q, tile, panel, block, n) +=
        x.values(p, x.re, panel, n / s.group) * s.ofQuery(op.getCotangent(), n, i, x.re);

    Expr row = x.r.y * s.rows + x.r.x, query = firstQuery() + row;
    x.r.where(firstQuery() + x.r.y * s.rows < s.queries);
    Expr lse = s.row(op.getLogSumExp(), n, query) * s.real(s.base());
    Expr weight = s.exponential(x.dot(p, x.r.x, x.r.y, panel, block, n) - lse), kept = s.kept(n, query, j);
    weight = s.choose(s.seen(n, query, j), weight, 0);
    Expr dScore = x.dotValue(p, x.r.x, x.r.y, panel, block, n) * kept - s.row(op.getDelta(), n, query);
    dScore = weight * dScore * s.real(s.scale());
    std::vector<Var> at{p, q, panel, block, n};
    std::vector<Expr> to{p, row, panel, block, n};
    if (withWeights) {
      x.pairs(at) = Tuple(Halide::undef(s.element), Halide::undef(s.element));
      x.pairs(to) = Tuple(dScore, weight * kept);
    } else {
      x.pairs(at) = Halide::undef(s.element);
      x.pairs(to) = dScore;
    }
    return x;
  }

  void schedule(Pairs &x, LoopLevel packAt, LoopLevel level) {
    for (Func packed : {x.keys, x.values})
      packed.compute_at(packAt).bound_extent(p, s.columns).vectorize(p, s.lanes);
    x.pairs.compute_at(level).bound_extent(p, s.columns).vectorize(p, s.lanes);
    x.pairs.update().reorder(p, x.r.x, x.r.y).vectorize(p, s.lanes).unroll(p).unroll(x.r.x);
    RegisterTile tiles{p, q, s.columns, s.rows, s.lanes};
    tiles.schedule(x.dot, LoopLevel(x.pairs, x.r.y), x.rd.x);
    tiles.schedule(x.dotValue, LoopLevel(x.pairs, x.r.y), x.re.x);
  }

  /// Rows beside the vectors of a row of `size`, that fill the registers as a tile of scores does.
  int rowsBeside(int size, int lanes, int most) {
    return std::clamp(s.rows * (s.columns / s.lanes) / (size / lanes), 1, most);
  }

  /// Items and heads are not one loop, as in attention.
  void share(Halide::Stage stage, Var inner) {
    if (!kernel.schedule().getLoops().starts_with("B")) return;
    for (Var loop : {inner, v[1], v[0]}) stage.parallel(loop);
  }

  void lowerQuery() {
    Pairs x = pairsOf("query", false);
    Func product = kernel.func("query_product"), sum = kernel.func("query_sum"), result = kernel.func("d_query");
    int lanes = lanesFor(s.size, s.lanes), rows = rowsBeside(s.size, lanes, s.block);
    RDom rj = kernel.reduction("query_rj", {s.columns}),
         r = kernel.reduction("query_ro", {rows, (s.block + rows - 1) / rows, s.panels});
    Expr j = panel * s.columns + rj;
    rj.where(op.getKvLengths() ? j < min(s.length(n), s.keys) : j < s.keys);
    r.where(seesPanel(block, r.z) && firstQuery() + r.y * rows < s.queries);
    product(d, q, tile, panel, block, n) = s.real(0);
    product(d, q, tile, panel, block, n) +=
        s.key(n, j, d) * x.pairs(rj, min(tile * rows + q, s.block - 1), panel, block, n);
    sum(d, q, block, n) = s.real(0);
    sum(d, r.y * rows + r.x, block, n) += product(d, r.x, r.y, r.z, block, n);
    result(v[3], v[2], v[1], v[0]) = sum(v[3], v[2] % s.block, v[2] / s.block, v[0] * s.heads + v[1]);
    kernel.yieldDirectly(op.getDQuery(), result);

    Var at("at"), in("in");
    result.split(v[2], at, in, s.block, guard);
    share(result, at);
    result.reorder(v[3], in, at, v[1]).vectorize(v[3], lanes, guard);
    sum.compute_at(result, at).bound_extent(d, s.size).vectorize(d, lanes);
    sum.update().reorder(d, r.x, r.y, r.z).vectorize(d, lanes).unroll(d).unroll(r.x);
    RegisterTile{d, q, s.size, rows, lanes}.schedule(product, LoopLevel(sum, r.y), rj.x);
    schedule(x, LoopLevel(result, v[1]), LoopLevel(sum, r.z));
  }

  /// The sums over the queries of each head in the key head's group.
  void lowerKeyAndValue() {
    Pairs x = pairsOf("key", true);
    Func products[2] = {kernel.func("key_product"), kernel.func("value_product")}, sums = kernel.func("key_sums");
    Func results[2] = {kernel.func("d_key"), kernel.func("d_value")};
    int sizes[2] = {s.size, s.valueSize}, most = std::max(s.size, s.valueSize);
    int lanes = lanesFor(std::gcd(s.size, s.valueSize), s.lanes);
    most = (int)llvm::alignTo(most, lanes);
    int rows = rowsBeside(most, lanes, s.columns);
    RDom r = kernel.reduction("key_ro", {rows, (s.columns + rows - 1) / rows, blocks, s.group});
    Var m("m");
    Expr total[2];
    RDom ri[2];
    for (int which : {0, 1}) {
      ri[which] = kernel.reduction(which ? "value_ri" : "key_ri", {s.block});
      Expr i = firstQuery() + ri[which], column = sizes[which] == most ? Expr(d) : min(Expr(d), sizes[which] - 1);
      ri[which].where(i < s.queries);
      Expr left = which ? s.ofQuery(op.getCotangent(), n, i, column) : s.query(n, i, column);
      products[which](d, q, tile, panel, block, n) = s.real(0);
      products[which](d, q, tile, panel, block, n) +=
          left * x.pairs(min(tile * rows + q, s.columns - 1), ri[which], panel, block, n)[which];
    }
    r.where(seesPanel(r.z, panel) && panel * s.columns + r.y * rows < s.keys);
    Expr row = r.y * rows + r.x;
    sums(d, q, panel, m) = Tuple(s.real(0), s.real(0));
    for (int which : {0, 1})
      total[which] =
          sums(d, row, panel, m)[which] + products[which](d, r.x, r.y, panel, r.z, m * s.group + r.w);
    sums(d, row, panel, m) = Tuple(total[0], total[1]);

    Var at("at"), in("in");
    for (int which : {0, 1}) {
      Func result = results[which];
      result(v[3], v[2], v[1], v[0]) =
          sums(v[3], v[2] % s.columns, v[2] / s.columns, v[0] * keyHeads + v[1])[which];
      kernel.yieldDirectly(which ? op.getDValue() : op.getDKey(), result);
      result.split(v[2], at, in, s.columns, guard);
      share(result, at);
      result.reorder(v[3], in, at, v[1]).vectorize(v[3], lanesFor(sizes[which], s.lanes), guard);
    }
    results[1].compute_with(results[0], at);
    sums.compute_at(results[0], at).bound_extent(d, most).vectorize(d, lanes);
    sums.update().reorder(d, r.x, r.y, r.z, r.w).vectorize(d, lanes).unroll(d).unroll(r.x);
    for (int which : {0, 1})
      RegisterTile{d, q, most, rows, lanes}.schedule(products[which], LoopLevel(sums, r.y), ri[which].x);
    schedule(x, LoopLevel(results[0], at), LoopLevel(sums, r.z));
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
