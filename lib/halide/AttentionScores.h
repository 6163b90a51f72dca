// What attention's lowerings share: the operands by head, who sees whom, and products of register tiles.
#pragma once

#include "lib/halide/Lowering.h"
#include "lib/halide/Math.h"
#include "lib/halide/Random.h"

#include <cmath>

namespace fovea {

/// Score of a masked pair: finite, so that differences of it are numbers.
constexpr double maskedScore = -1e30;

/// Lanes that divide a head size, so that rows of it are read as they lie.
inline int lanesFor(int size, int lanes) {
  while (size % lanes) lanes /= 2;
  return lanes;
}

/// A product whose accumulators stay in registers: `column` in vectors, and as many of `row`.
struct RegisterTile {
  Halide::Var column, row;
  int columns, rows, lanes;

  void schedule(Halide::Func product, const Halide::LoopLevel &level, const Halide::RVar &depth) const {
    product.compute_at(level).bound_extent(column, columns).bound_extent(row, rows);
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
    RankedTensorType q = op.getQuery().getType(), k = op.getKey().getType(), v = op.getValue().getType();
    queries = kernel.extents(q)[2];
    keys = (int)k.getDimSize(2);
    size = (int)q.getDimSize(3);
    valueSize = (int)v.getDimSize(3);
    heads = (int)q.getDimSize(1);
    group = (int)(q.getDimSize(1) / k.getDimSize(1));
    rows = (int)kernel.schedule().getRows();
    columns = (int)kernel.schedule().getColumns();
    block = (int)llvm::alignTo(kernel.schedule().getTask(), rows);
    panels = (int)llvm::divideCeil(keys, columns);
    left = (int)op.getWindowLeft();
    right = (int)op.getWindowRight();
    offset = (int)op.getOffset();
  }

  static mlir::LogicalResult verify(Op op, bool staticQueries) {
    RankedTensorType q = op.getQuery().getType(), k = op.getKey().getType();
    if (k.isDynamicDim(2) || k.isDynamicDim(3) || op.getValue().getType().isDynamicDim(3) ||
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

  /// Whether some pairs of queries and keys are masked.
  bool isMasked() { return left >= 0 || right >= 0 || op.getKvLengths(); }

  /// Whether query i sees key j; undefined where each sees all.
  Expr seen(const Expr &n, const Expr &i, const Expr &j) {
    Expr result;
    auto also = [&](const Expr &condition) { result = result.defined() ? result && condition : condition; };
    if (keys % columns) also(j < keys);
    if (left >= 0) also(j >= i + (offset - left));
    if (right >= 0) also(j <= i + (offset + right));
    if (op.getKvLengths()) also(j < length(n));
    return result;
  }
  /// Whether one of the queries from i to last sees one of the keys from j to last.
  Expr anySeen(const Expr &i, const Expr &lastQuery, const Expr &j, const Expr &lastKey) {
    Expr result = i < queries && j < keys;
    if (left >= 0) result = result && lastKey >= i + (offset - left);
    if (right >= 0) result = result && j <= lastQuery + (offset + right);
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
  int lanes, keys, size, valueSize, group, heads, rows, columns, block, panels, left, right, offset;
};

} // namespace fovea
