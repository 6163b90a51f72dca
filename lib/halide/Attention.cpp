// Attention, forward and backward, without a stored matrix of queries by keys: a block of rows at a time, recomputed in
// the backward pass (Dao 2023).
#include "lib/halide/Families.h"
#include "lib/halide/Math.h"
#include "lib/halide/Random.h"
#include "lib/halide/RowReduction.h"

using namespace mlir;
using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::TailStrategy;
using Halide::Var;

namespace fovea {
namespace {

constexpr auto guard = TailStrategy::GuardWithIf;

/// Score of a masked pair: finite, so that differences of it are numbers.
constexpr double maskedScore = -1e30;

/// What forward and backward share: the operands, who sees whom, and scores.
template <typename Op> class Scores {
public:
  Scores(Op op, KernelLowering &kernel)
      : op(op), kernel(kernel), element(kernel.type(op.getQuery().getType().getElementType())),
        lanes((int)kernel.schedule().getVector()) {
    RankedTensorType q = op.getQuery().getType(), k = op.getKey().getType(), v = op.getValue().getType();
    queries = kernel.extents(q)[2];
    keys = (int)k.getDimSize(2);
    size = (int)q.getDimSize(3);
    valueSize = (int)v.getDimSize(3);
    group = (int)(q.getDimSize(1) / k.getDimSize(1));
    heads = (int)q.getDimSize(1);
    keysPadded = (int)llvm::alignTo(keys, lanes);
  }

  static LogicalResult verify(Op op, bool staticQueries) {
    RankedTensorType q = op.getQuery().getType(), k = op.getKey().getType();
    if (k.isDynamicDim(2) || k.isDynamicDim(3) || op.getValue().getType().isDynamicDim(3) ||
        (staticQueries && q.isDynamicDim(2)))
      return op.emitOpError("is compiled for constant lengths and head sizes only, but query is ")
             << shapeText(q) << " and key " << shapeText(k) << ": only the batch may be symbolic";
    return success();
  }

  Expr query(const Expr &b, const Expr &h, const Expr &i, const Expr &d) {
    return kernel.load(op.getQuery(), {b, h, min(i, queries - 1), d});
  }
  Expr key(const Expr &b, const Expr &h, const Expr &j, const Expr &d) { return ofKey(op.getKey(), b, h, j, d); }
  Expr value(const Expr &b, const Expr &h, const Expr &j, const Expr &d) { return ofKey(op.getValue(), b, h, j, d); }

  /// Beyond kv_lengths stands zero, not what lies there: 0 * NaN is NaN.
  Expr ofKey(Value operand, const Expr &b, const Expr &h, const Expr &j, const Expr &d) {
    Expr x = kernel.load(operand, {b, h / group, min(j, keys - 1), d});
    return op.getKvLengths() ? select(j < length(b), x, kernel.real(element, 0)) : x;
  }
  Expr length(const Expr &b) { return Halide::cast<int32_t>(kernel.load(op.getKvLengths(), {b})); }

  /// Whether query i sees key j.
  Expr seen(const Expr &b, const Expr &i, const Expr &j) {
    Expr result = j < keys, position = i + (int)op.getOffset();
    if ((int64_t)op.getWindowLeft() >= 0) result = result && j >= position - (int)op.getWindowLeft();
    if ((int64_t)op.getWindowRight() >= 0) result = result && j <= position + (int)op.getWindowRight();
    if (op.getKvLengths()) result = result && j < length(b);
    return result;
  }

  /// 1 / (1 - p) where the weight of (i, j) stays, else 0.
  Expr kept(const Expr &b, const Expr &h, const Expr &i, const Expr &j) {
    double rate = op.getDropout().convertToDouble();
    if (!op.getRandomKey()) return kernel.real(element, 1);
    Expr draw = randomUniform(kernel, op.getRandomKey(), {0, heads, queries, keys}, {b, h, i, j}, element);
    return select(draw < kernel.real(element, rate), kernel.real(element, 0), kernel.real(element, 1 / (1 - rate)));
  }

  Expr scale() { return kernel.real(element, op.getScale().convertToDouble()); }

  Op op;
  KernelLowering &kernel;
  Halide::Type element;
  Expr queries;
  int lanes, keys, size, valueSize, group, heads, keysPadded;
};

/// Lanes that divide a head size, so that rows of it are read as they lie.
int lanesFor(int size, int lanes) {
  while (size % lanes) lanes /= 2;
  return lanes;
}

//===-- Forward ---------------------------------------------------------------------------------------------------===//

struct AttentionLowering : AnchorLowering::ExternalModel<AttentionLowering, AttentionOp> {
  LogicalResult lowerAnchor(Operation *operation, KernelLowering &kernel) const {
    auto op = cast<AttentionOp>(operation);
    if (failed(Scores<AttentionOp>::verify(op, false))) return failure();
    if (!op.getScore().empty() || !op.getMask().empty())
      return op.emitOpError("has a score or mask region, which has no lowering in this version: leave it out");
    Scores<AttentionOp> s(op, kernel);
    std::vector<Var> v = kernel.variables(4); // b, h, i, d
    Var b = v[0], h = v[1], i = v[2], d = v[3], j("j");
    RDom rd = kernel.reduction("rd", {s.size}), rj = kernel.reduction("rj", {s.keys});

    Func keysPacked = kernel.func("keys"), dot = kernel.func("dot"), score = kernel.func("score");
    keysPacked(j, d, h, b) = s.key(b, h, j, d) * s.scale();
    dot(j, i, h, b) = kernel.real(s.element, 0);
    dot(j, i, h, b) += keysPacked(j, rd, h, b) * s.query(b, h, i, rd);
    score(j, i, h, b) = select(s.seen(b, i, j), dot(j, i, h, b), kernel.real(s.element, maskedScore));
    RowReduction largest(kernel, "largest", {i, h, b}, s.keysPadded, RowReduction::max,
                         [&](const Expr &at) { return score(at, i, h, b); });
    Func weight = kernel.func("weight"), sum = kernel.func("result_sum");
    weight(j, i, h, b) =
        select(s.seen(b, i, j), math::exp(score(j, i, h, b) - largest.total(i, h, b)), kernel.real(s.element, 0));
    RowReduction total(kernel, "total", {i, h, b}, s.keysPadded, RowReduction::sum,
                       [&](const Expr &at) { return weight(at, i, h, b); });
    sum(d, i, h, b) = kernel.real(s.element, 0);
    sum(d, i, h, b) += s.value(b, h, rj, d) * (weight(rj, i, h, b) * s.kept(b, h, i, rj));
    Expr denominator = total.total(i, h, b), none = denominator == kernel.real(s.element, 0);
    Func result = kernel.func("attention");
    result(d, i, h, b) = sum(d, i, h, b) / select(none, kernel.real(s.element, 1), denominator);
    kernel.bind(op.getResult(), result);

    Func logSumExp = kernel.func("log_sum_exp");
    bool withLse = kernel.isYielded(op.getLogSumExp());
    if (withLse) {
      logSumExp(i, h, b) =
          select(none, math::negativeInfinity(s.element), largest.total(i, h, b) + math::log(denominator));
      kernel.yieldDirectly(op.getLogSumExp(), logSumExp);
    }
    schedule(kernel, s, {keysPacked, dot, score, weight, sum}, largest, total, withLse ? &logSumExp : nullptr, rd, rj);
    return success();
  }

