// Norms over groups of channels and over batches.
#include "test/ops/Functions.h"
#include "test/ops/Library.h"
#include "test/ops/Module.h"
#include "test/ops/Suites.h"

#include <cmath>
#include <gtest/gtest.h>

namespace fovea::ops {

namespace {

/// x (items, channels, ..) with the statistics of each channel's group in each item, or, without groups, in all items.
struct Statistics {
  double mean, variance, unbiased;
};
Statistics statistics(const Array &x, const std::function<bool(int64_t item, int64_t channel)> &counts) {
  int64_t channels = x.shape[1], inner = x.size() / x.shape[0] / channels;
  std::vector<double> values;
  for (int64_t at = 0; at < x.size(); ++at)
    if (counts(at / inner / channels, at / inner % channels)) values.push_back(x.values[at]);
  double mean = 0, squares = 0, count = (double)values.size();
  for (double value : values) mean += value / count;
  for (double value : values) squares += (value - mean) * (value - mean);
  return {mean, squares / count, squares / std::max(count - 1, 1.0)};
}

Array normed(const Arrays &a, double epsilon,
             const std::function<Statistics(int64_t item, int64_t channel)> &statisticsOf) {
  Array y = a[0];
  int64_t channels = y.shape[1], inner = y.size() / y.shape[0] / channels;
  for (int64_t row = 0; row < y.size() / inner; ++row) {
    int64_t channel = row % channels;
    Statistics of = statisticsOf(row / channels, channel);
    for (int64_t at = row * inner; at < (row + 1) * inner; ++at)
      y.values[at] =
          (y.values[at] - of.mean) / std::sqrt(of.variance + epsilon) * a[1].values[channel] + a[2].values[channel];
  }
  return y;
}

using Tensors = std::vector<Tensor>;

Case groupNorm(const std::string &name, Operand x, int64_t groups, const Function &body) {
  int64_t channels = x.shape[1];
  auto reference = [=](const Arrays &a) {
    return normed(a, 1e-3, [&](int64_t item, int64_t channel) {
      int64_t size = channels / groups;
      return statistics(a[0], [=](int64_t i, int64_t c) { return i == item && c / size == channel / size; });
    });
  };
  return function(name, {x, {"scale", {channels}}, {"bias", {channels}}}, body, reference, ulps(64, 1));
}
Case groupNorm(const std::string &name, Operand x, int64_t groups) {
  return groupNorm("group_norm_" + name, x, groups,
                   [=](const Tensors &v) { return group_norm(v[0], groups, v[1], v[2], 1e-3); });
}

constexpr double startMean = 0.25, startVariance = 2;

std::string runningName(const std::string &name, const char *which) { return name + "." + which; }

Statistics ofBatch(const Array &x, int64_t channel) {
  return statistics(x, [=](int64_t, int64_t c) { return c == channel; });
}

} // namespace

/// By the running statistics in inference, by those of the batch in training.
Case batchNormCase(const std::string &name, Operand x) {
  int64_t channels = x.shape[1];
  Case result{name, {x, {"scale", {channels}}, {"bias", {channels}}}, {}, {}, ulps(64, 1)};
  result.composed = true;
  result.build = [=](const Build &build, Values v) {
    auto vector = mlir::cast<RankedTensorType>(v[1].getType());
    for (auto [which, start] : {std::pair("mean", startMean), {"variance", startVariance}}) {
      mlir::OpBuilder::InsertionGuard guard(build.builder);
      build.builder.setInsertionPoint(build.builder.getBlock()->getParentOp());
      auto state = build.op<StateOp>(runningName(name, which), "parameter", vector);
      state.setFrozen(true);
      state.setA(llvm::APFloat(start));
    }
    return SmallVector<Value>{build.make<BatchNormOp>(v[0], v[1], v[2], runningName(name, "mean"),
                                                      runningName(name, "variance"), llvm::APFloat(1e-3),
                                                      llvm::APFloat(0.25))};
  };
  result.reference = [](const Arrays &a) {
    return Arrays{normed(a, 1e-3, [](int64_t, int64_t) { return Statistics{startMean, startVariance, 0}; })};
  };
  result.trained = [](const Arrays &a) {
    return Arrays{normed(a, 1e-3, [&](int64_t, int64_t channel) { return ofBatch(a[0], channel); })};
  };
  return result;
}

Suite normsSuite() {
  return {"Norms",
          {
              groupNorm("vectors", {"x", {5, 6}}, 2),
              groupNorm("image", {"x", {3, 4, 5, 7}}, 2),
              groupNorm("one", {"x", {3, 17, 3}}, 1),
              groupNorm("instance_norm", {"x", {2, 3, 17}}, 3,
                        [](const Tensors &v) { return instance_norm(v[0], v[1], v[2], 1e-3); }),
              batchNormCase("batch_norm_vectors", {"x", {17, 5}}),
              batchNormCase("batch_norm_image", {"x", {3, 4, 5, 7}}),
              batchNormCase("batch_norm_one", {"x", {1, 3}}),
          }};
}

/// r + momentum (value - r) after each call of @gradients, and none after @forward.
TEST(BatchNorm, KeepsRunningStatistics) {
  Case norm = batchNormCase("norm", {"x", {5, 3, 7}});
  auto context = makeContext();
  auto module = buildModule(context.get(), {norm}, Precision::f64);
  ASSERT_TRUE(succeeded(differentiate(*module)));
  auto library = Library::compile(*module, false);
  ASSERT_TRUE(library);
  Instance instance(*library, 2, 1);
  auto bytes = [](const std::vector<double> &values) {
    return Bytes((uint8_t *)values.data(), (uint8_t *)(values.data() + values.size()));
  };
  std::vector<double> mean(3, startMean), variance(3, startVariance);
  Array x({5, 3, 7});
  for (int call = 0; call < 3; ++call) {
    for (int64_t at = 0; at < x.size(); ++at) x.values[at] = distinctAt(at + 1000 * call);
    instance.set("norm.x", bytes(x.values));
    if (call == 1) {
      instance.run("forward", {}, 1);
    } else {
      instance.run("gradients", {{"norm.g0", bytes(std::vector<double>(x.size(), 1))}}, 1);
      for (int64_t channel = 0; channel < 3; ++channel) {
        Statistics of = ofBatch(x, channel);
        mean[channel] += 0.25 * (of.mean - mean[channel]);
        variance[channel] += 0.25 * (of.unbiased - variance[channel]);
      }
    }
    for (auto [name, want] : {std::pair("norm.mean", &mean), {"norm.variance", &variance}}) {
      Bytes got = instance.get(name, 3 * sizeof(double));
      for (int64_t channel = 0; channel < 3; ++channel)
        EXPECT_NEAR(((const double *)got.data())[channel], (*want)[channel], 1e-12) << name << " after call " << call;
    }
  }
}

} // namespace fovea::ops
