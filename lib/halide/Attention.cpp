// Attention without a stored matrix of queries by keys: a block of queries and a chunk of keys at a time, whose scores
// stay near. A chunk has a largest score and sums of its own; those of a block's chunks are merged in order.
#include "lib/halide/DeviceAttention.h"
#include "lib/halide/Families.h"
#include "lib/halide/RegisterTile.h"
#include "lib/halide/TransposedPanels.h"
#include "lib/kernels/schedule/Schedule.h"

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
/// About so many keys' values stay in the first cache while they are multiplied by the weights of a block.
constexpr int nearColumns = 64;

class Attention {
public:
  Attention(AttentionOp op, KernelLowering &kernel)
      : op(op), kernel(kernel), s(op, kernel), valueLanes(lanesFor(s.valueSize, s.lanes)),
        inTiles(kernel.schedule().getLoops().contains('q')),
        valueVectors((int)resultVectors(s.valueSize / valueLanes, kernel.target)),
        valueRows(inTiles ? (int)kernel.schedule().getWidth() : s.rowsBeside(valueVectors, s.block)),
        cut(!inTiles && kernel.schedule().getLoops().size() == 6),
        chunks(cut ? std::min((int)kernel.schedule().getChunks(), s.span) : 1),
        panels((int)llvm::divideCeil(s.span, chunks)),
        seesAll(!s.hasWindow() && !op.getKvLengths() && !s.hasFunctions() && !cut),
        together(seesAll ? std::clamp(nearColumns / s.columns, 1, panels) : 1) {}

  void lower() {
    s.mapPanels(1);
    if (s.hasFunctions())
      lowerFunctions();
    else
      lowerScores();
    lowerLargest();
    inTiles ? lowerTiles() : lowerSums();
    if (cut) mergeChunks();
    Expr i = v[2], head = v[0] * s.heads + v[1], at = i / s.block;
    std::vector<Expr> row{i % s.block, at, head}, ofChunk{i % s.block, 0, at, head},
        ofTile{i % valueRows, i / valueRows, at, head};
    Expr denominator = cut ? merged(s.valueSize, row[0], at, head) : total(inTiles ? ofTile : ofChunk);
    Expr none = denominator == s.real(0);
    Func result = kernel.func("attention");
    Expr x = inTiles ? product(v[3], ofTile[0], ofTile[1], at, head)
             : cut   ? merged(v[3], row[0], at, head)
                     : sums(v[3], row[0], 0, 0, at, head);
    inverse = kernel.func("inverse");
    if (inTiles)
      inverse(q, tile, block, n) = s.real(1) / total(q, tile, block, n);
    else
      inverse(q, block, n) = s.real(1) / (cut ? merged(s.valueSize, q, block, n) : total(q, 0, block, n));
    Expr factor = inverse(inTiles ? ofTile : row);
    result(v[3], v[2], v[1], v[0]) = x * (s.isMasked() ? select(none, s.real(0), factor) : factor);
    kernel.bind(op.getResult(), result);

    withLogSumExp = kernel.isYielded(op.getLogSumExp());
    if (withLogSumExp) {
      logSumExp = kernel.func("log_sum_exp");
      logSumExp(v[2], v[1], v[0]) = s.logSumExp(cut ? most(row) : largest(ofChunk), denominator);
      kernel.yieldDirectly(op.getLogSumExp(), logSumExp);
    }
    schedule();
  }

private:
  /// The lanes of one vector are combined one after another, so that few are left to it.
  static int fewLanes(int lanes) { return std::min(lanes, 4); }
  /// Panels are counted from the first of a chunk. Halide may not conclude which chunks are seen: it would compute no
  /// others.
  Expr panelAt(const Expr &panel) {
    Expr first = s.firstPanel(block);
    return cut ? first + math::opaque(chunk) * panels + panel : first + panel;
  }
  Expr keyOf(const Expr &panel, const Expr &column) { return panelAt(panel) * s.columns + column; }
  /// The pairs of block and panel in which a query sees a key.
  Expr seesPanel(const Expr &panel) { return s.anySeen(n, block, panelAt(panel)); }
  Expr sees(const Expr &row, const Expr &panel) { return s.seen(n, block * s.block + row, keyOf(panel, p)); }

