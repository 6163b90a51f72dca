// Attention without a stored matrix of queries by keys: a block of queries at a time, whose scores stay near.
#include "lib/halide/AttentionScores.h"
#include "lib/halide/Families.h"

using namespace mlir;
using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::RVar;
using Halide::TailStrategy;
using Halide::Var;

namespace fovea {
namespace {

constexpr auto guard = TailStrategy::GuardWithIf;

class Attention {
public:
  Attention(AttentionOp op, KernelLowering &kernel)
      : op(op), kernel(kernel), s(op, kernel), valueRows(rowsBesideValues()) {}

  void lower() {
    lowerScores();
    lowerStatistics();
    lowerSum();
    Expr i = v[2], head = v[0] * s.heads + v[1], at = i / s.block;
    std::vector<Expr> row{i % s.block, at, head};
    Expr denominator = total(row), none = denominator == s.real(0);
    Func result = kernel.func("attention");
    Expr x = sum(v[3], i % s.block, at, head);
    result(v[3], v[2], v[1], v[0]) = x / (s.isMasked() ? select(none, s.real(1), denominator) : denominator);
    kernel.bind(op.getResult(), result);

    withLogSumExp = kernel.isYielded(op.getLogSumExp());
    if (withLogSumExp) {
      Expr finite = largest(row) * s.real(1 / s.base()) + math::log(denominator);
      logSumExp = kernel.func("log_sum_exp");
      logSumExp(v[2], v[1], v[0]) = s.isMasked() ? select(none, math::negativeInfinity(s.element), finite) : finite;
      kernel.yieldDirectly(op.getLogSumExp(), logSumExp);
    }
    schedule();
  }

private:
  /// Accumulators of a tile of the result fill the registers as those of a tile of scores do.
  int rowsBesideValues() {
    int vectors = s.valueSize / lanesFor(s.valueSize, s.lanes), most = s.rows * (s.columns / s.lanes);
    return std::clamp(most / vectors, 1, s.block);
  }

  /// The pairs of block and panel in which a query sees a key.
  Expr seesPanel(const Expr &panel) {
    Expr first = block * s.block;
    return s.anySeen(first, first + (s.block - 1), panel * s.columns, panel * s.columns + (s.columns - 1));
  }
  Expr sees(const Expr &row, const Expr &panel) {
    Expr j = panel * s.columns + p;
    return s.seen(n, block * s.block + row, j);
  }

  void lowerScores() {
    keysPacked = kernel.func("keys");
    dot = kernel.func("dot");
    score = kernel.func("score");
    rd = kernel.reduction("rd", {s.size});
    rs = kernel.reduction("rs", {s.rows, s.block / s.rows, s.panels}); // row in the tile, tile, panel
    keysPacked(p, d, panel, n) = s.key(n, panel * s.columns + p, d) * s.real(s.scale() * s.base());
    dot(p, q, tile, panel, block, n) = s.real(0);
    dot(p, q, tile, panel, block, n) +=
        keysPacked(p, rd, panel, n) * s.query(n, block * s.block + tile * s.rows + q, rd);
    score(p, q, panel, block, n) = Halide::undef(s.element);
    rs.where(seesPanel(rs.z) && block * s.block + rs.y * s.rows < s.queries);
    Expr row = rs.y * s.rows + rs.x, x = dot(p, rs.x, rs.y, rs.z, block, n);
    score(p, row, rs.z, block, n) = s.isMasked() ? s.choose(sees(row, rs.z), x, maskedScore) : x;
  }

  /// The largest score of a row and the sum of its weights: for each column of the panels, then over the columns.
  void lowerStatistics() {
    peak = kernel.func("peak");
    largest = kernel.func("largest");
    weight = kernel.func("weight");
    mass = kernel.func("mass");
    total = kernel.func("total");
    rp = kernel.reduction("rp", {s.panels});
    rw = kernel.reduction("rw", {s.panels, s.block});
    rt = kernel.reduction("rt", {s.panels});
    rl = kernel.reduction("rl", {s.lanes});
    rp.where(seesPanel(rp));
    rw.where(seesPanel(rw.x) && block * s.block + rw.y < s.queries);
    rt.where(seesPanel(rt));
    peak(p, q, block, n) = s.real(maskedScore);
    peak(p, q, block, n) = max(peak(p, q, block, n), score(p, q, rp, block, n));
    auto overColumns = [&](Func total, Func columns, double first, auto combine) {
      Expr all;
      for (int c = 0; c < s.columns; c += s.lanes) {
        Expr x = columns(rl + c, q, block, n);
        all = all.defined() ? combine(all, x) : x;
      }
      total(q, block, n) = s.real(first);
      total(q, block, n) = combine(total(q, block, n), all);
    };
    overColumns(largest, peak, maskedScore, [](Expr a, Expr b) { return Halide::max(a, b); });
    weight(p, q, panel, block, n) = Halide::undef(s.element);
    Expr x = s.exponential(score(p, rw.y, rw.x, block, n) - largest(rw.y, block, n));
    weight(p, rw.y, rw.x, block, n) = s.choose(sees(rw.y, rw.x), x, 0);
    mass(p, q, block, n) = s.real(0);
    mass(p, q, block, n) += weight(p, q, rt, block, n);
    overColumns(total, mass, 0, [](Expr a, Expr b) { return a + b; });
  }

