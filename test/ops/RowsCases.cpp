// Softmax, layer norm and cross-entropy.
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

Arrays layerNormed(const Arrays &a, double epsilon) {
  reference::LayerNorm norm = reference::layer_norm(a[0], epsilon);
  Shape rows = a[0].shape;
  rows.back() = 1;
  Array y = reference::binary(reference::binary(norm.y, a[1], std::multiplies<>()), a[2], std::plus<>());
  return {y, reference::reshape(norm.mean, rows), reference::reshape(norm.rstd, rows)};
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
Case layerNormSpecial() {
  Case result = layerNorm("special", specialRows(), true);
  result.operands[0].fill = [](int64_t at, double draw) {
    return at / 17 == 6 ? 3.0 : at / 17 == 5 ? draw * 1e-3 : specialRow(at / 17, at % 17, draw);
  };
  result.gradient = false;
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
  return {"Rows",
          {
              softmax("1", {"x", {3, 1}}),
              softmax("3", {"x", {17, 3}}),
              softmax("17", {"x", {2, 3, 17}}),
              softmax("59", {"x", {59}}),
              softmax("113", {"x", {5, 113}, uniform(-20, 20)}),
              softmax("long", {"x", {2, 1009}}),
              softmaxSpecial(),
              softmaxFused(),
              layerNorm("1", {"x", {3, 1}}, false),
              layerNorm("3", {"x", {17, 3}}, true),
              layerNorm("17", {"x", {2, 3, 17}}, false),
              layerNorm("59", {"x", {59}}, false),
              layerNorm("59_statistics", {"x", {59}}, true),
              layerNorm("113", {"x", {5, 113}}, true),
              layerNormUsed(),
              layerNormSpecial(),
              crossEntropy("1", {"x", {3, 1}}, {"labels", {3}, whole(0, 1), Kind::i32}),
              crossEntropy("3", {"x", {17, 3}}, {"labels", {17}, whole(0, 3), Kind::i32}),
              crossEntropy("59", {"x", {5, 59}}, {"labels", {5}, whole(0, 59), Kind::i64}),
              crossEntropy("113", {"x", {1, 113}, uniform(-20, 20)}, {"labels", {1}, whole(0, 113), Kind::i32}, false),
              crossEntropySpecial(),
          }};
}

} // namespace fovea::ops