  void lowerDot() {
    dot = kernel.func("dot");
    score = kernel.func("score");
    rd = kernel.reduction("rd", {s.size});
    keys.define(
        {p, d, panel, n}, [&](const Expr &column, const Expr &at) { return s.key(n, panel * s.columns + column, at); },
        s.real(s.productScale()));
    dot(p, q, tile, panel, chunk, block, n) = s.real(0);
    dot(p, q, tile, panel, chunk, block, n) += keys.panels(p, rd, clamp(panelAt(panel), 0, s.panels - 1), n) *
                                               s.query(n, block * s.block + tile * s.rows + q, rd);
    score(p, q, panel, chunk, block, n) = Halide::undef(s.element);
  }

  /// Raw scores of one panel at a time, then what the functions make of them.
  void lowerFunctions() {
    lowerDot();
    raw = kernel.func("raw");
    rs = kernel.reduction("rs", {s.rows, s.block / s.rows}); // row in the tile, tile
    rs.where(block * s.block + rs.y * s.rows < s.queries);
    raw(p, q, panel, chunk, block, n) = Halide::undef(s.element);
    raw(p, rs.y * s.rows + rs.x, panel, chunk, block, n) = dot(p, rs.x, rs.y, panel, chunk, block, n);
    rf = kernel.reduction("rf", {s.block, panels});
    rf.where(seesPanel(rf.y));
    Expr x = s.scored(n, block * s.block + rf.x, keyOf(rf.y, p), raw(p, rf.x, rf.y, chunk, block, n));
    score(p, rf.x, rf.y, chunk, block, n) = s.choose(sees(rf.x, rf.y), x, maskedScore);
  }

  void lowerScores() {
    lowerDot();
    rs = kernel.reduction("rs", {s.rows, s.block / s.rows, panels}); // row in the tile, tile, panel
    rs.where(seesPanel(rs.z) && block * s.block + rs.y * s.rows < s.queries);
    // Unmasked: what a mask needs would take registers from the product's loop.
    score(p, rs.y * s.rows + rs.x, rs.z, chunk, block, n) = dot(p, rs.x, rs.y, rs.z, chunk, block, n);
  }

  /// The largest score of a row: for each column of the panels, then over the columns.
  void lowerLargest() {
    peak = kernel.func("peak");
    largest = kernel.func("largest");
    rp = kernel.reduction("rp", {panels});
    rp.where(seesPanel(rp));
    peak(p, q, chunk, block, n) = s.real(maskedScore);
    Expr x = score(p, q, rp, chunk, block, n);
    if (!s.hasFunctions() && !seesAll) x = s.choose(sees(q, rp), x, maskedScore);
    peak(p, q, chunk, block, n) = max(peak(p, q, chunk, block, n), x);
    rl = kernel.reduction("rl", {fewLanes(s.lanes)});
    Expr all = peak(rl, q, chunk, block, n);
    for (int c = fewLanes(s.lanes); c < s.columns; c += fewLanes(s.lanes))
      all = max(all, peak(rl + c, q, chunk, block, n));
    largest(q, chunk, block, n) = s.real(maskedScore);
    largest(q, chunk, block, n) = max(largest(q, chunk, block, n), all);
  }

  /// The weight in column p of a panel for a row of the block. Beyond the last key stands it once more where each query
  /// sees each.
  Expr weightOf(const Expr &row, const Expr &chunk) {
    Expr x = score(p, row, panel, chunk, block, n), most = largest(row, chunk, block, n);
    return s.weight(x, most, seesAll || s.hasFunctions() ? Expr() : sees(row, panel));
  }

