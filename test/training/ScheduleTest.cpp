// Schedules, early stopping, and the random numbers behind a run.
#include "training/Schedule.h"

#include "training/NumpyRandom.h"
#include "training/Random.h"

#include <cmath>
#include <gtest/gtest.h>

namespace fovea::training {
namespace {

TEST(Random, Beta) { // its mean is 1/2, its variance 1 / (4 (2 a + 1))
  for (double a : {0.2, 1.0, 3.0}) {
    Random random(3);
    double sum = 0, squares = 0;
    constexpr int count = 20000;
    for (int i = 0; i < count; ++i) {
      const double value = random.beta(a);
      sum += value / count;
      squares += (value - 0.5) * (value - 0.5) / count;
    }
    EXPECT_NEAR(sum, 0.5, 0.01) << a;
    EXPECT_NEAR(squares, 1 / (4 * (2 * a + 1)), 0.005) << a;
  }
}

TEST(Random, SameEverywhere) {
  Random random(5489); // the seed for which the standard states the engine's 10000th number
  EXPECT_DOUBLE_EQ(random.uniform(), 0.78682095486780212);
  for (int i = 0; i < 1000; ++i) EXPECT_LT(random.below(7), 7u);
}

TEST(Random, NormalHasMeanZeroAndDeviationOne) {
  Random random(1);
  double sum = 0, squares = 0;
  constexpr int count = 100000;
  for (int i = 0; i < count; ++i) {
    const double value = random.normal();
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / count, 0, 0.02);
  EXPECT_NEAR(squares / count, 1, 0.02);
}

// As numpy 2.4 prints them.
TEST(NumpyRandom, ItsNumbers) {
  const int rows[6][4] = {{0, 1, 15, 64}, {1, 1, 63, 55}, {2, 1, 27, 6}, {3, 0, 48, 74}, {4, 1, 12, 22}, {5, 0, 12, 5}};
  for (auto [i, coin, x, y] : rows) {
    NumpyRandom random(static_cast<uint32_t>(i + 10));
    EXPECT_EQ(random.randint(2), coin) << i;
    EXPECT_EQ(random.randint(80), x) << i;
    EXPECT_EQ(random.randint(80), y) << i;
  }
  NumpyRandom random(12345);
  const uint32_t bounds[] = {1, 2, 3, 10, 100, 1000, 80, 1u << 31, UINT32_MAX};
  const uint32_t numbers[] = {0, 0, 1, 1, 36, 425, 34, 410361373, 4107320065};
  for (size_t i = 0; i < std::size(bounds); ++i) EXPECT_EQ(random.randint(bounds[i]), numbers[i]) << bounds[i];
}

TEST(Schedule, CosineAfterWarmUp) {
  const Schedule schedule = warmedUp(4, cosineSchedule(1.0, 0.1, 11));
  EXPECT_DOUBLE_EQ(schedule(0), 0.25);
  EXPECT_DOUBLE_EQ(schedule(3), 1.0);
  EXPECT_DOUBLE_EQ(schedule(4), 1.0);
  EXPECT_NEAR(schedule(9), 0.55, 1e-12);
  EXPECT_NEAR(schedule(14), 0.1, 1e-12);
  EXPECT_NEAR(schedule(99), 0.1, 1e-12);
  EXPECT_DOUBLE_EQ(warmedUp(0, cosineSchedule(1.0, 0.1, 1))(0), 1.0);
}

TEST(Schedule, ConstantAndSteps) {
  EXPECT_EQ(constantSchedule(0.3)(7), 0.3);
  const Schedule schedule = stepSchedule(1, 0.5, {2, 5});
  EXPECT_EQ(schedule(1), 1);
  EXPECT_EQ(schedule(2), 0.5);
  EXPECT_EQ(schedule(4), 0.5);
  EXPECT_EQ(schedule(5), 0.25);
  EXPECT_DOUBLE_EQ(warmedUp(10, schedule)(4), 0.5);
  EXPECT_DOUBLE_EQ(warmedUp(10, schedule)(12), 0.5);
}

TEST(EarlyStopping, AfterSomeEpochsWithoutBetter) {
  const EarlyStopping lower{2};
  EXPECT_FALSE(lower.stops({}));
  EXPECT_FALSE(lower.stops({3, 2, 2}));
  EXPECT_TRUE(lower.stops({3, 2, 2, 2}));
  EXPECT_FALSE(lower.stops({3, 2, 2, 1, 2}));
  EXPECT_TRUE(lower.stops({3, 2, 2, 2, 1})) << "it has stopped before";
  EXPECT_FALSE(lower.stops({NAN, 2, 1}));
  EXPECT_TRUE(lower.stops({1, NAN, NAN}));
  const EarlyStopping higher{2, 0.5, true};
  EXPECT_FALSE(higher.stops({1, 2, 2.4}));
  EXPECT_TRUE(higher.stops({1, 2, 2.4, 2.5}));
  EXPECT_FALSE(higher.stops({1, 2, 2.4, 2.6}));
}

} // namespace
} // namespace fovea::training