  struct Stages {
    Func keys, dot, score, weight, sum;
  };

  /// Loops `Biijd`: batch and heads shared among threads, blocks of `task` queries, and in them tiles of `rows`
  /// queries. With a log-sum-exp only the batch is: compute_with makes an interval of the loop's variable, and the
  /// head, its remainder, would be any, so that each task would compute the scores of every head.
  static void schedule(KernelLowering &kernel, Scores<AttentionOp> &s, Stages stages, RowReduction &largest,
                       RowReduction &total, Func *logSumExp, RDom rd, RDom rj) {
    Output &output = kernel.output();
    std::vector<Var> v = output.vars;
    Var block("block"), inBlock("in_block"), tile("tile"), inTile("in_tile"), head("head"), j("j"), run("run");
    int task = kernel.schedule().getTask(), rows = kernel.schedule().getRows();
    bool parallel = kernel.schedule().getLoops().starts_with("B");
    auto blocks = [&](Halide::Stage stage) {
      stage.split(v[2], block, inBlock, task, guard);
      if (!logSumExp) stage.fuse(v[1], v[0], head);
      if (parallel) stage.parallel(logSumExp ? v[0] : head);
    };
    Halide::Stage stage = output.stage();
    blocks(stage);
    int valueLanes = lanesFor(s.valueSize, s.lanes);
    Var oneHead = logSumExp ? v[1] : head;
    stage.split(inBlock, tile, inTile, rows, guard)
        .reorder(v[3], inTile, tile, block, oneHead)
        .vectorize(v[3], valueLanes, guard)
        .unroll(inTile);
    Halide::LoopLevel atBlock(output.func, block);
    if (logSumExp) {
      blocks(*logSumExp);
      logSumExp->compute_with(output.func, block);
    }
    stages.keys.compute_at(output.func, oneHead).bound_extent(j, s.keysPadded).vectorize(j, s.lanes, guard);
    stages.score.compute_at(atBlock)
        .bound_extent(j, s.keysPadded)
        .split(v[2], tile, inTile, rows, TailStrategy::RoundUp);
    stages.score.split(j, run, j, s.lanes).reorder(j, inTile, tile, run).vectorize(j).unroll(inTile);
    stages.dot.compute_at(stages.score, tile)
        .bound_extent(j, s.lanes)
        .bound_extent(v[2], rows)
        .vectorize(j, s.lanes)
        .unroll(v[2]);
    stages.dot.update().reorder(j, v[2], rd.x).vectorize(j, s.lanes).unroll(v[2]);
    stages.weight.compute_at(atBlock).bound_extent(j, s.keysPadded).vectorize(j, s.lanes, guard);
    for (RowReduction *reduction : {&largest, &total}) reduction->computeAt(output.func, block);
    stages.sum.compute_at(output.func, tile)
        .bound_extent(v[3], s.valueSize)
        .bound_extent(v[2], rows)
        .vectorize(v[3], valueLanes)
        .unroll(v[2]);
    stages.sum.update().reorder(v[3], v[2], rj.x).vectorize(v[3], valueLanes).unroll(v[2]);
  }
};

//===-- Backward --------------------------------------------------------------------------------------------------===//

/// dq from blocks of queries against all keys; dk and dv from blocks of keys against all queries.
class AttentionBackward {
public:
  AttentionBackward(AttentionGradOp op, KernelLowering &kernel)
      : op(op), kernel(kernel), s(op, kernel), v(kernel.variables(4)), b(v[0]), h(v[1]), i(v[2]), d(v[3]), j("j"),
        zero(kernel.real(s.element, 0)) {}

