// A network computed in bf16 beside the same one in f32.
#include "digits.h"
#include "low.h"

#include "test/run/Trained.h"

#include <cmath>

FOVEA_TRAINED(digits, float);
FOVEA_TRAINED(low, float);

namespace {
constexpr int64_t batch = 32;

template <typename Trained> std::vector<float> losses(Trained &trained, int steps) {
  std::vector<float> result(steps);
  auto label = labelsFor(batch);
  for (int step = 0; step < steps; ++step)
    trained.train_step(batch, pictures<float>(batch, step % 4).data(), label.data(), 1e-3f, &result[step]);
  return result;
}
} // namespace

TEST(LowPrecision, TrainsAsFullPrecisionDoes) {
  digits_trained full(batch);
  low_trained trained(batch);
  std::vector<float> wanted = losses(full, 40), got = losses(trained, 40);
  EXPECT_LT(got.back(), got.front() / 10);
  // Roundings add up from step to step: the first ones are close.
  for (size_t step = 0; step < 8; ++step) {
    EXPECT_NEAR(got[step], wanted[step], 0.05 * wanted[step]) << "step " << step;
    EXPECT_NE(got[step], wanted[step]) << "step " << step << " is that of f32";
  }
}

TEST(LowPrecision, SameBitsForAnyNumberOfThreads) {
  low_trained one(batch, 1), seven(batch, 7);
  EXPECT_EQ(losses(one, 5), losses(seven, 5));
  EXPECT_EQ(one.get("blocks.0.up.weight", 64 * 256), seven.get("blocks.0.up.weight", 64 * 256));
}
