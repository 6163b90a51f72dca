// Sums, products and maxima: along rows, down columns, over both; from views and computed values. The builder's
// reductions.
#include "test/ops/Functions.h"
#include "test/ops/Naive.h"
#include "test/ops/Suites.h"

#include <cmath>

namespace fovea::ops {

namespace {

using Reduce = Array (*)(const Array &, const Shape &, bool);

template <typename Op>
Case reduce(const std::string &name, Operand x, const Shape &axes, bool keep, Reduce reference, Bound bound) {
  return {name,
          {x},
          [=](const Build &build, Values v) { return SmallVector<Value>{build.make<Op>(v[0], axes, keep)}; },
          [=](const Arrays &a) { return Arrays{reference(a[0], axes, keep)}; },
          bound};
}
Case sum(const std::string &name, Operand x, const Shape &axes, bool keep = false) {
  int64_t count = 1; // of terms, each about 1
  for (int64_t axis : axes) count *= x.shape[axis];
  return reduce<SumOp>("sum_" + name, x, axes, keep, reference::sum, ulps(2, std::max<int64_t>(count, 4)));
}
Case max(const std::string &name, Operand x, const Shape &axes, bool keep = false) {
  x.fill = distinct();
  return reduce<MaxOp>("max_" + name, x, axes, keep, reference::max, {});
}
/// Zeros fall into some rows once, into others several times.
Case prod(const std::string &name, Operand x, const Shape &axes, bool keep = false) {
  x.fill = [](int64_t at, double draw) {
    return at % 23 == 5 || at % 31 == 5 ? 0.0 : draw < 0.5 ? draw - 1.5 : draw + 0.5;
  };
  return reduce<ProdOp>("prod_" + name, x, axes, keep, product, ulps(64));
}
template <typename Op> Case integers(const std::string &name, Kind kind, const Shape &axes, Reduce reference) {
  Case result = reduce<Op>(name, {"x", {7, 17}, whole(-3, 4), kind}, axes, false, reference, {});
  result.gradient = false;
  return result;
}

Array argmaxOf(const Array &x, int64_t axis, bool keep) { return reference::argmax(x, axis, keep); }
Case argmax(const std::string &name, Operand x, int64_t axis, bool keep = false) {
  Case result{"argmax_" + name,
              {x},
              [=](const Build &build, Values v) { return SmallVector<Value>{build.make<ArgmaxOp>(v[0], axis, keep)}; },
              [=](const Arrays &a) { return Arrays{argmaxOf(a[0], axis, keep)}; },
              {}};
  result.gradient = false;
  return result;
}

/// Values that are special, down the columns and along the rows.
template <typename Op> Case special(const std::string &name, const Shape &axes, Reduce reference) {
  Fill fill = [](int64_t at, double draw) {
    constexpr double inf = INFINITY;
    int64_t row = at / 17, column = at % 17;
    if (row == 1) return -inf;                        // a row of them
    if (row == 2 && column == 16) return (double)NAN; // in the last, partial vector
    if (row == 3 && column == 0) return (double)NAN;
    if (row == 4 && column == 5) return inf;
    if (row == 5) return -1e30 - (double)column;
    if (column == 7) return -inf;
    return draw;
  };
  Case result = reduce<Op>(name, {"x", {7, 17}, fill}, axes, false, reference, ulps(8, 8));
  result.gradient = false;
  return result;
}

/// What is reduced is the same along the reduced axes: still every element counts.
Case repeated(const std::string &name, const Shape &axes) {
  const Shape shape{3, 17, 64};
  return {"sum_repeated_" + name,
          {{"x", {1, 17, 1}}},
          [=](const Build &build, Values v) {
            Value wide = build.make<BroadcastOp>(build.type(shape), build.make<MulOp>(v[0], v[0]));
            return SmallVector<Value>{build.make<SumOp>(wide, axes, false)};
          },
          [=](const Arrays &a) {
            Array squares = reference::unary(a[0], [](double x) { return x * x; });
            return Arrays{reference::sum(reference::broadcast_to(squares, shape), axes)};
          },
          ulps(32, 64)};
}

/// A reduction of something computed from a view, with something computed from its result.
Case fused(const std::string &name, const Shape &axes) {
  return {"sum_fused_" + name,
          {{"x", {17, 3, 19}}},
          [=](const Build &build, Values v) {
            Value t = build.make<TransposeOp>(v[0], Shape{1, 2, 0}), s = build.make<SliceOp>(t, 1, 2, 13, 1);
            Value total = build.make<SumOp>(build.make<MulOp>(s, s), axes, false);
            return SmallVector<Value>{build.make<SqrtOp>(total)};
          },
          [=](const Arrays &a) {
            Array s = reference::slice(reference::transpose(a[0], {1, 2, 0}), {0, 2, 0}, {3, 13, 17}, {1, 1, 1});
            Array squares = reference::unary(s, [](double x) { return x * x; });
            return Arrays{reference::unary(reference::sum(squares, axes), [](double x) { return std::sqrt(x); })};
          },
          ulps(8, 8)};
}

using Tensors = std::vector<Tensor>;

Array normOf(const Array &x, double p, const Shape &axes) {
  Array size = reference::unary(x, [](double x) { return std::abs(x); });
  if (std::isinf(p)) return reference::max(size, axes);
  Array powers = reference::unary(size, [=](double x) { return std::pow(x, p); });
  return reference::unary(reference::sum(powers, axes), [=](double x) { return std::pow(x, 1 / p); });
}
Case norm(const std::string &name, double p, const Shape &axes) {
  Axes of = 0;
  of.listed = axes;
  return function(
      "norm_" + name, {{"x", {5, 17}, distinct()}}, [=](const Tensors &v) { return fovea::norm(v[0], p, of); },
      [=](const Arrays &a) { return Arrays{normOf(a[0], p, axes)}[0]; }, ulps(32, 4));
}

std::vector<Case> functionCases() {
  auto negated = [](const Array &x) { return reference::unary(x, std::negate<>()); };
  auto truth = [](const Array &x) { return reference::unary(x, [](double x) { return x > 0; }); };
  Operand flags{"x",
                {5, 17},
                [](int64_t at, double draw) { return at / 17 == 1 || (at / 17 != 2 && draw < 0.5); },
                Kind::boolean};
  Operand ties{"x", {3, 17}, cycle({2, 1, -1, 3, -1, 3, 0})};
  Operand special{"x", {4, 5}, cycle({1, NAN, 2, -INFINITY, 0, 0, INFINITY, -INFINITY, 0.0, -0.0})};
  auto zero = [](double) { return 0.0; };
  return {
      function(
          "min", {{"x", {5, 17}, distinct()}}, [](const Tensors &v) { return min(v[0], 0); },
          [=](const Arrays &a) { return negated(reference::max(negated(a[0]), {0})); }, {}),
      valuesOnly(function(
          "argmin", {ties}, [](const Tensors &v) { return argmin(v[0], 1); },
          [=](const Arrays &a) { return reference::argmax(negated(a[0]), 1); }, {})),
      valuesOnly(function(
          "argmin_special", {special}, [](const Tensors &v) { return argmin(v[0], -1, true); },
          [=](const Arrays &a) { return reference::argmax(negated(a[0]), 1, true); }, {})),
      valuesOnly(function(
          "any", {flags}, [](const Tensors &v) { return any(v[0], 1); },
          [=](const Arrays &a) { return reference::max(a[0], {1}); }, {})),
      valuesOnly(function(
          "all", {flags}, [](const Tensors &v) { return all(v[0], 1, true); },
          [=](const Arrays &a) { return truth(negated(reference::max(negated(a[0]), {1}, true))); }, {})),
      norm("1", 1, {1}),
      norm("2", 2, {0}),
      norm("3", 3, {0, 1}),
      norm("infinite", INFINITY, {1}),
      // At 0 the root's slope is infinite, and the norm's gradient 0.
      slope("norm_2_zero", {"x", {7}, cycle({0})}, [](const Tensors &v) { return fovea::norm(v[0]); }, zero, {}),
      slope("norm_half_zero", {"x", {7}, cycle({0})}, [](const Tensors &v) { return fovea::norm(v[0], 0.5); }, zero,
            {}),
  };
}

} // namespace

Suite reduceSuite() {
  Suite suite{
      "Reduce",
      {
          sum("row_1", {"x", {3, 1}}, {1}),
          sum("row_3", {"x", {17, 3}}, {1}),
          sum("row_17", {"x", {3, 17}}, {1}, true),
          sum("row_59", {"x", {2, 3, 59}}, {2}),
          sum("row_113", {"x", {113}}, {0}),
          sum("row_keep", {"x", {113}}, {0}, true),
          sum("row_long", {"x", {5003}}, {0}),
          sum("all", {"x", {3, 5, 17}}, {0, 1, 2}),
          sum("all_keep", {"x", {3, 17}}, {0, 1}, true),
          sum("none", {"x", {3, 17}}, {}),
          sum("column_1", {"x", {1, 17}}, {0}),
          sum("column_3", {"x", {3, 1}}, {0}),
          sum("column_113", {"x", {113, 59}}, {0}),
          sum("column_keep", {"x", {59, 3}}, {0}, true),
          sum("column_long", {"x", {1009, 3}}, {0}),
          sum("middle", {"x", {3, 17, 5}}, {1}),
          sum("outer_two", {"x", {3, 17, 19}}, {0, 1}),
          sum("outer_two_keep", {"x", {3, 17, 19}}, {0, 1}, true),
          sum("outer_and_inner", {"x", {5, 3, 17}}, {0, 2}),
          sum("inner_two", {"x", {5, 3, 17}}, {1, 2}),
          sum("alternate", {"x", {2, 3, 5, 7}}, {0, 2}),
          sum("three", {"x", {2, 3, 5, 7}}, {0, 2, 3}),
          max("none", {"x", {17}}, {}),
          max("row_1", {"x", {3, 1}}, {1}),
          max("row_3", {"x", {17, 3}}, {1}, true),
          max("row_59", {"x", {3, 59}}, {1}),
          max("row_113", {"x", {113}}, {0}),
          max("all", {"x", {3, 5, 17}}, {0, 1, 2}),
          max("column_113", {"x", {113, 17}}, {0}),
          max("column_3", {"x", {3, 1}}, {0}),
          max("middle", {"x", {3, 17, 5}}, {1}, true),
          max("outer_two", {"x", {3, 7, 19}}, {0, 1}),
          max("outer_and_inner", {"x", {5, 3, 17}}, {0, 2}),
          max("alternate", {"x", {4, 2, 3, 2}}, {0, 2}),
          special<MaxOp>("max_special_rows", {1}, reference::max),
          special<MaxOp>("max_special_columns", {0}, reference::max),
          special<SumOp>("sum_special_rows", {1}, reference::sum),
          special<SumOp>("sum_special_columns", {0}, reference::sum),
          repeated("rows", {2}),
          repeated("columns", {0}),
          repeated("both", {0, 2}),
          repeated("chunks", {0, 1}),
          fused("rows", {2}),
          fused("columns", {0}),
          fused("two", {0, 1}),
          prod("row", {"x", {17, 19}}, {1}),
          prod("column", {"x", {13, 59}}, {0}, true),
          prod("outer_and_inner", {"x", {3, 5, 7}}, {0, 2}),
          prod("all", {"x", {5, 3}}, {0, 1}),
          special<ProdOp>("prod_special_rows", {1}, product),
          special<ProdOp>("prod_special_columns", {0}, product),
          integers<SumOp>("sum_i32", Kind::i32, {1}, reference::sum),
          integers<SumOp>("sum_i64", Kind::i64, {0}, reference::sum),
          integers<MaxOp>("max_i64", Kind::i64, {0, 1}, reference::max),
          integers<ProdOp>("prod_i32", Kind::i32, {0}, product),
          argmax("row", {"x", {3, 59}, distinct()}, 1),
          argmax("column", {"x", {17, 3}, distinct()}, 0, true),
          argmax("middle", {"x", {3, 7, 5}, distinct()}, 1),
          argmax("vector", {"x", {113}, distinct()}, 0),
          argmax("ties", {"x", {3, 17}, cycle({0, 1, 3, -1, 3, 2, 3})}, 1),
          argmax("i32", {"x", {17, 3}, whole(-2, 3), Kind::i32}, 0),
          argmax("special", {"x", {7, 17}, special<MaxOp>("", {1}, reference::max).operands[0].fill}, 1),
          argmax("special_columns", {"x", {7, 17}, special<MaxOp>("", {1}, reference::max).operands[0].fill}, 0),
      }};
  for (Case &each : functionCases()) suite.cases.push_back(std::move(each));
  return suite;
}

} // namespace fovea::ops