  void lower() {
    lowerQuery();
    lowerKeyOrValue(op.getDKey(), "d_key", s.size, true);
    lowerKeyOrValue(op.getDValue(), "d_value", s.valueSize, false);
  }

private:
  Expr cotangent(const Expr &b, const Expr &h, const Expr &i, const Expr &d) {
    return kernel.load(op.getCotangent(), {b, h, min(i, s.queries - 1), d});
  }
  Expr row(Value value, const Expr &b, const Expr &h, const Expr &i) {
    return kernel.load(value, {b, h, min(i, s.queries - 1)});
  }

  /// The weight of a pair, and the cotangent of its score, from the two products q k^T and cotangent v^T.
  Expr weight(const Expr &dot, const Expr &h, const Expr &i, const Expr &j) {
    return select(s.seen(b, i, j) && i < s.queries, math::exp(dot - row(op.getLogSumExp(), b, h, i)), zero);
  }
  Expr scoreCotangent(const Expr &dot, const Expr &dotValue, const Expr &h, const Expr &i, const Expr &j) {
    return weight(dot, h, i, j) * (dotValue * s.kept(b, h, i, j) - row(op.getDelta(), b, h, i)) * s.scale();
  }

  struct Products {
    Func keys, dot, values, dotValue; // of (lane j, i, h, b)
    RDom rd, re;
  };

  /// q k^T * scale and cotangent v^T for head h, with keys and values packed so that j is in lanes.
  Products products(const std::string &name, bool withValues) {
    Products p{kernel.func(name + "_keys"),
               kernel.func(name + "_dot"),
               kernel.func(name + "_values"),
               kernel.func(name + "_dot_value"),
               kernel.reduction(name + "_rd", {s.size}),
               kernel.reduction(name + "_re", {s.valueSize})};
    p.keys(j, d, h, b) = s.key(b, h, j, d) * s.scale();
    p.dot(j, i, h, b) = zero;
    p.dot(j, i, h, b) += p.keys(j, p.rd, h, b) * s.query(b, h, i, p.rd);
    if (withValues) {
      p.values(j, d, h, b) = s.value(b, h, j, d);
      p.dotValue(j, i, h, b) = zero;
      p.dotValue(j, i, h, b) += p.values(j, p.re, h, b) * cotangent(b, h, i, p.re);
    }
    return p;
  }

  void scheduleProducts(Products &p, bool withValues, Func scores, Var tile, Halide::LoopLevel packAt, int rows) {
    auto one = [&](Func packed, Func dot, RDom r) {
      packed.compute_at(packAt).vectorize(j, s.lanes, guard);
      dot.compute_at(scores, tile).bound_extent(j, s.lanes).bound_extent(i, rows).vectorize(j, s.lanes).unroll(i);
      dot.update().reorder(j, i, r.x).vectorize(j, s.lanes).unroll(i);
    };
    one(p.keys, p.dot, p.rd);
    if (withValues) one(p.values, p.dotValue, p.re);
  }

