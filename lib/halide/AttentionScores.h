// What attention's lowerings share: the operands by head, who sees whom, and products of register tiles.
#pragma once

#include "lib/halide/Lowering.h"
#include "lib/halide/Math.h"
#include "lib/halide/Random.h"

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

/// A product whose accumulators stay in registers: `column` in vectors, and as many of `row`; one tile at a time.
struct RegisterTile {
  Halide::Var column, row;
  int columns, rows, lanes;

  void schedule(Halide::Func product, const Halide::LoopLevel &level, const Halide::RVar &depth) const {
    product.compute_at(level).bound_extent(column, columns).bound_extent(row, rows);
    for (const Halide::Var &one : product.args())
      if (one.name() != column.name() && one.name() != row.name()) product.bound_extent(one, 1);
    product.vectorize(column, lanes).unroll(column).unroll(row);
    product.update().reorder(column, row, depth).vectorize(column, lanes).unroll(column).unroll(row);
  }
};

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
  /// b, h, i and j, as functions see them. Halide 21, where it sees through i and j, takes i / 16 == j / 16 to be the
  /// same for all columns of a panel.
  std::vector<Expr> places(const Expr &n, const Expr &i, const Expr &j) {
    return {n / heads, n % heads, math::opaque(i), math::opaque(j)};
  }
  Expr yielded(mlir::Region &region, Coordinates arguments) {
    auto yield = mlir::cast<YieldOp>(region.front().getTerminator());
    return kernel.evaluate(region, arguments, op.getCaptures(), yield.getValues())[0];
  }
  /// A raw score, scale * q k^T, after the score function.
  Expr scoreOf(const Expr &n, const Expr &i, const Expr &j, const Expr &raw) {
    if (op.getScore().empty()) return raw;
    std::vector<Expr> arguments = places(n, i, j);
    arguments.insert(arguments.begin(), raw);
    return yielded(op.getScore(), arguments);
  }
  /// The same as the logarithm of a weight to the base of `exponential`.
  Expr scored(const Expr &n, const Expr &i, const Expr &j, const Expr &raw) {
    Expr score = scoreOf(n, i, j, raw) * real(base());
    return select(math::less(score, real(maskedScore)), real(maskedScore), score);
  }
  /// What the operands of a product are scaled by: functions see scores as they are.
  double productScale() { return hasFunctions() ? scale() : scale() * base(); }

  //===-- Who sees whom -------------------------------------------------------------------------------------------===//

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
    if (!op.getMask().empty()) also(yielded(op.getMask(), places(n, i, j)));
    return result;
  }

  /// Where there is a mask function: whether a block of queries sees something of a panel of keys, found out at first.
  /// A function of i and j alone has one map for all heads.
  void mapPanels() {
    if (op.getMask().empty()) return;
    Halide::Var p("p"), panel("panel"), block("block"), n("n");
    oneMap = op.getMask().getArgument(0).use_empty() && op.getMask().getArgument(1).use_empty() && !op.getKvLengths();
    inColumns = kernel.func("seen_columns");
    inPanels = kernel.func("seen_panels");
    Halide::RDom rows = kernel.reduction("rows", {this->block}), all = kernel.reduction("all", {columns});
    Expr i = block * this->block + rows;
    rows.where(i < queries);
    inColumns(p, panel, block, n) = Halide::cast<uint8_t>(0);
    inColumns(p, panel, block, n) =
        inColumns(p, panel, block, n) | Halide::cast<uint8_t>(seen(n, i, panel * columns + p));
    inPanels(panel, block, n) = Halide::cast<uint8_t>(0);
    inPanels(panel, block, n) = inPanels(panel, block, n) | inColumns(all, panel, block, n);
  }
  /// Of so many heads at the level where they are computed.
  void schedulePanels(const Halide::LoopLevel &level, int heads) {
    if (!inPanels.defined()) return;
    std::vector<Halide::Var> vars = inPanels.args(); // panel, block, n
    if (oneMap)
      inPanels.compute_root();
    else
      inPanels.compute_at(level);
    inPanels.bound_extent(vars[2], oneMap ? 1 : heads);
    inColumns.compute_at(inPanels, vars[0]).bound_extent(inColumns.args()[0], columns);
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
    if (inPanels.defined()) result = result && inPanels(panel, block, oneMap ? Expr(0) : n) != 0;
    return result;
  }
  Expr choose(const Expr &condition, const Expr &value, double other) {
    return condition.defined() ? select(condition, value, kernel.real(element, other)) : value;
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
  Expr real(double value) { return kernel.real(element, value); }
  double scale() { return op.getScale().convertToDouble(); }

  Op op;
  KernelLowering &kernel;
  Halide::Type element;
  Expr queries;
  int lanes, keys, size, valueSize, group, heads, rows, columns, block, panels, span, left, right, offset;

private:
  Halide::Func inColumns, inPanels;
  bool oneMap = false;
};

} // namespace fovea
