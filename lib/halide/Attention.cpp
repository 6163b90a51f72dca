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
      : op(op), kernel(kernel), s(op, kernel), valueLanes(lanesFor(s.valueSize, s.lanes)),
        valueRows(s.rowsBeside(s.valueSize / valueLanes, s.block)) {}

  void lower() {
    s.mapPanels(1);
    if (s.hasFunctions())
      lowerFunctions();
    else
      lowerScores();
    lowerLargest();
    lowerSums();
    Expr i = v[2], head = v[0] * s.heads + v[1], at = i / s.block;
    std::vector<Expr> row{i % s.block, at, head};
    Expr denominator = total(row), none = denominator == s.real(0);
    Func result = kernel.func("attention");
    Expr x = sums(v[3], i % s.block, 0, at, head);
    inverse = kernel.func("inverse");
    inverse(q, block, n) = s.real(1) / total(q, block, n);
    Expr factor = inverse(row);
    result(v[3], v[2], v[1], v[0]) = x * (s.isMasked() ? select(none, s.real(0), factor) : factor);
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
  /// The pairs of block and panel in which a query sees a key.
  Expr seesPanel(const Expr &panel) { return s.anySeen(n, block, panel); }
  Expr sees(const Expr &row, const Expr &panel) {
    Expr j = panel * s.columns + p;
    return s.seen(n, block * s.block + row, j);
  }

  void lowerDot() {
    keysPacked = kernel.func("keys");
    dot = kernel.func("dot");
    score = kernel.func("score");
    rd = kernel.reduction("rd", {s.size});
    keysPacked(p, d, panel, n) = s.key(n, panel * s.columns + p, d) * s.real(s.productScale());
    dot(p, q, tile, panel, block, n) = s.real(0);
    dot(p, q, tile, panel, block, n) +=
        keysPacked(p, rd, panel, n) * s.query(n, block * s.block + tile * s.rows + q, rd);
    score(p, q, panel, block, n) = Halide::undef(s.element);
  }

  /// Raw scores of one panel at a time, then what the functions make of them.
  void lowerFunctions() {
    lowerDot();
    raw = kernel.func("raw");
    rs = kernel.reduction("rs", {s.rows, s.block / s.rows}); // row in the tile, tile
    rs.where(block * s.block + rs.y * s.rows < s.queries);
    raw(p, q, panel, block, n) = Halide::undef(s.element);
    raw(p, rs.y * s.rows + rs.x, panel, block, n) = dot(p, rs.x, rs.y, panel, block, n);
    rf = kernel.reduction("rf", {s.block, s.panels});
    rf.where(seesPanel(rf.y));
    Expr x = s.scored(n, block * s.block + rf.x, rf.y * s.columns + p, raw(p, rf.x, rf.y, block, n));
    score(p, rf.x, rf.y, block, n) = s.choose(sees(rf.x, rf.y), x, maskedScore);
  }

  void lowerScores() {
    lowerDot();
    rs = kernel.reduction("rs", {s.rows, s.block / s.rows, s.panels}); // row in the tile, tile, panel
    rs.where(seesPanel(rs.z) && block * s.block + rs.y * s.rows < s.queries);
    // Unmasked: what a mask needs would take registers from the product's loop.
    score(p, rs.y * s.rows + rs.x, rs.z, block, n) = dot(p, rs.x, rs.y, rs.z, block, n);
  }

  /// The largest score of a row: for each column of the panels, then over the columns.
  void lowerLargest() {
    peak = kernel.func("peak");
    largest = kernel.func("largest");
    rp = kernel.reduction("rp", {s.panels});
    rp.where(seesPanel(rp));
    peak(p, q, block, n) = s.real(maskedScore);
    Expr x = score(p, q, rp, block, n);
    if (!s.hasFunctions()) x = s.choose(sees(q, rp), x, maskedScore);
    peak(p, q, block, n) = max(peak(p, q, block, n), x);
    rl = kernel.reduction("rl", {s.lanes});
    Expr all = peak(rl, q, block, n);
    for (int c = s.lanes; c < s.columns; c += s.lanes) all = max(all, peak(rl + c, q, block, n));
    largest(q, block, n) = s.real(maskedScore);
    largest(q, block, n) = max(largest(q, block, n), all);
  }

  /// The sums over the keys of values by their weights, and of weights: panel by panel, whose weights lie near for
  /// both.
  void lowerSums() {
    weight = kernel.func("weight");
    applied = kernel.func("applied"); // weights after dropout
    product = kernel.func("product");
    sums = kernel.func("sums");
    total = kernel.func("total");
    Expr x = score(p, q, panel, block, n), most = largest(q, block, n);
    // Functions leave masked scores masked; where all are, none is the largest.
    weight(p, q, panel, block, n) = s.hasFunctions()
                                        ? s.exponential(x - select(most > s.real(maskedScore), most, s.real(0)))
                                        : s.choose(sees(q, panel), s.exponential(x - most), 0);
    applied(p, q, panel, block, n) =
        weight(p, q, panel, block, n) * s.kept(n, block * s.block + q, panel * s.columns + p);

    rj = kernel.reduction("rj", {s.columns});
    Expr j = panel * s.columns + rj, i = min(tile * valueRows + q, s.block - 1);
    rj.where(op.getKvLengths() ? j < min(s.length(n), s.keys) : j < s.keys);
    product(d, q, tile, panel, block, n) = s.real(0);
    product(d, q, tile, panel, block, n) +=
        s.value(n, j, d) * (op.getRandomKey() ? applied : weight)(rj, i, panel, block, n);

    ro = kernel.reduction("ro", {valueRows, (s.block + valueRows - 1) / valueRows, 2, s.panels});
    Expr row = ro.y * valueRows + ro.x, mass;
    for (int c = 0; c < s.columns; c += s.valueSize) {
      Expr x = weight(min(d + c, s.columns - 1), min(row, s.block - 1), ro.w, block, n);
      if (c + s.valueSize > s.columns) x = select(d + c < s.columns, x, s.real(0));
      mass = mass.defined() ? mass + x : x;
    }
    ro.where(seesPanel(ro.w) && block * s.block + ro.y * valueRows < s.queries);
    sums(d, q, which, block, n) = s.readsMap(s.real(0), n);
    sums(d, row, ro.z, block, n) += s.readsMap(select(ro.z == 0, product(d, ro.x, ro.y, ro.w, block, n), mass), n);

    rt = kernel.reduction("rt", {valueLanes});
    Expr all = sums(rt, q, 1, block, n);
    for (int c = valueLanes; c < s.valueSize; c += valueLanes) all += sums(rt + c, q, 1, block, n);
    total(q, block, n) = s.real(0);
    total(q, block, n) += all;
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
    stage.reorder(v[3], in, at, oneHead).vectorize(v[3], valueLanes, guard).unroll(v[3]);
    if (withLogSumExp) {
      blocks(logSumExp);
      logSumExp.compute_with(output.func, at);
    }
    Halide::LoopLevel atBlock(output.func, at);
    keysPacked.compute_at(output.func, oneHead).bound_extent(p, s.columns).vectorize(p, s.lanes);
    score.compute_at(atBlock).bound_extent(p, s.columns).bound(q, 0, s.block).vectorize(p, s.lanes);
    s.schedulePanels(Halide::LoopLevel(output.func, oneHead));
    Func tiles = score;
    if (s.hasFunctions()) {
      tiles = raw;
      score.bound(panel, 0, s.panels).update().reorder(p, rf.x, rf.y).vectorize(p, s.lanes);
      raw.compute_at(score, rf.y).bound_extent(p, s.columns).bound(q, 0, s.block).vectorize(p, s.lanes);
      for (Var one : {panel, block, n}) raw.bound_extent(one, 1);
      raw.update().reorder(p, rs.x, rs.y);
    } else {
      score.update().reorder(p, rs.x, rs.y, rs.z);
    }
    tiles.update().vectorize(p, s.lanes).unroll(p).unroll(rs.x);
    RegisterTile{p, q, s.columns, s.rows, s.lanes}.schedule(dot, Halide::LoopLevel(tiles, rs.y), rd.x);
    peak.compute_at(atBlock).bound_extent(p, s.columns).bound(q, 0, s.block).vectorize(p, s.lanes);
    peak.update().reorder(p, q, rp.x).vectorize(p, s.lanes).unroll(p);
    largest.compute_at(atBlock).bound(q, 0, s.block).update().atomic().vectorize(rl.x, s.lanes);

    for (Func f : {weight, applied}) {
      if (f.name() == applied.name() && !op.getRandomKey()) continue;
      f.compute_at(sums, ro.w).bound_extent(p, s.columns).bound(q, 0, s.block).vectorize(p, s.lanes).unroll(p);
      for (Var one : {panel, block, n}) f.bound_extent(one, 1);
    }
    sums.compute_at(atBlock)
        .bound_extent(d, s.valueSize)
        .bound(q, 0, (int)llvm::alignTo(s.block, valueRows))
        .vectorize(d, valueLanes);
    sums.update().reorder(d, ro.x, ro.y, ro.z, ro.w).vectorize(d, valueLanes).unroll(d).unroll(ro.x).unroll(ro.z);
    RegisterTile{d, q, s.valueSize, valueRows, valueLanes}.schedule(product, Halide::LoopLevel(sums, ro.y), rj.x);
    for (Func f : {score, peak, largest, sums, total, inverse}) f.bound_extent(block, 1).bound_extent(n, 1);
    inverse.compute_at(atBlock).bound(q, 0, s.block);
    total.compute_at(atBlock).bound(q, 0, s.block).update().atomic().vectorize(rt.x, valueLanes);
  }

  AttentionOp op;
  KernelLowering &kernel;
  Scores<AttentionOp> s;
  int valueLanes, valueRows;                // of a register tile of the result
  std::vector<Var> v = kernel.variables(4); // b, h, i, d
  Var p{"p"}, q{"q"}, tile{"tile"}, panel{"panel"}, block{"block"}, n{"n"}, d{"d"}, which{"which"};
  RDom rd, rs, rf, rp, rl, rj, ro, rt;
  Func keysPacked, dot, raw, score, peak, largest, weight, applied, product, sums, total, inverse, logSumExp;
  bool withLogSumExp = false;
};

struct AttentionLowering : AnchorLowering::ExternalModel<AttentionLowering, AttentionOp> {
  LogicalResult lowerAnchor(Operation *operation, KernelLowering &kernel) const {
    auto op = cast<AttentionOp>(operation);
    if (failed(Scores<AttentionOp>::verify(op, false))) return failure();
    Attention(op, kernel).lower();
    return success();
  }
};

} // namespace

void registerAttentionLowerings(MLIRContext *context) { AttentionOp::attachInterface<AttentionLowering>(*context); }

} // namespace fovea