  Halide::Stage parallelHeads(Halide::Stage stage, Var head) {
    stage.fuse(h, b, head);
    if (kernel.schedule().getLoops().starts_with("B")) stage.parallel(head);
    return stage;
  }

  void lowerQuery() {
    Products p = products("query", true);
    Func scores = kernel.func("query_scores"), sum = kernel.func("query_sum"), result = kernel.func("d_query");
    scores(j, i, h, b) = scoreCotangent(p.dot(j, i, h, b), p.dotValue(j, i, h, b), h, i, j);
    RDom rj = kernel.reduction("query_rj", {s.keys});
    sum(d, i, h, b) = zero;
    sum(d, i, h, b) += s.key(b, h, rj, d) * scores(rj, i, h, b);
    result(d, i, h, b) = sum(d, i, h, b);
    kernel.yieldDirectly(op.getDQuery(), result);

    int task = kernel.schedule().getTask(), rows = kernel.schedule().getRows(), lanes = lanesFor(s.size, s.lanes);
    Var block("block"), tile("tile"), inTile("in_tile"), head("head"), run("run");
    result.split(i, block, i, task, guard).split(i, tile, inTile, rows, guard);
    parallelHeads(result, head).reorder(d, inTile, tile, block, head).vectorize(d, lanes, guard).unroll(inTile);
    sum.compute_at(result, tile).bound_extent(d, s.size).bound_extent(i, rows).vectorize(d, lanes).unroll(i);
    sum.update().reorder(d, i, rj.x).vectorize(d, lanes).unroll(i);
    scores.compute_at(result, block).bound_extent(j, s.keysPadded).split(i, tile, inTile, rows, TailStrategy::RoundUp);
    scores.split(j, run, j, s.lanes).reorder(j, inTile, tile, run).vectorize(j).unroll(inTile);
    scheduleProducts(p, true, scores, tile, Halide::LoopLevel(result, head), rows);
    for (Func packed : {p.keys, p.values}) packed.bound_extent(j, s.keysPadded);
  }

  /// The sum over the queries of each head in the key head's group, for a block of `lanes` keys.
  void lowerKeyOrValue(Value target, const std::string &name, int size, bool isKey) {
    Products p = products(name, isKey);
    Func pairs = kernel.func(name + "_pairs"), sum = kernel.func(name + "_sum"), result = kernel.func(name);
    Expr dot = p.dot(j, i, h, b);
    pairs(j, i, h, b) =
        isKey ? scoreCotangent(dot, p.dotValue(j, i, h, b), h, i, j) : weight(dot, h, i, j) * s.kept(b, h, i, j);
    RDom r = kernel.reduction(name + "_r", {s.queries, s.group}); // i, head in the group
    Expr headOf = h * s.group + r.y;
    Expr left = isKey ? s.query(b, headOf, r.x, d) : cotangent(b, headOf, r.x, d);
    sum(d, j, h, b) = zero;
    sum(d, j, h, b) += left * pairs(j, r.x, headOf, b);
    result(d, i, h, b) = sum(d, i, h, b);
    kernel.yieldDirectly(target, result);

    int rows = kernel.schedule().getRows(), lanes = lanesFor(size, s.lanes);
    Var block("block"), tile("tile"), inTile("in_tile"), head("head"), inner("inner");
    result.split(i, block, i, s.lanes, guard).split(i, tile, inTile, 4, guard);
    parallelHeads(result, head).reorder(d, inTile, tile, block, head).vectorize(d, lanes, guard).unroll(inTile);
    sum.compute_at(result, tile).bound_extent(d, size).bound_extent(j, 4).vectorize(d, lanes).unroll(j);
    sum.update().reorder(d, j, r.x, r.y).vectorize(d, lanes).unroll(j);
    pairs.compute_at(result, block).bound_extent(j, s.lanes).split(i, tile, inTile, rows, TailStrategy::RoundUp);
    pairs.reorder(j, inTile, tile).vectorize(j, s.lanes).unroll(inTile);
    scheduleProducts(p, isKey, pairs, tile, Halide::LoopLevel(result, block), rows);
    p.keys.bound_extent(j, s.lanes);
    if (isKey) p.values.bound_extent(j, s.lanes);
  }

  AttentionGradOp op;
  KernelLowering &kernel;
  Scores<AttentionGradOp> s;
  std::vector<Var> v;
  Var b, h, i, d, j;
  Expr zero;
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

void registerAttentionLowerings(MLIRContext *context) {
  AttentionOp::attachInterface<AttentionLowering>(*context);
  AttentionGradOp::attachInterface<AttentionGradLowering>(*context);
}

} // namespace fovea
