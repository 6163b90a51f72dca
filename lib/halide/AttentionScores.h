// What attention's lowerings share: the operands by head, and who sees whom.
#pragma once

#include "lib/halide/Math.h"
#include "lib/halide/Random.h"
#include "lib/halide/ScoreLoads.h"

#include <cmath>

namespace fovea {

/// Score of a masked pair: finite, so that differences of it are numbers. A score function's lower ones count as
/// masked.
constexpr double maskedScore = -1e38;

/// Lanes that divide a head size, so that rows of it are read as they lie.
inline int lanesFor(int size, int lanes) {
  while (size % lanes) lanes /= 2;
  return lanes;
}

/// Heads have one index n over batch and heads, queries lie in blocks of `block`, keys in panels of `columns`.
template <typename Op> class Scores {
public:
  Scores(Op op, KernelLowering &kernel)
      : op(op), kernel(kernel), element(kernel.type(op.getQuery().getType().getElementType())),
        lanes((int)kernel.schedule().getVector()) {
    RankedTensorType q = op.getQuery().getType(), k = op.getKey().getType();
    mlir::Value value = op.getValue();
    queries = kernel.extents(q)[2];
    keys = (int)k.getDimSize(2);
    size = (int)q.getDimSize(3);
    valueSize = value ? (int)typeOf(value).getDimSize(3) : 0;
    heads = (int)q.getDimSize(1);
    group = (int)(q.getDimSize(1) / k.getDimSize(1));
    rows = (int)kernel.schedule().getRows();
    columns = (int)kernel.schedule().getColumns();
    block = (int)llvm::alignTo(kernel.schedule().getTask(), rows);
    panels = (int)llvm::divideCeil(keys, columns);
    left = (int)op.getWindowLeft();
    right = (int)op.getWindowRight();
    offset = (int)op.getOffset();
    span = panels;
    if (left >= 0 && right >= 0)
      span = (int)std::min<int64_t>(panels, ((int64_t)block + left + right + columns - 2) / columns + 1);
  }

  static mlir::LogicalResult verify(Op op, bool staticQueries) {
    RankedTensorType q = op.getQuery().getType(), k = op.getKey().getType();
    mlir::Value value = op.getValue();
    if (k.isDynamicDim(2) || k.isDynamicDim(3) || (value && typeOf(value).isDynamicDim(3)) ||
        (staticQueries && q.isDynamicDim(2)))
      return op.emitOpError("is compiled for constant lengths and head sizes only, but query is ")
             << shapeText(q) << " and key " << shapeText(k) << ": only the batch may be symbolic";
    return mlir::success();
  }

  using Expr = Halide::Expr;

  /// Whether threads find tasks enough among the items of a batch, of all heads each.
  bool hasManyItems() {
    constexpr int64_t many = 16;
    RankedTensorType q = op.getQuery().getType();
    return !q.isDynamicDim(0) && q.getDimSize(0) >= many;
  }

  bool isOneBlock() { return constantOf(queries).value_or(INT64_MAX) <= block; }
  /// Whether blocks of queries, one after another, go through several panels of keys.
  bool rereadsPanels() { return !isOneBlock() && span > 1; }

  Expr query(const Expr &n, const Expr &i, const Expr &d) { return ofQuery(op.getQuery(), n, i, d); }
  Expr ofQuery(mlir::Value operand, const Expr &n, const Expr &i, const Expr &d) {
    return kernel.load(operand, {n / heads, n % heads, min(i, queries - 1), d});
  }
  Expr row(mlir::Value operand, const Expr &n, const Expr &i) {
    return kernel.load(operand, {n / heads, n % heads, min(i, queries - 1)});
  }
  Expr key(const Expr &n, const Expr &j, const Expr &d) { return ofKey(op.getKey(), n, j, d); }
  Expr value(const Expr &n, const Expr &j, const Expr &d) { return ofKey(op.getValue(), n, j, d); }

  /// Beyond the last key stands the last. Beyond kv_lengths stands zero, not what lies there: 0 * NaN is NaN.
  Expr ofKey(mlir::Value operand, const Expr &n, const Expr &j, const Expr &d) {
    Expr x = kernel.load(operand, {n / heads, n % heads / group, min(j, keys - 1), d});
    return op.getKvLengths() ? select(j < length(n), x, kernel.real(element, 0)) : x;
  }
  Expr length(const Expr &n) { return Halide::cast<int32_t>(kernel.load(op.getKvLengths(), {n / heads})); }

  //===-- Score and mask functions --------------------------------------------------------------------------------===//

  bool hasFunctions() { return !op.getScore().empty() || !op.getMask().empty(); }
  /// Scalars of a region, which takes these scores, for query i and key j. Halide 21, where it sees through i and j,
  /// takes i / 16 == j / 16 to be the same for all columns of a panel.
  std::vector<Expr> evaluate(mlir::Region &region, Coordinates scores, const Expr &n, const Expr &i, const Expr &j,
                             mlir::ValueRange scalars) {
    std::vector<std::pair<Value, Expr>> loads;
    for (ScoreLoadOp load : region.front().getOps<ScoreLoadOp>()) {
      if (kernel.onDevice()) break; // threads read side by side, each its own element
      Value capture = captureOf(load.getCapture());
      if (indicesOf(region).areNeighbours(capture, load.getIndices())) {
        std::vector<Expr> at = firstIndices(region, capture, load.getIndices(), n, i, j);
        Expr last = kernel.extent(capture, at.size() - 1) - 1;
        at.back() = Halide::unsafe_promise_clamped(at.back() + j % lanes, 0, last);
        Expr element =
            math::convert(kernel.type(load.getType().getElementType()), kernel.load(capture, at), kernel.onDevice());
        loads.push_back({load, keys % columns ? MarkedLoads::where(element, j < keys) : element});
      } else if (areShared(region, load.getResult())) {
        loads.push_back({load, shared(region, load)(j, min(i, queries - 1), n % heads)});
      }
    }
    return evaluateAt(region, scores, n, math::opaque(i), math::opaque(j), scalars, loads);
  }
  /// Whether values of a region are the same for all items, and those of all heads, queries and keys are few: they are
  /// found out once.
  bool areShared(mlir::Region &region, mlir::ValueRange values) {
    if (kernel.onDevice()) return false;
    constexpr int64_t most = 1 << 19;
    mlir::RankedTensorType q = op.getQuery().getType();
    if (q.getDimSize(0) == 1 || q.isDynamicDim(2) || heads * q.getDimSize(2) * panels * columns > most) return false;
    for (mlir::BlockArgument argument : region.getArguments().take_front(noScores(region).size() + 1))
      if (llvm::any_of(values, [&](Value value) { return dependsOn(value, argument); })) return false;
    return true;
  }
  /// Defines such a function of (key, query, head), which is computed before all else.
  void share(Halide::Func result, llvm::function_ref<Expr(const Expr &head, const Expr &i, const Expr &j)> value) {
    Halide::Var i("i"), j("j"), head("head");
    result(j, i, head) = value(head, math::opaque(i), math::opaque(j));
    result.compute_root().vectorize(j, lanes);
    result.bound(j, 0, panels * columns).bound(i, 0, queries).bound(head, 0, heads);
    if (kernel.schedule().getLoops().starts_with("B")) result.parallel(head);
  }
  ScoreIndices &indicesOf(mlir::Region &region) {
    auto [at, fresh] = indices.try_emplace(&region);
    if (fresh) {
      auto known = [&](mlir::RankedTensorType type, int d) {
        return type.isDynamicDim(d) ? std::nullopt : std::optional<int64_t>(type.getDimSize(d));
      };
      mlir::RankedTensorType q = op.getQuery().getType();
      unsigned scores = noScores(region).size();
      at->second = std::make_unique<ScoreIndices>(
          scores, std::vector<std::optional<int64_t>>{known(q, 0), heads, known(q, 2), keys}, lanes);
    }
    return *at->second;
  }
  /// Indices of a capture at the first key of the vector that j, a column of a panel, is in.
  std::vector<Expr> firstIndices(mlir::Region &region, Value capture, mlir::ValueRange indices, const Expr &n,
                                 const Expr &i, const Expr &j) {
    evaluateAt(region, noScores(region), n, math::opaque(min(i, queries - 1)), j / lanes * lanes, {});
    return captureIndices(kernel, capture, indices);
  }
  Value captureOf(Value argument) {
    auto own = mlir::cast<mlir::BlockArgument>(argument);
    return op.getCaptures()[own.getArgNumber() + op.getCaptures().size() - own.getOwner()->getNumArguments()];
  }
  /// In place of a region's scores, where those make no difference.
  std::vector<Expr> noScores(mlir::Region &region) {
    return std::vector<Expr>(region.getNumArguments() - op.getCaptures().size() - 4, real(0));
  }
  Expr yielded(mlir::Region &region, Coordinates scores, const Expr &n, const Expr &i, const Expr &j) {
    return evaluate(region, scores, n, i, j, mlir::cast<YieldOp>(region.front().getTerminator()).getValues())[0];
  }
  /// A raw score, scale * q k^T, after the score function.
  Expr scoreOf(const Expr &n, const Expr &i, const Expr &j, const Expr &raw) {
    if (op.getScore().empty()) return raw;
    return yielded(op.getScore(), raw, n, i, j);
  }
  /// The same as the logarithm of a weight to the base of `exponential`.
  Expr scored(const Expr &n, const Expr &i, const Expr &j, const Expr &raw) {
    Expr score = scoreOf(n, i, j, raw) * real(base());
    return select(math::less(score, real(maskedScore)), real(maskedScore), score);
  }
  /// What the operands of a product are scaled by: functions see scores as they are.
  double productScale() { return hasFunctions() ? scale() : scale() * base(); }

  //===-- Who sees whom -------------------------------------------------------------------------------------------===//

  bool hasWindow() { return left >= 0 || right >= 0; }
  /// Whether some pairs of queries and keys are masked.
  bool isMasked() { return left >= 0 || right >= 0 || op.getKvLengths() || hasFunctions(); }

  /// Whether query i sees key j; undefined where each sees all.
  Expr seen(const Expr &n, const Expr &i, const Expr &j) {
    Expr result;
    auto also = [&](const Expr &condition) { result = result.defined() ? result && condition : condition; };
    if (keys % columns) also(j < keys);
    if (left >= 0) also(j >= i + (offset - left));
    if (right >= 0) also(j <= i + (offset + right));
    if (op.getKvLengths()) also(j < length(n));
    if (!op.getMask().empty()) also(yielded(op.getMask(), {}, n, i, j));
    return result;
  }

  /// Where there is a mask function: whether a block of queries sees something of a panel of keys, found out at first.
  /// There is one map for all heads, one for each item, or one for each head, so many of them `together`.
  void mapPanels(int together) {
    bool one =
        panels == 1 && constantOf(blocks()).value_or(2) == 1; // where Halide would look at the map before it is made
    if (op.getMask().empty() || one) return;
    this->together = together;
    bool ofHeads = !op.getMask().getArgument(1).use_empty();
    std::optional<int64_t> items = constantOf(kernel.extent(op.getQuery(), 0));
    bool ofItems = !op.getMask().getArgument(0).use_empty() || op.getKvLengths();
    maps = ofHeads ? 0 : ofItems ? (int)items.value_or(0) : 1;
    Halide::Var p("p"), panel("panel"), block("block"), n("n");
    Expr head = maps ? n * heads : Expr(n);
    inColumns = kernel.func("seen_columns");
    inPanels = kernel.func("seen_panels");
    Halide::RDom rows = kernel.reduction("rows", {this->block}), all = kernel.reduction("all", {columns});
    Expr i = block * this->block + rows;
    rows.where(i < queries);
    inColumns(p, panel, block, n) = Halide::cast<uint8_t>(0);
    inColumns(p, panel, block, n) =
        inColumns(p, panel, block, n) | Halide::cast<uint8_t>(seen(head, i, panel * columns + p));
    inPanels(panel, block, n) = Halide::cast<uint8_t>(0);
    inPanels(panel, block, n) = inPanels(panel, block, n) | inColumns(all, panel, block, n);
  }
  void schedulePanels(const Halide::LoopLevel &level) {
    if (!inPanels.defined()) return;
    Halide::Var panel = inPanels.args()[0], block = inPanels.args()[1], n = inPanels.args()[2];
    if (maps) {
      inPanels.compute_root();
      if (kernel.schedule().getLoops().starts_with("B")) inPanels.parallel(block).update().parallel(block);
    } else {
      inPanels.compute_at(level);
    }
    inPanels.bound(panel, 0, panels).bound(block, 0, blocks()).bound_extent(n, maps ? maps : together);
    inColumns.compute_at(inPanels, panel).bound_extent(inColumns.args()[0], columns);
    inColumns.vectorize(inColumns.args()[0], lanes).update().vectorize(inColumns.args()[0], lanes);
  }
  /// The first of the `span` panels among which a block of queries finds all that it sees.
  Expr firstPanel(const Expr &block) {
    return span == panels ? Expr(0) : max((math::opaque(block) * this->block + (offset - left)) / columns, 0);
  }
  /// Whether one of the queries of a block may see one of the keys of a panel. Halide may not conclude which blocks see
  /// something: it would compute no others.
  Expr anySeen(const Expr &n, const Expr &block, const Expr &panel) {
    Expr i = math::opaque(block) * this->block, lastQuery = i + (this->block - 1);
    Expr j = panel * columns, lastKey = j + (columns - 1), result = block * this->block < queries && j < keys;
    if (left >= 0) result = result && lastKey >= i + (offset - left);
    if (right >= 0) result = result && j <= lastQuery + (offset + right);
    if (inPanels.defined()) {
      Expr map = maps ? mapOf(n) : n % together, row = map * blocks() + min(block, blocks() - 1);
      result = result && MarkedLoads::pure(inPanels, row * panels + clamp(panel, 0, panels - 1), n) != 0;
    }
    return result;
  }
  /// `value`, of the last stage with conditions that read head n's map; Halide learns from it, and from what that stage
  /// starts with, to compute the map before and to keep it until then.
  Expr readsMap(const Expr &value, const Expr &n) {
    return inPanels.defined() ? kernel.after(value, inPanels(0, 0, mapOf(n))) : value;
  }
  Expr choose(const Expr &condition, const Expr &value, double other) {
    if (!condition.defined()) return value;
    // What tells it may be one element for all, which Halide would look at on the host.
    bool isLoaded = op.getKvLengths() || !op.getMask().empty();
    if (kernel.onDevice() && isLoaded) return math::selectBits(condition, value, kernel.real(element, other));
    return select(condition, value, kernel.real(element, other));
  }

  /// Rows of a register tile of this many vectors, which has no more accumulators than one of scores: the number that
  /// wastes least of the last tile and loads least for a product.
  int rowsBeside(int vectors, int extent) {
    int best = 1;
    double least = INFINITY;
    for (int count = 1; count <= std::clamp(rows * (columns / lanes) / vectors, 1, extent); ++count) {
      double cost = (double)llvm::alignTo(extent, count) * (1 + 0.5 / count + 0.5 / vectors);
      if (cost <= least) least = cost, best = count;
    }
    return best;
  }

  /// 1 / (1 - p) where the weight of (i, j) stays, else 0.
  Expr kept(const Expr &n, const Expr &i, const Expr &j) {
    double rate = op.getDropout().convertToDouble();
    if (!op.getRandomKey()) return kernel.real(element, 1);
    Expr draw =
        randomUniform(kernel, op.getRandomKey(), {0, heads, queries, keys}, {n / heads, n % heads, i, j}, element);
    return select(draw < kernel.real(element, rate), kernel.real(element, 0), kernel.real(element, 1 / (1 - rate)));
  }

  /// Scores are kept as logarithms to the base 2, where the exponential function of that base is the cheaper one.
  double base() { return element.bits() == 64 ? 1 : M_LOG2E; }
  Expr exponential(const Expr &x) { return element.bits() == 64 ? math::exp(x) : math::exp2(x); }
  /// The weight of a score, of its row the largest score. Functions leave masked scores masked; where all are, none is
  /// the largest. Without functions a pair is masked here where it does not see, if that is given.
  Expr weight(const Expr &score, const Expr &largest, const Expr &sees) {
    if (!hasFunctions()) return choose(sees, exponential(score - largest), 0);
    return exponential(score - select(largest > real(maskedScore), largest, real(0)));
  }
  /// Of a row whose weights' sum is `mass`; -inf where all are masked.
  Expr logSumExp(const Expr &largest, const Expr &mass) {
    Expr finite = largest * real(1 / base()) + math::log(mass);
    return isMasked() ? select(mass == real(0), math::negativeInfinity(element), finite) : finite;
  }
  Expr real(double value) { return kernel.real(element, value); }
  double scale() { return op.getScale().convertToDouble(); }

  Op op;
  KernelLowering &kernel;
  Halide::Type element;
  Expr queries;
  int lanes, keys, size, valueSize, group, heads, rows, columns, block, panels, span, left, right, offset;

private:
  Expr mapOf(const Expr &n) { return maps == 1 ? Expr(0) : maps ? n / heads : n; }
  Expr blocks() { return (queries + (block - 1)) / block; }
  std::vector<Expr> evaluateAt(mlir::Region &region, Coordinates scores, const Expr &n, const Expr &i, const Expr &j,
                               mlir::ValueRange scalars, llvm::ArrayRef<std::pair<Value, Expr>> given = {}) {
    std::vector<Expr> arguments = scores.vec();
    // What is checked must be a pair.
    Expr query = kernel.checks ? min(i, queries - 1) : i, key = kernel.checks ? min(j, keys - 1) : j;
    llvm::append_range(arguments, std::vector<Expr>{n / heads, n % heads, query, key});
    return kernel.evaluate(region, arguments, op.getCaptures(), scalars, given);
  }
  Halide::Func shared(mlir::Region &region, ScoreLoadOp load) {
    auto [at, fresh] = loaded.try_emplace(load);
    if (!fresh) return at->second;
    Halide::Func result = at->second = kernel.func("loaded" + std::to_string(loaded.size()));
    share(result, [&](const Expr &head, const Expr &i, const Expr &j) {
      return evaluateAt(region, noScores(region), head, i, j, load.getResult())[0];
    });
    return result;
  }

  Halide::Func inColumns, inPanels;
  int maps = 0, together = 1; // no maps: one for each head, where that is computed
  std::map<mlir::Region *, std::unique_ptr<ScoreIndices>> indices;
  std::map<mlir::Operation *, Halide::Func> loaded;
};

/// What a pair of query i and key j gives in the gradient, from the raw score and the product of cotangent and value.
struct PairGradient {
  using Expr = Halide::Expr;
  AttentionGradOp op;
  Scores<AttentionGradOp> &s;

  Expr weight(const Expr &n, const Expr &i, const Expr &j, const Expr &raw) {
    Expr sum = s.row(op.getLogSumExp(), n, i) * s.real(s.base());
    Expr weight = s.exponential((s.hasFunctions() ? s.scored(n, i, j, raw) : raw) - sum);
    // Scores of a function may be -inf, all of them.
    if (s.hasFunctions()) weight = select(sum < s.real(maskedScore), s.real(0), weight);
    return s.choose(s.seen(n, i, j), weight, 0);
  }
  /// The cotangent of the score.
  Expr cotangent(const Expr &n, const Expr &i, const Expr &j, const Expr &weight, const Expr &product) {
    return weight * (product * s.kept(n, i, j) - s.row(op.getDelta(), n, i));
  }
  /// That of the product of query and key.
  Expr ofRaw(const Expr &n, const Expr &i, const Expr &j, const Expr &raw, const Expr &cotangent) {
    if (!s.hasFunctions()) return cotangent * s.real(s.scale());
    Expr own = cotangent;
    if (!op.getGradient().empty()) own = s.yielded(op.getGradient(), {raw, cotangent}, n, i, j);
    return s.choose(s.seen(n, i, j), own * s.real(s.scale()), 0);
  }
};

} // namespace fovea
