// Dropout over several calls: how much is dropped, and which draws differ.
#include "test/ops/Library.h"
#include "test/ops/Module.h"

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

} // namespace fovea::ops
