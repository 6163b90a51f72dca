// Attention on a device without a stored matrix of queries by keys (Dao et al. 2022): a block of threads has a block of
// queries and goes through the keys panel by panel. A panel has a largest score and sums of its own, which are merged
// into those of the panels before it; what a row has so far stays in the threads' registers.
#include "lib/halide/DeviceAttention.h"

using namespace mlir;
using Halide::Expr;
using Halide::Func;
using Halide::LoopLevel;
using Halide::RDom;
using Halide::TailStrategy;
using Halide::Var;

namespace fovea {
namespace {

constexpr auto guard = TailStrategy::GuardWithIf;

class DeviceAttention {
public:
  DeviceAttention(AttentionOp op, KernelLowering &kernel)
      : op(op), kernel(kernel), s(op, kernel), pairs(pairTile(kernel.schedule())),
        rows(rowTile(pairs, s.block, s.valueSize)), parts(std::min(pairs.across, s.columns)) {}

  void lower() {
    lowerScores();
    lowerSums();
    Expr i = v[2], head = v[0] * s.heads + v[1];
    auto at = rows.at(i % s.block, v[3], {i / s.block, head});
    Expr sum = merged(at)[0], most = merged(at)[1], mass = merged(at)[2], none = mass == s.real(0);
    Expr x = select(none, s.real(0), sum / mass);
    if (kernel.isYielded(op.getLogSumExp())) {
      Expr all = s.logSumExp(most, mass);
      x = kernel.yieldBeside(op.getLogSumExp(), x, all, {v[0], v[1], v[2]}, v[3] == 0);
    }
    Func result = kernel.func("attention");
    result(v[3], v[2], v[1], v[0]) = kernel.after(x, queries(i % s.block, 0, i / s.block, head));
    kernel.bind(op.getResult(), result);
    schedule();
  }

private:
  Expr firstKey() { return (s.firstPanel(block) + panel) * s.columns; }
  Expr firstQuery() { return block * s.block; }

  void lowerScores() {
    queries(q, d, block, n) = s.query(n, firstQuery() + q, d);
    keys(p, d, panel, block, n) = s.key(n, firstKey() + p, d) * s.real(s.productScale());
    dot(pairs.vars({panel, block, n})) = s.real(0);
    dot(pairs.vars({panel, block, n})) +=
        queries(pairs.row(), rd, block, n) * keys(pairs.column(), rd, panel, block, n);
    Expr i = firstQuery() + q, j = firstKey() + p, raw = dot(pairs.at(q, p, {panel, block, n}));
    score(p, q, panel, block, n) =
        s.choose(s.seen(n, i, j), s.hasFunctions() ? s.scored(n, i, j, raw) : raw, maskedScore);
    // Threads of a row find its largest score, each in its part of the columns.
    RDom c = kernel.reduction("c", {s.columns / parts}), t = kernel.reduction("t", {parts});
    partPeak(l, q, panel, block, n) = s.real(maskedScore);
    partPeak(l, q, panel, block, n) = max(partPeak(l, q, panel, block, n), score(c * parts + l, q, panel, block, n));
    peak(q, panel, block, n) = s.real(maskedScore);
    peak(q, panel, block, n) = max(peak(q, panel, block, n), partPeak(t, q, panel, block, n));
  }

  void lowerSums() {
    values(d, p, panel, block, n) = s.value(n, firstKey() + p, min(d, s.valueSize - 1));
    Expr x = score(p, q, panel, block, n), most = peak(q, panel, block, n);
    Expr sees = s.hasFunctions() ? Expr() : s.seen(n, firstQuery() + q, firstKey() + p);
    weight(p, q, panel, block, n) = s.weight(x, most, sees);
    RDom c = kernel.reduction("c", {s.columns / parts}), t = kernel.reduction("t", {parts});
    partMass(l, q, panel, block, n) = s.real(0);
    partMass(l, q, panel, block, n) += weight(c * parts + l, q, panel, block, n);
    mass(q, panel, block, n) = s.real(0);
    mass(q, panel, block, n) += partMass(t, q, panel, block, n);
    applied(p, q, panel, block, n) = weight(p, q, panel, block, n) * s.kept(n, firstQuery() + q, firstKey() + p);
    Func given = op.getRandomKey() ? applied : weight;
    product(rows.vars({panel, block, n})) = s.real(0);
    product(rows.vars({panel, block, n})) +=
        given(rj, rows.row(), panel, block, n) * values(rows.column(), rj, panel, block, n);

    std::vector<Var> own = rows.vars({block, n});
    std::vector<Expr> ofPanel(own.begin(), own.end() - 2);
    for (const Expr &each : {Expr(r.x), Expr(block), Expr(n)}) ofPanel.push_back(each);
    merged(own) = Halide::Tuple(s.real(0), s.real(maskedScore), s.real(0));
    kernel.updatesTogether(merged);
    if (s.hasWindow())
      r.where(s.anySeen(n, block, s.firstPanel(block) + math::opaque(r.x))); // whose bounds stay as they are
    Expr before = merged(own)[1], here = peak(rows.row(), r.x, block, n), all = max(before, here);
    Expr a = s.exponential(before - all), b = s.exponential(here - all);
    merged(own) = Halide::Tuple(merged(own)[0] * a + product(ofPanel) * b, all,
                                merged(own)[2] * a + mass(rows.row(), r.x, block, n) * b);
  }

