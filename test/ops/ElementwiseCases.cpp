// Arithmetic and activations: shapes that broadcast, and values that are special.
#include "test/ops/Suites.h"

#include <cmath>

namespace fovea::ops {

namespace {

using Function = std::function<double(double)>;
using Function2 = std::function<double(double, double)>;

double relu(double x) { return std::isnan(x) ? x : x > 0 ? x : 0; }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double largest(double a, double b) { return std::isnan(a) || std::isnan(b) ? NAN : std::max(a, b); }
double smallest(double a, double b) { return std::isnan(a) || std::isnan(b) ? NAN : std::min(a, b); }
/// The op's own formula, which loses digits below zero.
double gelu(double x) { return x * (1 + std::erf(x * M_SQRT1_2)) / 2; }
double geluSlope(double x) {
  double moved = std::isinf(x) ? 0 : x * std::exp(-x * x / 2) / std::sqrt(2 * M_PI);
  return (1 + std::erf(x * M_SQRT1_2)) / 2 + moved;
}

template <typename Op> Case unary(const std::string &name, Operand x, const Function &function, Bound bound) {
  return {name,
          {x},
          [](const Build &build, Values v) { return SmallVector<Value>{build.make<Op>(v[0])}; },
          [=](const Arrays &a) { return Arrays{reference::unary(a[0], function)}; },
          bound};
}

template <typename Op>
Case binary(const std::string &name, Operand a, Operand b, const Function2 &function, Bound bound) {
  return {name,
          {a, b},
          [](const Build &build, Values v) { return SmallVector<Value>{build.make<Op>(v[0], v[1])}; },
          [=](const Arrays &v) { return Arrays{reference::binary(v[0], v[1], function)}; },
          bound};
}

Case exactly(Case of) {
  of.gradient = false;
  of.signedZeros = true;
  return of;
}
Case withoutGradient(Case of) {
  of.gradient = false;
  return of;
}

Case compare(const std::string &relation, Operand a, Operand b, const Function2 &function) {
  return withoutGradient(
      {"compare_" + relation,
       {a, b},
       [=](const Build &build, Values v) { return SmallVector<Value>{build.make<CompareOp>(v[0], v[1], relation)}; },
       [=](const Arrays &v) { return Arrays{reference::binary(v[0], v[1], function)}; },
       {}});
}

/// Compared and selected in one kernel, in rows of groups of four.
Case larger() {
  return {"select_larger",
          {{"a", {3, 16}}, {"b", {16}}},
          [](const Build &build, Values v) {
            return SmallVector<Value>{build.make<SelectOp>(build.make<CompareOp>(v[0], v[1], "le"), v[1], v[0])};
          },
          [](const Arrays &v) {
            return Arrays{reference::binary(v[0], v[1], [](double a, double b) { return std::max(a, b); })};
          },
          {}};
}

Case cast(const std::string &name, Operand x, const std::function<mlir::Type(const Build &)> &to,
          const Function &function, Bound bound = {}) {
  return {name,
          {x},
          [=](const Build &build, Values v) {
            return SmallVector<Value>{build.make<CastOp>(build.type(x.shape, to(build)), v[0])};
          },
          [=](const Arrays &a) { return Arrays{reference::unary(a[0], function)}; },
          bound};
}
mlir::Type i32(const Build &build) { return build.builder.getI32Type(); }
mlir::Type i64(const Build &build) { return build.builder.getI64Type(); }
mlir::Type f32(const Build &build) { return build.builder.getF32Type(); }
mlir::Type f64(const Build &build) { return build.builder.getF64Type(); }
mlir::Type real(const Build &build) { return build.real; }

/// A cast with a gradient: there and back.
Case throughF64() {
  return {"cast_through_f64",
          {{"x", {3, 17}}},
          [](const Build &build, Values v) {
            Value wide = build.make<CastOp>(build.type({3, 17}, f64(build)), v[0]);
            return SmallVector<Value>{build.make<CastOp>(build.type({3, 17}), build.make<MulOp>(wide, wide))};
          },
          [](const Arrays &a) { return Arrays{reference::unary(a[0], [](double x) { return x * x; })}; },
          ulps(1)};
}

Case select(const std::string &name, const Shape &condition, const Shape &a, const Shape &b) {
  return {name,
          {{"c", condition, whole(0, 2), Kind::boolean}, {"a", a}, {"b", b}},
          [](const Build &build, Values v) { return SmallVector<Value>{build.make<SelectOp>(v[0], v[1], v[2])}; },
          [](const Arrays &v) {
            Shape shape = reference::broadcast_shape(reference::broadcast_shape(v[0].shape, v[1].shape), v[2].shape);
            Array c = reference::broadcast_to(v[0], shape), a = reference::broadcast_to(v[1], shape),
                  result = reference::broadcast_to(v[2], shape);
            for (int64_t at = 0; at < result.size(); ++at)
              if (c.values[at]) result.values[at] = a.values[at];
            return Arrays{result};
          },
          {}};
}

/// Special values against a bound that is a constant. Not in low precision: LLVM takes what is widened from f16 for
/// finite.
template <typename Relation> Case compareToConstant(const std::string &relation, double bound, Relation function) {
  Case result = withoutGradient(
      {"compare_" + relation + (bound < 0 ? "_minus" : "") + "_infinity",
       {{"x", {59}, cycle({1, INFINITY, -INFINITY, 0, NAN, -3})}},
       [=](const Build &build, Values v) {
         auto value = mlir::DenseElementsAttr::get(build.type({}),
                                                   {mlir::Attribute(build.builder.getFloatAttr(build.real, bound))});
         Value constant = build.make<ConstantOp>(value);
         return SmallVector<Value>{build.make<CompareOp>(v[0], constant, StringRef(relation)),
                                   build.make<CompareOp>(constant, v[0], StringRef(relation)),
                                   build.make<CompareOp>(constant, build.make<NegOp>(v[0]), StringRef(relation))};
       },
       [=](const Arrays &v) {
         Arrays result{v[0], v[0], v[0]};
         for (int64_t at = 0; at < v[0].size(); ++at) {
           result[0].values[at] = function(v[0].values[at], bound);
           result[1].values[at] = function(bound, v[0].values[at]);
           result[2].values[at] = function(bound, -v[0].values[at]);
         }
         return result;
       },
       {}});
  result.composed = true;
  return result;
}

/// A constant of distinct numbers, or of one, added to x.
Case constant(const std::string &name, const Shape &shape, bool splat) {
  return {name,
          {{"x", shape}},
          [=](const Build &build, Values v) {
            SmallVector<mlir::Attribute> values;
            for (int64_t at = 0; at < (splat ? 1 : reference::element_count(shape)); ++at)
              values.push_back(build.builder.getFloatAttr(build.real, (float)distinctAt(at)));
            auto attribute = mlir::DenseElementsAttr::get(build.type(shape), values);
            return SmallVector<Value>{build.make<AddOp>(v[0], build.make<ConstantOp>(attribute))};
          },
          [=](const Arrays &v) {
            Array result = v[0];
            for (int64_t at = 0; at < result.size(); ++at) result.values[at] += (float)distinctAt(splat ? 0 : at);
            return Arrays{result};
          },
          ulps(1, 4)};
}

/// Several tables in one kernel, smaller than a vector and larger: none is aligned to a vector's bytes.
Case tables() {
  return {
      "constant_tables",
      {{"x", {5, 16}}},
      [=](const Build &build, Values v) {
        Value sum = v[0];
        for (int64_t rows : {1, 5, 5}) {
          SmallVector<mlir::Attribute> values;
          for (int64_t at = 0; at < rows * 16; ++at)
            values.push_back(build.builder.getFloatAttr(build.real, (double)at));
          sum = build.make<AddOp>(sum,
                                  build.make<ConstantOp>(mlir::DenseElementsAttr::get(build.type({rows, 16}), values)));
          SmallVector<mlir::Attribute> few(values.begin(), values.begin() + 5);
          sum = build.make<AddOp>(sum, build.make<ConstantOp>(mlir::DenseElementsAttr::get(build.type({5, 1}), few)));
        }
        return SmallVector<Value>{sum};
      },
      [=](const Arrays &v) {
        Array result = v[0];
        for (int64_t at = 0; at < result.size(); ++at) result.values[at] += (double)(at % 16 + 2 * at + 3 * (at / 16));
        return Arrays{result};
      },
      ulps(4, 4)};
}

} // namespace

Suite elementwiseSuite() {
  std::vector<Case> cases{
      binary<AddOp>("add_same", {"a", {17, 59}}, {"b", {17, 59}}, std::plus<>(), ulps(1)),
      binary<AddOp>("add_row", {"a", {3, 113}}, {"b", {113}}, std::plus<>(), ulps(1)),
      binary<AddOp>("add_outer", {"a", {17, 1}}, {"b", {1, 3}}, std::plus<>(), ulps(1)),
      binary<AddOp>("add_scalar", {"a", {}}, {"b", {5, 1, 7}}, std::plus<>(), ulps(1)),
      binary<AddOp>("add_scalars", {"a", {}}, {"b", {}}, std::plus<>(), ulps(1)),
      binary<AddOp>("add_one", {"a", {1}}, {"b", {1, 1}}, std::plus<>(), ulps(1)),
      binary<AddOp>("add_deep", {"a", {2, 1, 5, 1, 3}}, {"b", {3, 1, 2, 3}}, std::plus<>(), ulps(1)),
      binary<SubOp>("sub_same", {"a", {59, 17}}, {"b", {59, 17}}, std::minus<>(), ulps(1)),
      binary<SubOp>("sub_column", {"a", {59, 1}}, {"b", {59, 17}}, std::minus<>(), ulps(1)),
      binary<MulOp>("mul_same", {"a", {113}}, {"b", {113}}, std::multiplies<>(), ulps(1)),
      binary<MulOp>("mul_middle", {"a", {2, 1, 19}}, {"b", {2, 3, 19}}, std::multiplies<>(), ulps(1)),
      binary<DivOp>("div_same", {"a", {7, 13}}, {"b", {7, 13}, uniform(0.5, 2)}, std::divides<>(), ulps(2)),
      binary<DivOp>("div_column", {"a", {7, 13}}, {"b", {7, 1}, uniform(-2, -0.5)}, std::divides<>(), ulps(2)),
      binary<PowOp>(
          "pow_same", {"a", {3, 17}, uniform(0.2, 3)}, {"b", {3, 17}},
          [](double a, double b) { return std::pow(a, b); }, ulps(2)),
      binary<MaximumOp>("maximum_same", {"a", {3, 59}}, {"b", {3, 59}}, largest, {}),
      binary<MaximumOp>("maximum_scalar", {"a", {3, 17}}, {"b", {}}, largest, {}),
      binary<MinimumOp>("minimum_row", {"a", {3, 59}}, {"b", {59}}, smallest, {}),
      binary<AddOp>("add_i32", {"a", {3, 17}, whole(-99, 99), Kind::i32}, {"b", {17}, whole(-99, 99), Kind::i32},
                    std::plus<>(), {}),
      binary<SubOp>("sub_i64", {"a", {3, 17}, whole(-99, 99), Kind::i64}, {"b", {3, 1}, whole(-99, 99), Kind::i64},
                    std::minus<>(), {}),
      binary<MulOp>("mul_i32", {"a", {19}, whole(-99, 99), Kind::i32}, {"b", {19}, whole(-99, 99), Kind::i32},
                    std::multiplies<>(), {}),
      binary<MaximumOp>("maximum_i32", {"a", {19}, whole(-9, 9), Kind::i32}, {"b", {19}, whole(-9, 9), Kind::i32},
                        largest, {}),
      binary<MinimumOp>("minimum_i64", {"a", {19}, whole(-9, 9), Kind::i64}, {"b", {}, whole(-9, 9), Kind::i64},
                        smallest, {}),
      unary<NegOp>("neg", {"x", {17, 3}}, std::negate<>(), {}),
      unary<NegOp>("neg_i32", {"x", {17}, whole(-99, 99), Kind::i32}, std::negate<>(), {}),
      unary<ExpOp>(
          "exp", {"x", {3, 59}}, [](double x) { return std::exp(x); }, ulps(4)),
      unary<LogOp>(
          "log", {"x", {59}, uniform(0.1, 9)}, [](double x) { return std::log(x); }, ulps(4, 0.5)),
      unary<SqrtOp>(
          "sqrt", {"x", {3, 17}, uniform(0.1, 9)}, [](double x) { return std::sqrt(x); }, ulps(1)),
      unary<TanhOp>(
          "tanh", {"x", {113}}, [](double x) { return std::tanh(x); }, ulps(6)),
      unary<ErfOp>(
          "erf", {"x", {3, 3, 17}}, [](double x) { return std::erf(x); }, ulps(8)),
      unary<SigmoidOp>("sigmoid", {"x", {17, 17}}, sigmoid, ulps(6)),
      unary<ReluOp>("relu", {"x", {3, 59}, distinct()}, relu, {}),
      unary<GeluOp>("gelu", {"x", {2, 59}}, gelu, ulps(8, 0.5)),
      unary<GeluSlopeOp>("gelu_slope", {"x", {2, 59}, uniform(-7, 7)}, geluSlope, ulps(8, 0.5)),
      compare("eq", {"a", {3, 17}, whole(0, 3)}, {"b", {17}, whole(0, 3)}, std::equal_to<>()),
      compare("ne", {"a", {3, 17}, whole(0, 3)}, {"b", {3, 17}, whole(0, 3)}, std::not_equal_to<>()),
      compare("lt", {"a", {3, 1}, whole(0, 3), Kind::i32}, {"b", {17}, whole(0, 3), Kind::i32}, std::less<>()),
      compare("le", {"a", {59}, whole(0, 3)}, {"b", {}, whole(0, 3)}, std::less_equal<>()),
      select("select_same", {3, 17}, {3, 17}, {3, 17}),
      larger(),
      select("select_broadcast", {17}, {3, 1}, {}),
      select("select_scalar_condition", {}, {3, 17}, {17}),
      withoutGradient(cast("cast_f64", {"x", {3, 17}}, f64, [](double x) { return x; })),
      throughF64(),
      withoutGradient(cast("cast_f32", {"x", {59}}, f32, [](double x) { return (float)x; })),
      withoutGradient(cast("cast_to_i32", {"x", {59}, uniform(-9, 9)}, i32, [](double x) { return std::trunc(x); })),
      withoutGradient(cast("cast_to_i64", {"x", {3, 3}, uniform(-9, 9)}, i64, [](double x) { return std::trunc(x); })),
      withoutGradient(cast("cast_from_i32", {"x", {17}, whole(-99, 99), Kind::i32}, real, [](double x) { return x; })),
      withoutGradient(
          cast("cast_from_bool", {"x", {17}, whole(0, 2), Kind::boolean}, real, [](double x) { return x; })),
      withoutGradient(
          cast("cast_bool_to_i64", {"x", {17}, whole(0, 2), Kind::boolean}, i64, [](double x) { return x; })),
      constant("constant_table", {3, 17}, false),
      constant("constant_splat", {59}, true),
      tables(),
      compareToConstant("eq", INFINITY, std::equal_to<>()),
      compareToConstant("ne", -INFINITY, std::not_equal_to<>()),
      compareToConstant("lt", -INFINITY, std::less<>()),
      compareToConstant("le", INFINITY, std::less_equal<>()),
  };
  for (Case &each : cases)
    if (each.operands[0].kind != Kind::real && each.operands.back().kind != Kind::real) each.gradient = false;
  return {"Elementwise", cases};
}

Suite specialValuesSuite() {
  constexpr double inf = INFINITY;
  // Those of both types: 1e-40 is denormal in f32, 1e-310 in f64, and 3e38 is near f32's largest.
  std::vector<double> special{NAN,  inf,  -inf,  -0.0,  0.0,    1e-40, -1e-40, 1e-310, 3e38, -3e38,
                              88.0, 89.0, -87.0, -88.0, -104.0, 710.0, -746.0, 1.0,    -1.0, 0.5};
  Operand x{"x", {37}, cycle(special)}, a{"a", {20, 1}, cycle(special)}, b{"b", {20}, cycle(special)};
  auto on = [&](Function function) { return function; };
  return {"SpecialValues",
          {
              exactly(unary<ReluOp>("relu", x, relu, {})),
              exactly(unary<NegOp>("neg", x, std::negate<>(), {})),
              exactly(unary<SqrtOp>(
                  "sqrt", x, [](double x) { return std::sqrt(x); }, ulps(1))),
              withoutGradient(unary<ExpOp>("exp", x, on([](double x) { return std::exp(x); }), ulps(4))),
              withoutGradient(unary<LogOp>(
                  "log", x, [](double x) { return std::log(x); }, ulps(4))),
              exactly(unary<TanhOp>(
                  "tanh", x, [](double x) { return std::tanh(x); }, ulps(6))),
              exactly(unary<ErfOp>(
                  "erf", x, [](double x) { return std::erf(x); }, ulps(8))),
              withoutGradient(unary<SigmoidOp>("sigmoid", x, sigmoid, ulps(6))),
              withoutGradient(unary<GeluOp>("gelu", x, gelu, ulps(8))),
              withoutGradient(unary<GeluSlopeOp>("gelu_slope", x, geluSlope, ulps(8, 0.5))),
              exactly(binary<AddOp>("add", a, b, std::plus<>(), ulps(1))),
              exactly(binary<SubOp>("sub", a, b, std::minus<>(), ulps(1))),
              withoutGradient(binary<MulOp>("mul", a, b, std::multiplies<>(), ulps(1))),
              withoutGradient(binary<DivOp>("div", a, b, std::divides<>(), ulps(2))),
              withoutGradient(binary<PowOp>(
                  "pow", a, b, [](double a, double b) { return std::pow(a, b); }, ulps(2))),
              withoutGradient(binary<MaximumOp>("maximum", a, b, largest, {})),
              withoutGradient(binary<MinimumOp>("minimum", a, b, smallest, {})),
              compare("eq", a, b, std::equal_to<>()),
              compare("ne", a, b, std::not_equal_to<>()),
              compare("lt", a, b, std::less<>()),
              compare("le", a, b, std::less_equal<>()),
          }};
}

} // namespace fovea::ops
