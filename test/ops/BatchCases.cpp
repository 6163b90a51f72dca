// Cases with the symbolic size B: mostly as the first dimension, also as the last and as what is summed over.
#include "test/ops/Naive.h"
#include "test/ops/Suites.h"

#include <cmath>

namespace fovea::ops {

namespace {

using One = std::function<Value(const Build &, Values)>;

Case item(const std::string &name, std::vector<Operand> operands, One build,
          std::function<Array(const Arrays &)> reference, Bound bound) {
  return {name, operands, [=](const Build &to, Values v) { return SmallVector<Value>{build(to, v)}; },
          [=](const Arrays &a) { return Arrays{reference(a)}; }, bound};
}

std::vector<Case> pointCases() {
  return {
      item(
          "add_row", {{"a", {batch, 17}}, {"b", {17}}},
          [](const Build &b, Values v) { return b.make<AddOp>(v[0], v[1]); },
          [](const Arrays &a) { return reference::binary(a[0], a[1], std::plus<>()); }, ulps(1)),
      item(
          "mul_outer", {{"a", {batch, 1}}, {"b", {1, 3}}},
          [](const Build &b, Values v) { return b.make<MulOp>(v[0], v[1]); },
          [](const Arrays &a) { return reference::binary(a[0], a[1], std::multiplies<>()); }, ulps(1)),
      item(
          "gelu_vector", {{"a", {batch}}}, [](const Build &b, Values v) { return b.make<GeluOp>(v[0]); },
          [](const Arrays &a) {
            return reference::unary(a[0], [](double x) { return x * (1 + std::erf(x * M_SQRT1_2)) / 2; });
          },
          ulps(8, 0.5)),
      item(
          "exp_last", {{"a", {3, batch}}}, [](const Build &b, Values v) { return b.make<ExpOp>(v[0]); },
          [](const Arrays &a) { return reference::unary(a[0], [](double x) { return std::exp(x); }); }, ulps(4)),
      item(
          "broadcast", {{"a", {1, 17}}, {"items", {batch}}},
          [](const Build &b, Values v) {
            return b.make<BroadcastOp>(b.type({batch, 17}), v[0]);
          },
          [](const Arrays &a) {
            return reference::broadcast_to(a[0], {a[1].size(), 17});
          },
          {}),
      item(
          "transpose", {{"a", {batch, 5, 7}}},
          [](const Build &b, Values v) {
            return b.make<TransposeOp>(v[0], Shape{0, 2, 1});
          },
          [](const Arrays &a) {
            return reference::transpose(a[0], {0, 2, 1});
          },
          {}),
      item(
          "transpose_batch", {{"a", {batch, 5, 7}}},
          [](const Build &b, Values v) {
            return b.make<TransposeOp>(v[0], Shape{2, 0, 1});
          },
          [](const Arrays &a) {
            return reference::transpose(a[0], {2, 0, 1});
          },
          {}),
      item(
          "reshape", {{"a", {batch, 6, 4}}},
          [](const Build &b, Values v) {
            return b.make<ReshapeOp>(b.type({batch, 24}), v[0]);
          },
          [](const Arrays &a) {
            return reference::reshape(a[0], {a[0].shape[0], 24});
          },
          {}),
      item(
          "slice", {{"a", {batch, 17}}}, [](const Build &b, Values v) { return b.make<SliceOp>(v[0], 1, 2, 7, 2); },
          [](const Arrays &a) {
            return reference::slice(a[0], {0, 2}, {a[0].shape[0], 7}, {1, 2});
          },
          {}),
      item(
          "pad", {{"a", {batch, 5}}}, [](const Build &b, Values v) { return b.make<PadOp>(v[0], 1, 1, 2, 1); },
          [](const Arrays &a) {
            return reference::pad(a[0], {0, 1}, {0, 2}, 0);
          },
          {}),
      item(
          "concat", {{"a", {batch, 5}}, {"b", {batch, 3}}},
          [](const Build &b, Values v) { return b.make<ConcatOp>(mlir::ValueRange(v), 1); },
          [](const Arrays &a) { return reference::concat(a, 1); }, {}),
      item(
          "gather", {{"t", {7, 17}}, {"i", {batch, 3}, whole(0, 7), Kind::i32}},
          [](const Build &b, Values v) { return b.make<GatherOp>(v[0], v[1], 0); },
          [](const Arrays &a) { return reference::embedding(a[0], a[1]); }, {}),
      item(
          "size", {{"a", {17}}, {"items", {batch}}},
          [](const Build &b, Values v) {
            return b.make<DivOp>(v[0], b.make<SizeOp>(b.type({}), dimsOf(b.type({batch}))));
          },
          [](const Arrays &a) { return reference::unary(a[0], [&](double x) { return x / (double)a[1].size(); }); },
          ulps(1)),
  };
}

std::vector<Case> anchorCases() {
  auto sum = [](Shape axes) { return [=](const Build &b, Values v) { return b.make<SumOp>(v[0], axes, false); }; };
  auto summed = [](Shape axes) { return [=](const Arrays &a) { return reference::sum(a[0], axes); }; };
  auto max = [](Shape axes) { return [=](const Build &b, Values v) { return b.make<MaxOp>(v[0], axes, false); }; };
  auto maximum = [](Shape axes) { return [=](const Arrays &a) { return reference::max(a[0], axes); }; };
  auto matmul = [](bool a, bool b) {
    return [=](const Build &to, Values v) { return to.make<MatmulOp>(v[0], v[1], a, b); };
  };
  auto product = [](bool a, bool b) { return [=](const Arrays &v) { return reference::matmul(v[0], v[1], a, b); }; };
  auto softmax = [](const Build &b, Values v) { return b.make<SoftmaxOp>(v[0]); };
  auto softmaxed = [](const Arrays &a) { return reference::softmax(a[0]); };
  return {
      item("sum_row", {{"a", {batch, 17}}}, sum({1}), summed({1}), ulps(8, 8)),
      item("sum_middle", {{"a", {batch, 17, 5}}}, sum({1}), summed({1}), ulps(8, 8)),
      item("sum_row_outer", {{"a", {3, batch, 17}}}, sum({0, 2}), summed({0, 2}), ulps(8, 32)),
      item("sum_batch", {{"a", {batch, 17}}}, sum({0}), summed({0}), ulps(8, 32)),
      item("sum_batch_and_row", {{"a", {batch, 3, 5}}}, sum({0, 2}), summed({0, 2}), ulps(8, 64)),
      item("sum_all", {{"a", {batch, 17}}}, sum({0, 1}), summed({0, 1}), ulps(8, 128)),
      item("sum_vector", {{"a", {batch}}}, sum({0}), summed({0}), ulps(8, 32)),
      item("sum_last", {{"a", {3, batch}}}, sum({1}), summed({1}), ulps(8, 32)),
      item("sum_columns", {{"a", {7, batch}}}, sum({0}), summed({0}), ulps(8, 8)),
      item("max_row", {{"a", {batch, 17}}}, max({1}), maximum({1}), {}),
      item("max_batch", {{"a", {batch, 17}}}, max({0}), maximum({0}), {}),
      item("max_all", {{"a", {batch, 3, 5}}}, max({0, 1, 2}), maximum({0, 1, 2}), {}),
      item("matmul", {{"a", {batch, 19}}, {"b", {19, 33}}}, matmul(false, false), product(false, false), ulps(8, 16)),
      item("matmul_rows", {{"a", {batch, 7, 19}}, {"b", {33, 19}}}, matmul(false, true), product(false, true),
           ulps(8, 16)),
      item("matmul_items", {{"a", {batch, 3, 5}}, {"b", {batch, 5, 17}}}, matmul(false, false), product(false, false),
           ulps(8, 16)),
      item("matmul_over_batch", {{"a", {batch, 7}}, {"b", {batch, 5}}}, matmul(true, false), product(true, false),
           ulps(8, 64)),
      item("matmul_columns", {{"a", {7, 5}}, {"b", {5, batch}}}, matmul(false, false), product(false, false),
           ulps(8, 16)),
      item("softmax", {{"a", {batch, 3, 17}}}, softmax, softmaxed, ulps(32)),
      item("softmax_last", {{"a", {3, batch}}}, softmax, softmaxed, ulps(32)),
      item(
          "conv", {{"x", {batch, 3, 8, 6}}, {"w", {5, 3, 3, 3}}},
          [](const Build &b, Values v) {
            return b.make<Conv2dOp>(v[0], v[1], Shape{1, 1}, Shape{1, 1});
          },
          [](const Arrays &a) {
            return reference::conv2d(a[0], a[1], {1, 1}, {1, 1});
          },
          ulps(8, 16)),
      item(
          "patches", {{"x", {batch, 1, 8, 8}}, {"w", {17, 1, 4, 4}}},
          [](const Build &b, Values v) {
            return b.make<Conv2dOp>(v[0], v[1], Shape{4, 4}, Shape{0, 0});
          },
          [](const Arrays &a) {
            return reference::conv2d(a[0], a[1], {4, 4}, {0, 0});
          },
          ulps(8, 16)),
  };
}

/// Ops of rows of items, and of a row over items.
std::vector<Case> rowOps() {
  auto logSumExp = [](const Array &a) {
    Array powers = reference::unary(a, [](double x) { return std::exp(x); });
    return reference::unary(reference::sum(powers, {a.rank() - 1}), [](double x) { return std::log(x); });
  };
  Case argmax = item(
      "argmax", {{"a", {batch, 17}}}, [](const Build &b, Values v) { return b.make<ArgmaxOp>(v[0], 1, false); },
      [](const Arrays &a) { return reference::argmax(a[0], 1); }, {});
  argmax.gradient = false;
  // A row of 17 is sorted by a block of a device's threads, one of 2,100 by a thread.
  auto sort = [](int64_t extent) {
    return item(
        "sort_" + std::to_string(extent), {{"a", {batch, extent}, distinct()}},
        [](const Build &b, Values v) { return b.make<SortOp>(v[0], false); },
        [](const Arrays &a) { return inOrder(a[0], order(a[0], false)); }, {});
  };
  return {
      argmax,
      sort(17),
      sort(2100),
      item(
          "log_sum_exp", {{"a", {batch, 3, 17}}}, [](const Build &b, Values v) { return b.make<LogSumExpOp>(v[0]); },
          [=](const Arrays &a) { return logSumExp(a[0]); }, ulps(16, 4)),
      item(
          "log_sum_exp_items", {{"a", {batch}}}, [](const Build &b, Values v) { return b.make<LogSumExpOp>(v[0]); },
          [=](const Arrays &a) { return logSumExp(a[0]); }, ulps(16, 4)),
      item(
          "cumsum", {{"a", {batch, 5}}, {"b", {5}}},
          [](const Build &b, Values v) {
            Value sum = b.make<AddOp>(v[0], v[1]);
            return b.make<CumsumOp>(sum.getType(), sum, false, false);
          },
          [](const Arrays &a) {
            Array sums = reference::binary(a[0], a[1], std::plus<>());
            for (int64_t at = 0; at < sums.size(); ++at) sums.values[at] += at % 5 ? sums.values[at - 1] : 0;
            return sums;
          },
          ulps(16, 4)),
      item(
          "rms_norm", {{"a", {batch, 17}}, {"s", {17}}},
          [](const Build &b, Values v) { return b.make<RmsNormOp>(v[0], v[1], llvm::APFloat(1e-5)); },
          [](const Arrays &a) {
            Array squares = reference::unary(a[0], [](double x) { return x * x; });
            Array mean = reference::mean(squares, {1}, true);
            Array y = reference::binary(a[0], mean, [](double x, double m) { return x / std::sqrt(m + 1e-5); });
            return reference::binary(y, a[1], std::multiplies<>());
          },
          ulps(64, 1)),
  };
}

std::vector<Case> rowCases() {
  Case norm{"layer_norm",
            {{"x", {batch, 5, 59}}, {"s", {59}}, {"b", {59}}},
            [](const Build &build, Values v) {
              auto op = build.op<LayerNormOp>(v[0], v[1], v[2], llvm::APFloat(1e-5));
              return SmallVector<Value>{op.getResult(), op.getMean(), op.getRstd()};
            },
            [](const Arrays &a) {
              reference::LayerNorm norm = reference::layer_norm(a[0], 1e-5);
              Shape rows{a[0].shape[0], 5, 1};
              Array y = reference::binary(reference::binary(norm.y, a[1], std::multiplies<>()), a[2], std::plus<>());
              return Arrays{y, reference::reshape(norm.mean, rows), reference::reshape(norm.rstd, rows)};
            },
            ulps(64, 1)};
  Case loss{"cross_entropy",
            {{"x", {batch, 17}}, {"bias", {17}}, {"l", {batch}, whole(0, 17), Kind::i32}},
            [](const Build &build, Values v) {
              auto op = build.op<CrossEntropyOp>(build.make<AddOp>(v[0], v[1]), v[2]);
              return SmallVector<Value>{op.getLoss(), op.getLogSumExp()};
            },
            [](const Arrays &a) {
              auto loss = reference::cross_entropy(reference::binary(a[0], a[1], std::plus<>()), a[2]);
              return Arrays{loss.loss, loss.log_sum_exp};
            },
            ulps(16, 4)};
  // Keys and values of all items are parameters, broadcast, so that their gradients sum over the batch.
  Case attention{
      "attention",
      {{"q", {batch, 4, 9, 8}}, {"k", {1, 2, 11, 8}}, {"v", {1, 2, 11, 5}}, {"n", {batch}, whole(1, 12), Kind::i32}},
      [](const Build &build, Values v) {
        Value k = build.make<BroadcastOp>(build.type({batch, 2, 11, 8}), v[1]);
        Value values = build.make<BroadcastOp>(build.type({batch, 2, 11, 5}), v[2]);
        auto op = build.op<AttentionOp>(v[0], k, values, v[3], Value(), mlir::ValueRange(), llvm::APFloat(0.5), 6, 0, 2,
                                        llvm::APFloat(0.0));
        return SmallVector<Value>{op.getResult()};
      },
      [](const Arrays &a) {
        int64_t items = a[0].shape[0];
        reference::AttentionOptions options{0.5, 6, 0, 2, {a[3].values.begin(), a[3].values.end()}, {}, {}};
        return Arrays{reference::attention(a[0], reference::broadcast_to(a[1], {items, 2, 11, 8}),
                                           reference::broadcast_to(a[2], {items, 2, 11, 5}), options)
                          .out};
      },
      ulps(32, 1)};
  attention.gradientRoundings = attentionGradientRoundings;
  return {norm, loss, attention, batchNormCase("batch_norm", {"x", {batch, 3, 5}})};
}

} // namespace

Suite batchSuite() {
  Suite suite{"Batch", pointCases()};
  for (auto cases : {anchorCases(), rowOps(), rowCases(), batchLosses()})
    suite.cases.insert(suite.cases.end(), cases.begin(), cases.end());
  return suite;
}

} // namespace fovea::ops