  void lowerSum() {
    applied = kernel.func("applied"); // weights after dropout
    product = kernel.func("product");
    sum = kernel.func("result_sum");
    rj = kernel.reduction("rj", {s.columns});
    ro = kernel.reduction("ro", {valueRows, (s.block + valueRows - 1) / valueRows, s.panels});
    Expr j = panel * s.columns + rj, i = tile * valueRows + q;
    rj.where(op.getKvLengths() ? j < min(s.length(n), s.keys) : j < s.keys);
    product(d, q, tile, panel, block, n) = s.real(0);
    applied(p, q, panel, block, n) =
        weight(p, q, panel, block, n) * s.kept(n, block * s.block + q, panel * s.columns + p);
    product(d, q, tile, panel, block, n) +=
        s.value(n, j, d) * (op.getRandomKey() ? applied : weight)(rj, min(i, s.block - 1), panel, block, n);
    Expr row = ro.y * valueRows + ro.x;
    ro.where(seesPanel(ro.z) && block * s.block + ro.y * valueRows < s.queries);
    sum(d, q, block, n) = s.real(0);
    sum(d, row, block, n) += product(d, ro.x, ro.y, ro.z, block, n);
  }

  /// Loops `Biijd`: items and heads shared among threads, and blocks of `task` queries where there is but one; tiles in
  /// registers. With a log-sum-exp, items and heads are not one loop: compute_with makes an interval of the loop's
  /// variable, and the head, its remainder, would be any, so that each task would compute the scores of every head.
  void schedule() {
    Output &output = kernel.output();
    std::vector<Var> v = output.vars;
    Var at("at"), in("in"), head("head"), oneHead = withLogSumExp ? v[1] : head;
    bool parallel = kernel.schedule().getLoops().starts_with("B");
    auto blocks = [&](Halide::Stage stage) {
      stage.split(v[2], at, in, s.block, guard);
      if (parallel) stage.parallel(at);
      if (!withLogSumExp) stage.fuse(v[1], v[0], head);
      if (parallel) stage.parallel(oneHead);
      if (parallel && withLogSumExp) stage.parallel(v[0]);
    };
    Halide::Stage stage = output.stage();
    blocks(stage);
    int valueLanes = lanesFor(s.valueSize, s.lanes);
    stage.reorder(v[3], in, at, oneHead).vectorize(v[3], valueLanes, guard);
    if (withLogSumExp) {
      blocks(logSumExp);
      logSumExp.compute_with(output.func, at);
    }
    Halide::LoopLevel atBlock(output.func, at);
    keysPacked.compute_at(output.func, oneHead).bound_extent(p, s.columns).vectorize(p, s.lanes);
    score.compute_at(atBlock).bound_extent(p, s.columns).bound(q, 0, s.block).vectorize(p, s.lanes);
    score.update().reorder(p, rs.x, rs.y, rs.z).vectorize(p, s.lanes).unroll(p).unroll(rs.x);
    RegisterTile{p, q, s.columns, s.rows, s.lanes}.schedule(dot, Halide::LoopLevel(score, rs.y), rd.x);
    columnwise(peak, largest, rp);
    weight.compute_at(atBlock).bound_extent(p, s.columns).bound(q, 0, s.block).vectorize(p, s.lanes);
    weight.update().reorder(p, rw.x, rw.y).vectorize(p, s.lanes).unroll(p);
    columnwise(mass, total, rt);
    if (op.getRandomKey())
      applied.compute_at(sum, ro.z).bound_extent(p, s.columns).bound(q, 0, s.block).vectorize(p, s.lanes);
    for (Func statistic : {largest, total}) statistic.compute_at(atBlock);

    sum.compute_at(atBlock).bound_extent(d, s.valueSize).vectorize(d, valueLanes);
    sum.update().reorder(d, ro.x, ro.y, ro.z).vectorize(d, valueLanes).unroll(d).unroll(ro.x);
    RegisterTile{d, q, s.valueSize, valueRows, valueLanes}.schedule(product, Halide::LoopLevel(sum, ro.y), rj.x);
  }

  void columnwise(Func columns, Func total, RDom panels) {
    columns.compute_at(total, q).bound_extent(p, s.columns).vectorize(p, s.lanes).unroll(p);
    columns.update().reorder(p, panels.x).vectorize(p, s.lanes).unroll(p);
    total.update().atomic().vectorize(rl.x, s.lanes);
  }

  AttentionOp op;
  KernelLowering &kernel;
  Scores<AttentionOp> s;
  int valueRows; // of a register tile of the result
  std::vector<Var> v = kernel.variables(4); // b, h, i, d
  Var p{"p"}, q{"q"}, tile{"tile"}, panel{"panel"}, block{"block"}, n{"n"}, d{"d"};
  RDom rd, rs, rp, rw, rt, rl, rj, ro;
  Func keysPacked, dot, score, peak, largest, weight, mass, total, applied, product, sum, logSumExp;
  bool withLogSumExp = false;
};

struct AttentionLowering : AnchorLowering::ExternalModel<AttentionLowering, AttentionOp> {
  LogicalResult lowerAnchor(Operation *operation, KernelLowering &kernel) const {
    auto op = cast<AttentionOp>(operation);
    if (failed(Scores<AttentionOp>::verify(op, false))) return failure();
    if (!op.getScore().empty() || !op.getMask().empty())
      return op.emitOpError("has a score or mask region, which has no lowering in this version: leave it out");
    Attention(op, kernel).lower();
    return success();
  }
};

} // namespace

void registerAttentionLowerings(MLIRContext *context) {
  AttentionOp::attachInterface<AttentionLowering>(*context);
}

} // namespace fovea
