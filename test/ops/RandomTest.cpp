// Statistics of what is drawn. Dropout over several calls: how much is dropped, and which draws differ.
#include "test/ops/Functions.h"
#include "test/ops/Library.h"
#include "test/ops/Module.h"

#include <fovea/Random.h>

#include <cmath>
#include <gtest/gtest.h>

namespace fovea::ops {

constexpr int64_t count = 113 * 177;
constexpr double rate = 0.25;

static Case dropoutOfOnes() {
  return {
      "x",
      {{"x", {113, 177}}},
      [](const Build &build, Values v) { return SmallVector<Value>{build.make<DropoutOp>(v[0], llvm::APFloat(rate))}; },
      {},
      {}};
}

/// The gradient with cotangents of 1: the mask.
static std::vector<float> mask(Instance &instance) {
  std::vector<float> ones(count, 1), zeros(count, 0), result(count);
  auto bytes = [](const std::vector<float> &values) {
    return Bytes((uint8_t *)values.data(), (uint8_t *)(values.data() + values.size()));
  };
  instance.set("gradient/x.x", bytes(zeros));
  instance.run("gradients", {{"x.g0", bytes(ones)}}, 1);
  Bytes gradient = instance.get("gradient/x.x", count * sizeof(float));
  std::copy(gradient.begin(), gradient.end(), (uint8_t *)result.data());
  return result;
}

TEST(DropoutDraws, AreNewInEveryCallAndTheSameForASeed) {
  auto context = makeContext();
  auto module = buildModule(context.get(), {dropoutOfOnes()}, Precision::f32);
  ASSERT_TRUE(succeeded(differentiate(*module)));
  auto library = Library::compile(*module, false);
  ASSERT_TRUE(library);
  Instance first(*library, 1, 1, 5), same(*library, 2, 1, 5), other(*library, 1, 1, 6);
  std::vector<float> call0 = mask(first), call1 = mask(first);
  EXPECT_EQ(call0, mask(same));
  EXPECT_EQ(call1, mask(same));
  for (const std::vector<float> &different : {call1, mask(other)}) {
    // Two independent masks agree where both keep or both drop.
    int64_t agree = 0;
    for (int64_t at = 0; at < count; ++at) agree += call0[at] == different[at];
    double expected = rate * rate + (1 - rate) * (1 - rate);
    EXPECT_NEAR((double)agree / count, expected, 4 * std::sqrt(expected * (1 - expected) / count));
  }
  int64_t dropped = std::count(call0.begin(), call0.end(), 0.0f),
          kept = std::count(call0.begin(), call0.end(), (float)(1 / (1 - rate)));
  EXPECT_EQ(dropped + kept, count);
  EXPECT_NEAR((double)dropped / count, rate, 4 * std::sqrt(rate * (1 - rate) / count));
}

//===-- Distributions ---------------------------------------------------------------------------------------------===//

using Tensors = std::vector<Tensor>;

/// What a function of a key gives for one key, as numbers of T.
template <typename T> static std::vector<T> drawn(const Function &function, int32_t key) {
  Case draws = valuesOnly(ops::function("x", {{"key", {2}, {}, Kind::i32}}, function, {}, {}));
  auto context = makeContext();
  auto module = buildModule(context.get(), {draws}, Precision::f32);
  if (failed(differentiate(*module))) return {};
  auto library = Library::compile(*module, false);
  if (!library) return {};
  Instance instance(*library, 1, 1);
  Bytes words(8);
  std::copy_n((const uint8_t *)&key, 4, words.begin());
  Bytes bytes = instance.run("forward", {{"x.key", words}}, 1).at("x.r0");
  return {(const T *)bytes.data(), (const T *)(bytes.data() + bytes.size())};
}

/// Mean and variance within four deviations of theirs; `fourth` is the distribution's central fourth moment.
static void expectMoments(const std::vector<float> &draws, double mean, double variance, double fourth) {
  ASSERT_EQ((int64_t)draws.size(), count);
  double sum = 0, squares = 0;
  for (float each : draws) sum += each, squares += (each - mean) * (each - mean);
  EXPECT_NEAR(sum / count, mean, 4 * std::sqrt(variance / count));
  EXPECT_NEAR(squares / count, variance, 4 * std::sqrt((fourth - variance * variance) / count));
}

/// Pearson's statistic of counts against probabilities; with so many degrees of freedom less one.
static double chiSquare(const std::vector<int64_t> &counts, const std::vector<double> &probabilities) {
  double sum = 0;
  for (size_t at = 0; at < counts.size(); ++at) {
    double expected = probabilities[at] * count;
    sum += (counts[at] - expected) * (counts[at] - expected) / expected;
  }
  return sum;
}

/// Ten equally probable bins of the distribution function: 27.88 is exceeded once in a thousand keys.
static void expectDistribution(const std::vector<float> &draws, const std::function<double(double)> &cumulative) {
  std::vector<int64_t> counts(10);
  for (float each : draws) ++counts[std::min<size_t>(9, (size_t)(cumulative(each) * 10))];
  EXPECT_LT(chiSquare(counts, std::vector<double>(10, 0.1)), 27.88);
}

TEST(Distributions, Uniform) {
  auto draws = drawn<float>([](const Tensors &v) { return random_uniform(v[0], {113, 177}, -1, 3); }, 7);
  expectMoments(draws, 1, 16.0 / 12, 256.0 / 80);
  expectDistribution(draws, [](double x) { return (x + 1) / 4; });
}

TEST(Distributions, Normal) {
  auto draws = drawn<float>([](const Tensors &v) { return random_normal(v[0], {113, 177}, 1, 2); }, 7);
  expectMoments(draws, 1, 4, 3 * 16);
  expectDistribution(draws, [](double x) { return std::erfc((1 - x) / 2 / std::sqrt(2)) / 2; });
  // Neighbours, which share a draw of pairs, are independent.
  double products = 0;
  for (int64_t at = 1; at < count; ++at) products += (draws[at] - 1) * (draws[at - 1] - 1) / 4;
  EXPECT_NEAR(products / count, 0, 4 / std::sqrt(count));
}

TEST(Distributions, Gumbel) {
  auto draws = drawn<float>([](const Tensors &v) { return random_gumbel(v[0], {113, 177}); }, 7);
  double variance = M_PI * M_PI / 6;
  expectMoments(draws, 0.57721566490153286, variance, 5.4 * variance * variance);
  expectDistribution(draws, [](double x) { return std::exp(-std::exp(-x)); });
}

TEST(Distributions, Bernoulli) {
  auto draws = drawn<uint8_t>(
      [](const Tensors &v) {
        return random_bernoulli(v[0], random_uniform(v[0], {113, 177}, 0.3, 0.3));
      },
      7);
  ASSERT_EQ((int64_t)draws.size(), count);
  double share = (double)std::count(draws.begin(), draws.end(), 1) / count;
  EXPECT_NEAR(share, 0.3, 4 * std::sqrt(0.3 * 0.7 / count));
}

TEST(Distributions, Categorical) {
  std::vector<double> probabilities{0.05, 0.5, 0.2, 0.001, 0.249};
  auto draws = drawn<int64_t>(
      [&](const Tensors &v) {
        std::vector<Tensor> logits;
        Tensor zero = random_uniform(v[0], {113, 177}, 0, 0);
        for (double each : probabilities) logits.push_back(zero + std::log(each));
        return random_categorical(v[0], stack(logits, -1));
      },
      7);
  std::vector<int64_t> counts(5);
  for (int64_t each : draws) ++counts.at(each);
  EXPECT_LT(chiSquare(counts, probabilities), 18.47); // 4 degrees of freedom, once in a thousand keys
}

} // namespace fovea::ops