  /// The sums over the keys of values by their weights, and of weights: some panels after others, whose weights lie
  /// near for both.
  void lowerSums() {
    weight = kernel.func("weight");
    applied = kernel.func("applied"); // weights after dropout
    product = kernel.func("product");
    sums = kernel.func("sums");
    total = kernel.func("total");
    weight(p, q, panel, chunk, block, n) = weightOf(q, chunk);
    applied(p, q, panel, chunk, block, n) =
        weight(p, q, panel, chunk, block, n) * s.kept(n, block * s.block + q, keyOf(panel, p));

    rj = kernel.reduction("rj", {s.columns, together}); // column of a panel, panel
    Expr first = panel * together, j = keyOf(first + rj.y, rj.x), i = min(tile * valueRows + q, s.block - 1);
    rj.where(op.getKvLengths() ? j < min(s.length(n), s.keys) : j < s.keys);
    product(d, q, tile, panel, chunk, block, n) = s.real(0);
    product(d, q, tile, panel, chunk, block, n) +=
        s.value(n, j, d) * (op.getRandomKey() ? applied : weight)(rj.x, i, first + rj.y, chunk, block, n);

    ro = kernel.reduction(
        "ro", {valueRows, (s.block + valueRows - 1) / valueRows, 2, (int)llvm::divideCeil(panels, together)});
    Expr row = ro.y * valueRows + ro.x, mass;
    for (int at = 0; at < together; ++at)
      for (int c = 0; c < s.columns; c += s.valueSize) {
        Expr x = weightInSum(d + c, min(row, s.block - 1), at);
        if (c + s.valueSize > s.columns) x = select(d + c < s.columns, x, s.real(0));
        mass = mass.defined() ? mass + x : x;
      }
    ro.where(seesPanel(ro.w * together) && block * s.block + ro.y * valueRows < s.queries);
    Expr pairs = select(ro.z == 0, product(d, ro.x, ro.y, ro.w, chunk, block, n), mass);
    sums(d, q, which, chunk, block, n) = s.readsMap(s.real(0), n);
    sums(d, row, ro.z, chunk, block, n) += s.readsMap(pairs, n);

    rt = kernel.reduction("rt", {fewLanes(valueLanes)});
    Expr all = sums(rt, q, 1, chunk, block, n);
    for (int c = fewLanes(valueLanes); c < s.valueSize; c += fewLanes(valueLanes))
      all += sums(rt + c, q, 1, chunk, block, n);
    total(q, chunk, block, n) = s.real(0);
    total(q, chunk, block, n) += all;
  }

  /// The same for a tile of `valueRows` queries after another, counted through all blocks: its weights for all keys lie
  /// near, and its sums stay in registers.
  void lowerTiles() {
    weight = kernel.func("weight");
    applied = kernel.func("applied");
    product = kernel.func("product");
    sums = kernel.func("mass");
    total = kernel.func("total");
    Expr row = (tile - block * (s.block / valueRows)) * valueRows + q;
    weight(p, q, panel, tile, block, n) = weightOf(row, 0);
    applied(p, q, panel, tile, block, n) =
        weight(p, q, panel, tile, block, n) * s.kept(n, block * s.block + row, panel * s.columns + p);
    rj = kernel.reduction("rj", {s.columns, panels}); // column of a panel, panel
    Expr j = rj.y * s.columns + rj.x;
    rj.where(j < s.keys);
    product(d, q, tile, block, n) = s.real(0);
    product(d, q, tile, block, n) +=
        s.value(n, j, d) * (op.getRandomKey() ? applied : weight)(rj.x, q, rj.y, tile, block, n);

    // First the panel with columns beyond the last key, if there is one.
    bool hasRest = s.keys % s.columns;
    Expr first = weight(p, q, hasRest ? panels - 1 : 0, tile, block, n);
    sums(p, q, tile, block, n) = hasRest ? select((panels - 1) * s.columns + p < s.keys, first, s.real(0)) : first;
    ro = kernel.reduction("ro", {std::max(panels - 1, 1)});
    if (panels > 1) sums(p, q, tile, block, n) += weight(p, q, hasRest ? Expr(ro) : ro + 1, tile, block, n);
    rt = kernel.reduction("rt", {fewLanes(s.lanes)});
    Expr all = sums(rt, q, tile, block, n);
    for (int c = fewLanes(s.lanes); c < s.columns; c += fewLanes(s.lanes)) all += sums(rt + c, q, tile, block, n);
    total(q, tile, block, n) = s.real(0);
    total(q, tile, block, n) += all;
  }

