// Attention's gradient without a stored matrix of queries by keys, in five products (Dao 2023): for each block of
// queries and panel of keys the weights are computed anew, and what they add to the gradients of query, key and value
// is summed.
#include "lib/halide/AttentionCaptures.h"
#include "lib/halide/DeviceAttention.h"
#include "lib/halide/Families.h"
#include "lib/halide/RegisterTile.h"
#include "lib/halide/TransposedPanels.h"
#include "lib/kernels/schedule/Schedule.h"

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
        blocks((int)llvm::divideCeil(*constantOf(s.queries), s.block)), chunks((int)kernel.schedule().getChunks()),
        most(std::max(s.size, s.valueSize)), lanes(lanesFor(std::gcd(s.size, s.valueSize), s.lanes)),
        vectors((int)resultVectors(most / lanes, kernel.target)),
        rows(s.rowsBeside(vectors, std::min(s.block, s.columns))), blockRows((int)llvm::alignTo(s.block, rows)),
        panelRows((int)llvm::alignTo(s.columns, rows)) {
    for (const CaptureGradient &each : captured)
      for (ScoreAddOp add : each.adds) captures.emplace_back(kernel, s, each, add, captures.size());
  }

  void lower() {
    s.mapPanels(s.group);
    lowerPairs();
    lowerSums();
    lowerResults();
    schedulePairs();
    scheduleSums();
    // So little is computed of it that it is as much work to wait for what is read.
    if (isOneProduct()) kernel.addPass(std::make_unique<PrefetchHead>(results[0].name() + ".s", "." + head.name()));
  }

