// Softmax, log-sum-exp, running sums, layer norm and cross-entropy.
#include "test/ops/Functions.h"
#include "test/ops/Naive.h"
#include "test/ops/Suites.h"

#include <cmath>

namespace fovea::ops {

namespace {

/// Rows 1 to 5 of x are special: -inf among numbers, only -inf, a NaN, +inf, large numbers.
double specialRow(int64_t row, int64_t column, double draw) {
  constexpr double inf = INFINITY;
  switch (row) {
  case 1:
    return column % 3 == 0 ? -inf : draw;
  case 2:
    return -inf;
  case 3:
    return column == 16 ? NAN : draw;
  case 4:
    return column == 2 ? inf : draw;
  case 5:
    return 1e4 + column;
  case 6:
    return -1e30 * (column + 1);
  default:
    return draw;
  }
}
Operand specialRows() {
  return {"x", {9, 17}, [](int64_t at, double draw) { return specialRow(at / 17, at % 17, draw); }};
}

Case softmax(const std::string &name, Operand x) {
  return {"softmax_" + name,
          {x},
          [](const Build &build, Values v) { return SmallVector<Value>{build.make<SoftmaxOp>(v[0])}; },
          [](const Arrays &a) { return Arrays{reference::softmax(a[0])}; },
          ulps(32)};
}
Case softmaxSpecial() {
  Case result = softmax("special", specialRows());
  result.gradient = false;
  return result;
}
/// Of a scaled transpose, times something of the same shape.
Case softmaxFused() {
  return {"softmax_fused",
          {{"x", {17, 3, 5}}, {"y", {3, 5, 17}}},
          [](const Build &build, Values v) {
            Value t = build.make<TransposeOp>(v[0], Shape{1, 2, 0});
            return SmallVector<Value>{build.make<MulOp>(build.make<SoftmaxOp>(build.make<AddOp>(t, v[1])), v[1])};
          },
          [](const Arrays &a) {
            Array t = reference::binary(reference::transpose(a[0], {1, 2, 0}), a[1], std::plus<>());
            return Arrays{reference::binary(reference::softmax(t), a[1], std::multiplies<>())};
          },
          ulps(32, 0.1)};
}

/// With the sum of all elements times others beside it.
Case softmaxAndSum() {
  return {"softmax_and_sum",
          {{"x", {2, 5, 19}}, {"y", {2, 5, 19}}},
          [](const Build &build, Values v) {
            Value softmax = build.make<SoftmaxOp>(v[0]), product = build.make<MulOp>(softmax, v[1]);
            return SmallVector<Value>{softmax, build.make<SumOp>(product, Shape{0, 1, 2}, false)};
          },
          [](const Arrays &a) {
            Array softmax = reference::softmax(a[0]);
            Array product = reference::binary(softmax, a[1], std::multiplies<>());
            return Arrays{softmax, reference::sum(product, {0, 1, 2})};
          },
          ulps(32, 1)};
}

/// Beside it what comes from the same and from other rows.
Case softmaxAndOtherRows() {
  return {"softmax_and_other_rows",
          {{"x", {34, 17}}},
          [](const Build &build, Values v) {
            Value y = build.make<SoftmaxOp>(v[0]);
            Value first = build.make<SliceOp>(y, 0, 0, 17, 1), last = build.make<SliceOp>(y, 0, 17, 17, 1);
            Value moved = build.make<ConcatOp>(mlir::ValueRange{last, first}, 0);
            return SmallVector<Value>{y, build.make<AddOp>(y, moved)};
          },
          [](const Arrays &a) {
            Array y = reference::softmax(a[0]);
            Array moved = reference::concat(
                {reference::slice(y, {17, 0}, {17, 17}, {1, 1}), reference::slice(y, {0, 0}, {17, 17}, {1, 1})}, 0);
            return Arrays{y, reference::binary(y, moved, std::plus<>())};
          },
          ulps(32)};
}

using Tensors = std::vector<Tensor>;
template <typename Op> Case row(const std::string &name, Operand x, Array (*reference)(const Array &), Bound bound) {
  return {name,
          {x},
          [](const Build &build, Values v) { return SmallVector<Value>{build.make<Op>(v[0])}; },
          [=](const Arrays &a) { return Arrays{reference(a[0])}; },
          bound};
}
/// The gradient is e^(x - log_sum_exp), whose exponent rounding moves by half a unit of the log_sum_exp of 59 elements,
/// which is over 4.
Case logSumExpOf59() {
  Case result = row<LogSumExpOp>("log_sum_exp_59", {"x", {3, 2, 59}}, logSumExpOf, ulps(16, 4));
  result.gradientRoundings = 1 + 4;
  return result;
}
/// Of rows of -inf, where the gradient is 0, and of others.
Case logSumExpSlope() {
  Operand x{"x", {3, 17}, [](int64_t at, double draw) { return at / 17 == 1 || at % 5 == 0 ? -INFINITY : draw; }};
  Case result = slope(
      "log_sum_exp", x, [](const Tensors &v) { return log_sum_exp(v[0]); }, {}, ulps(32));
  result.reference = [](const Arrays &a) {
    Array y = reference::softmax(a[0]);
    for (double &value : y.values) value = std::isnan(value) ? 0 : value;
    return Arrays{y};
  };
  return result;
}

Case cumsum(const std::string &name, Operand x, bool exclusive = false, bool reverse = false) {
  Case result{"cumsum_" + name,
              {x},
              [=](const Build &build, Values v) {
                return SmallVector<Value>{build.make<CumsumOp>(v[0].getType(), v[0], exclusive, reverse)};
              },
              [=](const Arrays &a) { return Arrays{runningSums(a[0], exclusive, reverse)}; },
              ulps(64, 8)};
  result.gradient = x.kind == Kind::real;
  return result;
}

/// Along other axes than the last, by the builder.
std::vector<Case> axisCases() {
  Operand x{"x", {3, 17, 5}};
  auto last = [](const Array &a) { return reference::transpose(a, {0, 2, 1}); };
  return {
      function(
          "softmax_middle", {x}, [](const Tensors &v) { return softmax(v[0], 1); },
          [=](const Arrays &a) { return last(reference::softmax(last(a[0]))); }, ulps(32)),
      function(
          "log_softmax_middle", {x}, [](const Tensors &v) { return log_softmax(v[0], -2); },
          [=](const Arrays &a) { return last(logSoftmaxOf(last(a[0]))); }, ulps(16, 4)),
      function(
          "log_sum_exp_first", {x}, [](const Tensors &v) { return log_sum_exp(v[0], 0); },
          [=](const Arrays &a) {
            return logSumExpOf(reference::transpose(a[0], {1, 2, 0}));
          },
          ulps(16, 4)),
      function(
          "log_sum_exp_kept", {x}, [](const Tensors &v) { return log_sum_exp(v[0], 1, true); },
          [=](const Arrays &a) {
            return reference::reshape(logSumExpOf(last(a[0])), {3, 1, 5});
          },
          ulps(16, 4)),
      function(
          "cumsum_first", {x}, [](const Tensors &v) { return fovea::cumsum(v[0], 0, {.reverse = true}); },
          [=](const Arrays &a) {
            return reference::transpose(runningSums(reference::transpose(a[0], {2, 1, 0}), false, true), {2, 1, 0});
          },
          ulps(64, 8)),
  };
}

/// With or without its statistics as results.
Case layerNorm(const std::string &name, Operand x, bool statistics) {
  int64_t width = x.shape.back();
  size_t results = statistics ? 3 : 1;
  return {"layer_norm_" + name,
          {x, {"scale", {width}}, {"bias", {width}}},
          [=](const Build &build, Values v) {
            auto norm = build.op<LayerNormOp>(v[0], v[1], v[2], llvm::APFloat(1e-3));
            return SmallVector<Value>(
                llvm::ArrayRef<Value>{norm.getResult(), norm.getMean(), norm.getRstd()}.take_front(results));
          },
          [=](const Arrays &a) {
            Arrays all = layerNormed(a, 1e-3);
            return Arrays(all.begin(), all.begin() + results);
          },
          ulps(64, 1)};
}
/// rstd is 31.6 in rows of one element, times what the roundings of products leave of a gradient of zero.
Case layerNormOfOne() {
  Case result = layerNorm("1", {"x", {3, 1}}, false);
  result.gradientFloor *= 32;
  return result;
}

Case layerNormSpecial() {
  Case result = layerNorm("special", specialRows(), true);
  result.operands[0].fill = [](int64_t at, double draw) {
    return at / 17 == 6 ? 3.0 : at / 17 == 5 ? draw * 1e-3 : specialRow(at / 17, at % 17, draw);
  };
  result.gradient = false;
  return result;
}

/// One of its statistics alone.
Case layerNormStatistic(const std::string &name, Operand x, size_t which) {
  Case result = layerNorm(name, x, true);
  auto norm = result.build;
  auto plain = result.reference;
  result.build = [=](const Build &build, Values v) { return SmallVector<Value>{norm(build, v)[which]}; };
  result.reference = [=](const Arrays &a) { return Arrays{plain(a)[which]}; };
  return result;
}

/// All three results, and something computed from the first in the same kernel.
Case layerNormUsed() {
  Case result = layerNorm("used", {"x", {17, 5}}, true);
  auto norm = result.build;
  auto plain = result.reference;
  result.build = [=](const Build &build, Values v) {
    SmallVector<Value> values = norm(build, v);
    values.push_back(build.make<NegOp>(values[0]));
    return values;
  };
  result.reference = [=](const Arrays &a) {
    Arrays values = plain(a);
    values.push_back(reference::unary(values[0], [](double y) { return -y; }));
    return values;
  };
  return result;
}

Case rmsNorm(const std::string &name, Operand x, bool statistic) {
  return {
      "rms_norm_" + name,
      {x, {"scale", {x.shape.back()}}},
      [=](const Build &build, Values v) {
        auto norm = build.op<RmsNormOp>(v[0], v[1], llvm::APFloat(1e-3));
        return SmallVector<Value>(llvm::ArrayRef<Value>{norm.getResult(), norm.getRstd()}.take_front(1 + statistic));
      },
      [=](const Arrays &a) {
        Arrays all = rmsNormed(a, 1e-3);
        return Arrays(all.begin(), all.begin() + 1 + statistic);
      },
      ulps(64, 1)};
}

Case crossEntropy(const std::string &name, Operand logits, Operand labels, bool both = true) {
  size_t results = both ? 2 : 1;
  return {"cross_entropy_" + name,
          {logits, labels},
          [=](const Build &build, Values v) {
            auto loss = build.op<CrossEntropyOp>(v[0], v[1]);
            return SmallVector<Value>(llvm::ArrayRef<Value>{loss.getLoss(), loss.getLogSumExp()}.take_front(results));
          },
          [=](const Arrays &a) {
            // Labels out of range give NaN; the reference refuses them.
            Array labels = a[1];
            int64_t classes = a[0].shape[1];
            for (double &label : labels.values) label = label >= 0 && label < classes ? label : 0;
            reference::CrossEntropy loss = reference::cross_entropy(a[0], labels);
            for (int64_t at = 0; at < labels.size(); ++at)
              if (labels.values[at] != a[1].values[at]) loss.loss.values[at] = NAN;
            return both ? Arrays{loss.loss, loss.log_sum_exp} : Arrays{loss.loss};
          },
          ulps(16, 4)};
}
Case crossEntropySpecial() {
  Case result =
      crossEntropy("special", specialRows(), {"labels", {9}, cycle({0, 1, 2, 3, 4, 5, -1, 17, 16}), Kind::i64});
  result.gradient = false;
  result.bound.f64 = 1e-12; // the reference subtracts logits of 1e4
  return result;
}

} // namespace

Suite rowsSuite() {
  Suite suite{
      "Rows",
      {
          softmax("1", {"x", {3, 1}}),
          softmax("3", {"x", {17, 3}}),
          softmax("17", {"x", {2, 3, 17}}),
          softmax("59", {"x", {59}}),
          softmax("113", {"x", {5, 113}, uniform(-20, 20)}),
          softmax("long", {"x", {2, 1009}}),
          softmaxSpecial(),
          softmaxFused(),
          composed(softmaxAndSum()),
          composed(softmaxAndOtherRows()),
          layerNormOfOne(),
          layerNorm("3", {"x", {17, 3}}, true),
          layerNorm("17", {"x", {2, 3, 17}}, false),
          layerNorm("59", {"x", {59}}, false),
          layerNorm("59_statistics", {"x", {59}}, true),
          layerNorm("113", {"x", {5, 113}}, true),
          layerNormStatistic("mean", {"x", {3, 17}}, 1),
          layerNormStatistic("rstd", {"x", {5, 3, 17}}, 2),
          layerNormStatistic("rstd_row", {"x", {59}}, 2),
          layerNormUsed(),
          layerNormSpecial(),
          crossEntropy("1", {"x", {3, 1}}, {"labels", {3}, whole(0, 1), Kind::i32}),
          crossEntropy("3", {"x", {17, 3}}, {"labels", {17}, whole(0, 3), Kind::i32}),
          crossEntropy("59", {"x", {5, 59}}, {"labels", {5}, whole(0, 59), Kind::i64}),
          crossEntropy("113", {"x", {1, 113}, uniform(-20, 20)}, {"labels", {1}, whole(0, 113), Kind::i32}, false),
          crossEntropySpecial(),
          row<LogSoftmaxOp>("log_softmax_3", {"x", {17, 3}}, logSoftmaxOf, ulps(16, 4)),
          row<LogSoftmaxOp>("log_softmax_113", {"x", {5, 113}, uniform(-200, 200)}, logSoftmaxOf, ulps(16, 4)),
          valuesOnly(row<LogSoftmaxOp>("log_softmax_special", specialRows(), logSoftmaxOf, {1e-12, 1e-6, 4})),
          row<LogSumExpOp>("log_sum_exp_1", {"x", {17, 1}}, logSumExpOf, ulps(16, 4)),
          logSumExpOf59(),
          composed(row<LogSumExpOp>("log_sum_exp_vector", {"x", {113}, uniform(-200, 200)}, logSumExpOf, ulps(16, 4))),
          valuesOnly(row<LogSumExpOp>("log_sum_exp_special", specialRows(), logSumExpOf, ulps(16, 4))),
          logSumExpSlope(),
          rmsNorm("1", {"x", {3, 1}}, false),
          rmsNorm("17", {"x", {2, 3, 17}}, true),
          rmsNorm("59", {"x", {59}}, false),
          rmsNorm("113", {"x", {5, 113}}, false),
          valuesOnly(
              rmsNorm("special",
                      {"x",
                       {9, 17},
                       [](int64_t at, double draw) { return at / 17 == 6 ? 0 : specialRow(at / 17, at % 17, draw); }},
                      true)),
          cumsum("1", {"x", {3, 1}}),
          cumsum("17", {"x", {5, 17}}),
          cumsum("59_exclusive", {"x", {2, 3, 59}}, true),
          cumsum("113_reverse", {"x", {113}}, false, true),
          cumsum("3_both", {"x", {17, 3}}, true, true),
          cumsum("i64", {"x", {3, 17}, whole(-9, 9), Kind::i64}),
          valuesOnly(cumsum("special", specialRows())),
      }};
  for (Case &each : axisCases()) suite.cases.push_back(std::move(each));
  return suite;
}

} // namespace fovea::ops