  /// The weight in a column of the panel `at` of those that are summed together; 0 beyond the last key.
  Expr weightInSum(const Expr &column, const Expr &row, int at) {
    int last = (panels - 1) % together; // where the last panel is
    Expr of = ro.w * together + at;
    Expr x = weight(min(column, s.columns - 1), row, min(of, panels - 1), chunk, block, n);
    if (!seesAll || at < last || (at == last && s.keys % s.columns == 0)) return x;
    return select(at == last ? of * s.columns + column < s.keys : of < panels, x, s.real(0));
  }

  /// A row of a chunk's part: sums of values by weights, the sum of weights, and the largest score to which they are
  /// relative. Merged, parts count as much as their largest score says.
  void mergeChunks() {
    part = kernel.func("part");
    most = kernel.func("most");
    share = kernel.func("share");
    merged = kernel.func("merged");
    rm = kernel.reduction("rm", {chunks});
    rc = kernel.reduction("rc", {chunks});
    Expr last = largest(q, chunk, block, n), mass = total(q, chunk, block, n);
    part(d, q, chunk, block, n) = select(d < s.valueSize, sums(min(d, s.valueSize - 1), q, 0, chunk, block, n),
                                         select(d == s.valueSize, mass, last));
    most(q, block, n) = s.real(maskedScore);
    most(q, block, n) = max(most(q, block, n), part(s.valueSize + 1, q, rm, block, n));
    share(q, chunk, block, n) = s.exponential(part(s.valueSize + 1, q, chunk, block, n) - most(q, block, n));
    merged(d, q, block, n) = s.real(0);
    merged(d, q, block, n) += share(q, rc, block, n) * part(d, q, rc, block, n);
  }

  /// Loops `BIijd`: items and heads, then blocks of `task` queries, the outermost with several tasks shared among
  /// threads; tiles in registers. `BIJijd` has chunks of the keys between; in `BIijqd` tiles of queries go through all
  /// keys for the result. With a log-sum-exp, items and heads are not one loop: compute_with makes an interval of the
  /// loop's variable, and the head, its remainder, would be any, so that each task would compute the scores of every
  /// head.
  void schedule() {
    Output &output = kernel.output();
    std::vector<Var> v = output.vars;
    Var at("at"), in("in"), head("head"), oneHead = withLogSumExp ? v[1] : head;
    StringRef loops = kernel.schedule().getLoops();
    bool parallel = loops[0] == 'B';
    auto blocks = [&](Halide::Stage stage) {
      if (inTiles)
        stage.split(v[2], at, in, valueRows, guard).split(at, at, tile, s.block / valueRows, guard);
      else
        stage.split(v[2], at, in, s.block, guard);
      if (loops[1] == 'I') stage.parallel(at);
      if (!withLogSumExp) stage.fuse(v[1], v[0], head);
      if (parallel && !(withLogSumExp && s.hasManyItems())) stage.parallel(oneHead);
      if (parallel && withLogSumExp) stage.parallel(v[0]);
    };
    Halide::Stage stage = output.stage();
    blocks(stage);
    if (inTiles)
      stage.split(v[3], columns, v[3], valueVectors * valueLanes)
          .reorder(v[3], in, columns, tile, at, oneHead)
          .unroll(in);
    else
      stage.reorder(v[3], in, at, oneHead);
    stage.vectorize(v[3], valueLanes, guard).unroll(v[3]);
    if (withLogSumExp) {
      blocks(logSumExp);
      logSumExp.vectorize(in, inTiles ? std::min(valueRows, s.lanes) : s.lanes, guard);
      logSumExp.compute_with(output.func, inTiles ? tile : at);
    }
    Halide::LoopLevel atBlock(output.func, at), atChunk = cut ? Halide::LoopLevel(part, chunk) : atBlock;
    if (cut) scheduleMerge(atBlock, loops[2] == 'J');
    // One block reads them but once.
    if (s.isOneBlock()) {
      keys.schedule(Halide::LoopLevel(score, s.hasFunctions() ? rf.y : rs.z));
      keys.panels.bound_extent(panel, 1);
    } else {
      keys.schedule(Halide::LoopLevel(output.func, oneHead));
      keys.panels.bound(panel, 0, s.panels);
    }
    score.compute_at(atChunk)
        .bound_extent(p, s.columns)
        .bound(q, 0, s.block)
        .bound(panel, 0, panels)
        .vectorize(p, s.lanes);
    s.schedulePanels(Halide::LoopLevel(output.func, oneHead));
    Func tiles = score;
    if (s.hasFunctions()) {
      tiles = raw;
      score.update().reorder(p, rf.x, rf.y).vectorize(p, s.lanes);
      raw.compute_at(score, rf.y).bound_extent(p, s.columns).bound(q, 0, s.block).vectorize(p, s.lanes);
      for (Var one : {panel, chunk, block, n}) raw.bound_extent(one, 1);
      raw.update().reorder(p, rs.x, rs.y);
    } else {
      score.update().reorder(p, rs.x, rs.y, rs.z);
    }
    tiles.update().vectorize(p, s.lanes).unroll(p).unroll(rs.x);
    RegisterTile{p, q, s.columns, s.rows, s.lanes}.schedule(dot, Halide::LoopLevel(tiles, rs.y), rd);
    if (s.rereadsPanels()) RegisterTile::prefetchNext(kernel, dot, rd, tiles, rs.y, s.block / s.rows);
    scheduleLargest(atChunk);

    for (Func f : {score, peak, largest}) f.bound_extent(chunk, 1).bound_extent(block, 1).bound_extent(n, 1);
    if (inTiles)
      scheduleTiles(Halide::LoopLevel(output.func, tile), Halide::LoopLevel(output.func, columns));
    else
      scheduleSums(atBlock, atChunk);
  }