private:
  Expr firstQuery() { return block * s.block; }
  Expr firstKey() { return panel * s.columns; }

  /// For a block of queries and a panel of keys: weights, weights as they were applied to the values, and the
  /// cotangents of scores; tile by tile, first from q k^T, then from cotangent v^T.
  void lowerPairs() {
    Expr j = firstKey() + p, i = firstQuery() + tile * s.rows + q;
    keys.define(
        {p, d, panel, m},
        [&](const Expr &column, const Expr &at) { return s.key(m * s.group, firstKey() + column, at); },
        s.real(s.productScale()));
    values.define(
        {p, d, panel, m},
        [&](const Expr &column, const Expr &at) { return s.value(m * s.group, firstKey() + column, at); }, s.real(1));
    dot(p, q, tile, panel, block, n) = s.real(0);
    dot(p, q, tile, panel, block, n) += keys.panels(p, rd, panel, n / s.group) * s.query(n, i, rd);
    dotValue(p, q, tile, panel, block, n) = s.real(0);
    dotValue(p, q, tile, panel, block, n) +=
        values.panels(p, re, panel, n / s.group) * s.ofQuery(op.getCotangent(), n, i, re);

    auto eachTile = [&](Func f, RDom r, auto value) {
      Expr row = r.y * s.rows + r.x;
      r.where(firstQuery() + r.y * s.rows < s.queries);
      f(p, q, panel, block, n) = Halide::undef(s.element);
      f(p, row, panel, block, n) = value(row, firstQuery() + row, r);
    };
    // Masks, or what they need, would take registers from the product's loop.
    eachTile(logits, rw, [&](Expr, Expr, RDom r) { return dot(p, r.x, r.y, panel, block, n); });
    Expr query = firstQuery() + q, raw = logits(p, q, panel, block, n);
    PairGradient gradient{op, s};
    weights(p, q, panel, block, n) = gradient.weight(n, query, j, raw);
    eachTile(dScores, rs, [&](Expr row, Expr query, RDom r) {
      Expr product = dotValue(p, r.x, r.y, panel, block, n);
      Expr cotangent = gradient.cotangent(n, query, j, weights(p, row, panel, block, n), product);
      return s.hasFunctions() ? cotangent : gradient.ofRaw(n, query, j, raw, cotangent);
    });
    if (s.hasFunctions()) lowerFunctions(gradient, query, j, raw);
    applied(p, q, panel, block, n) = weights(p, q, panel, block, n) * s.kept(n, firstQuery() + q, j);
  }

  /// The cotangents of raw scores from those of scores, and what captures get.
  void lowerFunctions(PairGradient &gradient, const Expr &query, const Expr &j, const Expr &raw) {
    Expr cotangent = dScores(p, q, panel, block, n);
    dRaw(p, q, panel, block, n) = gradient.ofRaw(n, query, j, raw, cotangent);
    for (CaptureSums &each : captures) each.define({p, q, panel, block, n}, raw, cotangent);
  }

  /// One Func holds the three gradients of a key head, so that one loop over blocks and panels serves them all: `which`
  /// is 0 for the rows of dq, of each head in the group, 1 for those of dk, 2 for those of dv. A block's and a panel's
  /// rows are a whole number of register tiles. A chunk has rows of dq for its own blocks only.
  Expr rowOf(int which, const Expr &head, const Expr &index) {
    if (which == 0) return (head * blocksOfChunk() + index / s.block % blocksOfChunk()) * blockRows + index % s.block;
    return firstRow(which) + index / s.columns * panelRows + index % s.columns;
  }
  int firstRow(int which) {
    return which == 0 ? 0 : s.group * blocksOfChunk() * blockRows + (which - 1) * s.panels * panelRows;
  }

  void lowerSums() {
    Expr at = tile * rows + q, ofQuery = which == 0;
    Expr i = firstQuery() + rk, j = firstKey() + rk; // the term of the sum: a query for dk and dv, a key for dq
    auto column = [&](int size) { return size == most ? Expr(d) : min(Expr(d), size - 1); };
    Expr left = select(ofQuery, s.key(n, j, column(s.size)), which == 1, s.query(n, i, column(s.size)),
                       s.ofQuery(op.getCotangent(), n, i, column(s.valueSize)));
    Expr query = select(ofQuery, min(at, s.block - 1), min(Expr(rk), s.block - 1));
    Expr key = select(ofQuery, min(Expr(rk), s.columns - 1), min(at, s.columns - 1));
    Func given = op.getRandomKey() ? applied : weights;
    Expr right = select(which == 2, given(key, query, panel, block, n),
                        (s.hasFunctions() ? dRaw : dScores)(key, query, panel, block, n));
    Expr lastKey = op.getKvLengths() ? min(s.length(n), s.keys) : Expr(s.keys);
    rk.where(select(ofQuery, rk < s.columns && j < lastKey, rk < s.block && i < s.queries));
    product(d, q, tile, which, panel, block, n) = s.real(0);
    product(d, q, tile, which, panel, block, n) += left * right;

    RVar rq = r[0], rtile = r[1], rwhich = r[2], rpanel = r[3], rblock = r[4], rhead = r[5];
    Expr blockOf = chunk * blocksOfChunk() + rblock, begin = rtile * rows, here = rwhich == 0;
    Expr firstQuery = blockOf * s.block, firstKey = rpanel * s.columns;
    auto pairs = [&](RDom &r) {
      Expr block = chunk * blocksOfChunk() + r[4];
      r.where(block < blocks);
      r.where(s.anySeen(m * s.group + r[5], block, r[3]));
    };
    pairs(r);
    r.where(select(here, begin < s.block && firstQuery + begin < s.queries,
                   begin < s.columns && firstKey + begin < s.keys));
    Expr to = select(here, (rhead * blocksOfChunk() + rblock) * blockRows,
                     select(rwhich == 1, firstRow(1), firstRow(2)) + rpanel * panelRows);
    Expr n = m * s.group + rhead, each = s.readsMap(product(d, rq, rtile, rwhich, rpanel, blockOf, n), n);
    auto sum = sums(d, to + begin + rq, chunk, m);
    if (isOneProduct()) {
      sums(d, row, chunk, m) = Halide::undef(s.element);
      sum = each;
    } else {
      sums(d, row, chunk, m) = s.readsMap(s.real(0), m * s.group);
      sum += each;
    }
    for (CaptureSums &each : captures) each.accumulate("r", s.panels, blocksOfChunk(), chunk, m, pairs);
  }
  /// Whether nothing is summed: each row is a product of its own.
  bool isOneProduct() { return blocks == 1 && s.panels == 1 && s.group == 1 && !s.isMasked(); }
  /// With those that the loops' bounds reach and their conditions leave out.
  int allRows() {
    int most = std::max(blockRows, panelRows), lastBlock = s.group * blocksOfChunk() - 1;
    return std::max(firstRow(3) - panelRows, lastBlock * blockRows) + most;
  }
  int blocksOfChunk() const { return (int)llvm::divideCeil(blocks, chunks); }

  /// The results, of chunks of queries in order.
  void lowerResults() {
    Value targets[3] = {op.getDQuery(), op.getDKey(), op.getDValue()};
    for (int each : {0, 1, 2}) {
      int group = each == 0 ? s.group : 1, size = each == 2 ? s.valueSize : s.size;
      Expr row = rowOf(each, v[1] % group, v[2]), total;
      for (int c = 0; c < (each == 0 ? 1 : chunks); ++c) {
        Expr chunk = each == 0 ? v[2] / s.block / blocksOfChunk() : Expr(c);
        Expr part = sums(v[3], row, chunk, v[0] * keyHeads + v[1] / group);
        total = total.defined() ? total + part : part;
      }
      Func &result = results[each];
      result(v[3], v[2], v[1], v[0]) = total;
      kernel.yieldDirectly(targets[each], result);
      scheduleResult(result, v, group);
      result.vectorize(v[3], lanesFor(size, s.lanes), guard);
    }
    level = LoopLevel(results[0], head);
    auto sums = captures.begin();
    for (auto [each, target] : llvm::zip(captured, op.getDCaptures())) {
      Func result = kernel.func("d_capture" + std::to_string(each.capture));
      std::vector<Var> vars = kernel.variables(2 + each.rest.size());
      std::vector<Expr> place(vars.begin() + 2, vars.end());
      Expr total;
      for (size_t add = 0; add < each.adds.size(); ++add, ++sums) {
        Expr part = sums->total(place, vars[1] % s.group, chunks, vars[0] * keyHeads + vars[1] / s.group);
        total = total.defined() ? total + part : part;
      }
      result(kernel.reversed(vars)) = Halide::cast(kernel.type(typeOf(target).getElementType()), total);
      kernel.yieldDirectly(target, result);
      scheduleResult(result, vars, s.group);
    }
  }

  /// All results go through the heads of keys in one loop.
  void scheduleResult(Func result, const std::vector<Var> &vars, int group) {
    std::vector<Halide::VarOrRVar> order;
    for (size_t d = vars.size(); d-- > 2;) order.push_back(vars[d]);
    for (const Var &outer : {inGroup, head, vars[0]}) order.push_back(outer);
    result.split(vars[1], head, inGroup, group).reorder(order);
    bool parallel = kernel.schedule().getLoops()[0] == 'B';
    if (parallel && !s.hasManyItems()) result.parallel(head);
    if (parallel) result.parallel(vars[0]);
    if (result.name() != results[0].name()) result.compute_with(results[0], head);
  }

  void schedulePairs() {
    for (TransposedPanels *operand : {&keys, &values}) {
      operand->schedule(level);
      operand->panels.bound(panel, 0, s.panels);
    }
    auto tiles = [&](Func f, RDom r, Func product, RDom depth) {
      f.update().reorder(p, r.x, r.y).vectorize(p, s.lanes).unroll(p).unroll(r.x);
      RegisterTile{p, q, s.columns, s.rows, s.lanes}.schedule(product, LoopLevel(f, r.y), depth);
      if (s.rereadsPanels()) RegisterTile::prefetchNext(kernel, product, depth, f, r.y, s.block / s.rows);
    };
    s.schedulePanels(level);
    for (Func f : {logits, weights, applied, dScores, dRaw}) {
      if (f.name() == applied.name() && !op.getRandomKey()) continue;
      if (f.name() == dRaw.name() && !s.hasFunctions()) continue;
      f.compute_at(sums, r[3]).bound_extent(p, s.columns).bound(q, 0, s.block).vectorize(p, s.lanes);
      for (Var one : {panel, block, n}) f.bound_extent(one, 1);
    }
    tiles(logits, rw, dot, rd);
    tiles(dScores, rs, dotValue, re);
  }

  /// Loops `BIijd`: items and heads of keys shared among threads, and chunks of the queries of each.
  void scheduleSums() {
    sums.compute_at(level).bound_extent(d, most).bound(row, 0, allRows()).bound(chunk, 0, chunks);
    sums.bound_extent(m, 1).vectorize(d, lanes);
    sums.update().split(d, columns, d, vectors * lanes);
    sums.update().reorder({d, r[0], columns, r[1], r[2], r[3], r[4], r[5], chunk});
    sums.update().vectorize(d, lanes).unroll(d).unroll(r[0]).unroll(r[2]);
    bool parallel = chunks > 1 && kernel.schedule().getLoops()[1] == 'I';
    if (parallel) sums.update().parallel(chunk);
    for (CaptureSums &each : captures) each.schedule(sums, r[3], level, chunks, parallel);
    RegisterTile{d, q, vectors * lanes, rows, lanes}.schedule(product, LoopLevel(sums, columns), rk);
  }

  AttentionGradOp op;
  KernelLowering &kernel;
  Scores<AttentionGradOp> s;
  int keyHeads, blocks, chunks, most, lanes, vectors, rows, blockRows, panelRows;
  std::vector<Var> v = kernel.variables(4); // b, h, i, d
  Var p{"p"}, q{"q"}, tile{"tile"}, panel{"panel"}, block{"block"}, n{"n"}, m{"m"}, d{"d"}, which{"which"}, row{"row"},
      chunk{"chunk"}, head{"head"}, inGroup{"in_group"}, columns{"columns"}; // m is the head of keys
  TransposedPanels keys{kernel, "keys", s.columns, s.size, s.lanes},
      values{kernel, "values", s.columns, s.valueSize, s.lanes};
  Func dot = kernel.func("dot"), dotValue = kernel.func("dot_value"), logits = kernel.func("logits"),
       weights = kernel.func("weights"), applied = kernel.func("applied"), dScores = kernel.func("d_scores"),
       dRaw = kernel.func("d_raw"), product = kernel.func("product"), sums = kernel.func("sums");
  Func results[3] = {kernel.func("d_query"), kernel.func("d_key"), kernel.func("d_value")};
  RDom rd = kernel.reduction("rd", {s.size}), re = kernel.reduction("re", {s.valueSize}),
       rw = kernel.reduction("rw", {s.rows, s.block / s.rows}), rs = kernel.reduction("rs", {s.rows, s.block / s.rows}),
       rk = kernel.reduction("rk", {std::max(s.block, s.columns)}),
       r = kernel.reduction("r", {rows, std::max(blockRows, panelRows) / rows, 3, s.panels, blocksOfChunk(), s.group});
  LoopLevel level; // of a head of keys
  SmallVector<CaptureGradient> captured = captureGradients(op.getGradient(), op.getQuery().getType(), op.getCaptures());
  std::vector<CaptureSums> captures; // for each score_add of each
};

struct AttentionGradLowering : AnchorLowering::ExternalModel<AttentionGradLowering, AttentionGradOp> {
  LogicalResult lowerAnchor(Operation *operation, KernelLowering &kernel) const {
    auto op = cast<AttentionGradOp>(operation);
    if (failed(Scores<AttentionGradOp>::verify(op, true))) return failure();
    kernel.onDevice() ? lowerOnDevice(op, kernel) : AttentionBackward(op, kernel).lower();
    return success();
  }
};

} // namespace

void registerAttentionGradLowerings(MLIRContext *context) {
  AttentionGradOp::attachInterface<AttentionGradLowering>(*context);
}

} // namespace fovea