  /// Blocks of queries and heads; `BIjd`.
  void schedule() {
    Output &output = kernel.output();
    Halide::Stage stage = output.stage();
    std::vector<Var> v = output.vars;
    Var inBlock("in_block"), whole("whole"), column("column");
    stage.split(v[2], block, inBlock, s.block, guard).split(v[3], whole, column, rows.columns, guard);
    stage.reorder({column, inBlock, whole, block, v[1], v[0]});
    Var one = fuseAll(stage, {block, v[1], v[0]});
    rows.share(stage, inBlock, column);
    stage.gpu_blocks(one);

    LoopLevel atBlock(output.func, one), atPanel(merged, r.x);
    rows.keep(merged, atBlock, {block, n});
    rows.sum(merged.update(), {}, {r.x});
    pairs.copy(queries, atBlock, s.block, s.size, true);
    pairs.copy(keys, atPanel, s.columns, s.size, true);
    pairs.copy(values, atPanel, rows.columns, s.columns, false);
    pairs.keep(dot, atPanel, {panel, block, n});
    pairs.sum(dot.update(), {rd.x}, {});
    dot.update().unroll(rd.x, 4);
    shareInBlock(score, atPanel);
    shareInBlock(weight, atPanel);
    if (op.getRandomKey()) shareInBlock(applied, atPanel);
    for (Func part : {partPeak, partMass}) {
      keepShared(part, atPanel);
      part.bound(l, 0, parts).bound(q, 0, s.block).split(q, down, own, pairs.rowsOfThread());
      part.reorder(own, l, down).gpu_threads(l, down);
      part.update().split(q, down, own, pairs.rowsOfThread());
      part.update().reorder(Halide::RVar(part.rvars(0)[0]), own, l, down).gpu_threads(l, down);
    }
    for (Func whole : {peak, mass}) {
      keepShared(whole, atPanel);
      whole.bound(q, 0, s.block).split(q, down, own, pairs.rowsOfThread()).gpu_threads(own, down);
      whole.update().split(q, down, own, pairs.rowsOfThread());
      whole.update().reorder(Halide::RVar(whole.rvars(0)[0]), own, down).gpu_threads(own, down);
    }
    rows.keep(product, atPanel, {panel, block, n});
    rows.sum(product.update(), {rj.x}, {});
    product.update().unroll(rj.x, 4);
  }

  void keepShared(Func func, const LoopLevel &level) {
    func.compute_at(level).store_in(Halide::MemoryType::GPUShared);
    for (const Var &one : {panel, block, n}) func.bound_extent(one, 1);
  }
  /// A Func of a panel's pairs.
  void shareInBlock(Func func, const LoopLevel &level) {
    keepShared(func, level);
    func.bound(p, 0, s.columns).bound(q, 0, s.block).align_storage(p, s.columns + 4);
    pairs.share(func, q, p);
  }

  AttentionOp op;
  KernelLowering &kernel;
  Scores<AttentionOp> s;
  ThreadTile pairs, rows;
  int parts;                                // of a row's columns, one for each thread of the row
  std::vector<Var> v = kernel.variables(4); // b, h, i, d
  Var p{"p"}, q{"q"}, l{"l"}, d{"d"}, panel{"panel"}, block{"block"}, n{"n"}, down{"down_rows"}, own{"own_rows"};
  RDom rd = kernel.reduction("rd", {s.size}), rj = kernel.reduction("rj", {s.columns}),
       r = kernel.reduction("r", {s.span});
  Func queries = kernel.func("queries"), keys = kernel.func("keys"), dot = kernel.func("dot"),
       score = kernel.func("score"), partPeak = kernel.func("part_peak"), peak = kernel.func("peak"),
       values = kernel.func("values"), weight = kernel.func("weight"), partMass = kernel.func("part_mass"),
       mass = kernel.func("mass"), applied = kernel.func("applied"), product = kernel.func("product"),
       merged = kernel.func("merged");
};

} // namespace

void lowerOnDevice(AttentionOp op, KernelLowering &kernel) { DeviceAttention(op, kernel).lower(); }

} // namespace fovea