  /// Scores of a block that do not stay in the first cache are gone through by tiles of the result: what the largest is
  /// sought in is near for the weights. Not with a log-sum-exp, for which tiles are an interval.
  bool isByTile() const {
    constexpr int64_t firstCacheBytes = 1 << 15;
    return inTiles && !withLogSumExp && (int64_t)s.block * panels * s.columns * s.element.bytes() > firstCacheBytes;
  }

  void scheduleLargest(const Halide::LoopLevel &atChunk) {
    int rows = isByTile() ? valueRows : s.block;
    Halide::LoopLevel level = isByTile() ? Halide::LoopLevel(kernel.output().func, tile) : atChunk;
    peak.compute_at(level).bound_extent(p, s.columns).bound_extent(q, rows).vectorize(p, s.lanes).unroll(p);
    peak.update().reorder(p, q, rp.x).vectorize(p, s.lanes).unroll(p);
    if (isByTile()) peak.unroll(q).update().unroll(q);
    largest.compute_at(level).bound_extent(q, rows).update().atomic().vectorize(rl.x, fewLanes(s.lanes));
  }

  void scheduleSums(const Halide::LoopLevel &atBlock, const Halide::LoopLevel &atChunk) {
    for (Func f : {weight, applied}) {
      if (f.name() == applied.name() && !op.getRandomKey()) continue;
      f.compute_at(sums, ro.w).bound_extent(p, s.columns).bound(q, 0, s.block).vectorize(p, s.lanes).unroll(p);
      together > 1 ? f.bound_storage(panel, together) : f.bound_extent(panel, 1);
      for (Var one : {chunk, block, n}) f.bound_extent(one, 1);
    }
    sums.compute_at(atChunk)
        .bound_extent(d, s.valueSize)
        .bound(q, 0, (int)llvm::alignTo(s.block, valueRows))
        .vectorize(d, valueLanes);
    sums.update().split(d, columns, d, valueVectors * valueLanes).reorder(d, ro.x, columns, ro.y, ro.z, ro.w);
    sums.update().vectorize(d, valueLanes).unroll(d).unroll(ro.x).unroll(ro.z);
    RegisterTile{d, q, valueVectors * valueLanes, valueRows, valueLanes}.schedule(product,
                                                                                  Halide::LoopLevel(sums, columns), rj);
    if (s.rereadsPanels())
      RegisterTile::prefetchNext(kernel, product, rj, sums, ro.y, (int)llvm::divideCeil(s.block, valueRows));
    for (Func f : {sums, total}) f.bound_extent(chunk, 1).bound_extent(block, 1).bound_extent(n, 1);
    inverse.bound_extent(block, 1).bound_extent(n, 1);
    inverse.compute_at(atBlock).bound(q, 0, s.block);
    total.compute_at(atChunk).bound(q, 0, s.block).update().atomic().vectorize(rt.x, fewLanes(valueLanes));
  }

  void scheduleTiles(const Halide::LoopLevel &atTile, const Halide::LoopLevel &atColumns) {
    for (Func f : {weight, applied}) {
      if (f.name() == applied.name() && !op.getRandomKey()) continue;
      f.compute_at(atTile).bound_extent(p, s.columns).bound(q, 0, valueRows).bound(panel, 0, panels);
      f.vectorize(p, s.lanes).unroll(p);
      // One row's weights leave registers for what is the same for all.
      isByTile() ? f.reorder(p, panel, q) : f.unroll(q);
    }
    sums.compute_at(atTile).bound_extent(p, s.columns).bound(q, 0, valueRows).vectorize(p, s.lanes).unroll(p);
    if (sums.num_update_definitions()) sums.update().reorder(p, ro.x, q).vectorize(p, s.lanes).unroll(p);
    total.compute_at(atTile).bound(q, 0, valueRows).update().atomic().vectorize(rt.x, fewLanes(s.lanes));
    inverse.compute_at(atTile).bound(q, 0, valueRows);
    RegisterTile{d, q, valueVectors * valueLanes, valueRows, valueLanes}.schedule(product, atColumns, rj);
    for (Func f : {weight, applied, sums, total, inverse})
      if (f.defined()) f.bound_extent(tile, 1).bound_extent(block, 1).bound_extent(n, 1);
  }

  void scheduleMerge(const Halide::LoopLevel &atBlock, bool parallel) {
    int width = (int)llvm::alignTo(s.valueSize + 2, valueLanes);
    for (Func f : {part, most, share, merged}) {
      f.compute_at(atBlock).bound(q, 0, s.block).bound_extent(block, 1).bound_extent(n, 1);
      if (f.name() == part.name() || f.name() == share.name()) f.bound(chunk, 0, chunks);
    }
    part.bound(d, 0, width).vectorize(d, valueLanes).unroll(d);
    if (parallel) part.parallel(chunk);
    merged.bound(d, 0, width).vectorize(d, valueLanes).unroll(d);
    merged.update().reorder(d, rc, q).vectorize(d, valueLanes).unroll(d);
  }

  AttentionOp op;
  KernelLowering &kernel;
  Scores<AttentionOp> s;
  int valueLanes;
  bool inTiles;                             // whether tiles of the result go through all keys, one after another
  int valueVectors, valueRows;              // of a register tile of the result
  bool cut;                                 // whether the keys are
  int chunks, panels;                       // how many of keys, and how many panels to one
  bool seesAll;                             // each query each key, in one chunk
  int together;                             // so many panels are multiplied by the values at once
  std::vector<Var> v = kernel.variables(4); // b, h, i, d
  Var p{"p"}, q{"q"}, tile{"tile"}, panel{"panel"}, chunk{"chunk"}, block{"block"}, n{"n"}, d{"d"}, which{"which"},
      columns{"columns"};
  RDom rd, rs, rf, rp, rl, rj, ro, rt, rm, rc;
  TransposedPanels keys{kernel, "keys", s.columns, s.size, s.lanes};
  Func dot, raw, score, peak, largest, weight, applied, product, sums, total, part, most, share, merged, inverse,
      logSumExp;
  bool withLogSumExp = false;
};

struct AttentionLowering : AnchorLowering::ExternalModel<AttentionLowering, AttentionOp> {
  LogicalResult lowerAnchor(Operation *operation, KernelLowering &kernel) const {
    auto op = cast<AttentionOp>(operation);
    if (failed(Scores<AttentionOp>::verify(op, false))) return failure();
    kernel.onDevice() ? lowerOnDevice(op, kernel) : Attention(op, kernel).lower();
    return success();
  }
};

} // namespace

void registerAttentionLowerings(MLIRContext *context) { AttentionOp::attachInterface<AttentionLowering>(*context); }

} // namespace fovea
