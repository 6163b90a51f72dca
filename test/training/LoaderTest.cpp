// Batches, their order and their resumption; the random numbers and the schedule behind a run.
#include "training/Loader.h"

#include "../TemporaryFolder.h"
#include "training/Random.h"
#include "training/Schedule.h"

#include <algorithm>

namespace fovea::training {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Images of one pixel, image i with value and label i.
LabelledImages numbered(int64_t count) {
  LabelledImages images{count, 1, 1, {}, {}};
  for (int64_t i = 0; i < count; ++i) {
    images.pixels.push_back(static_cast<uint8_t>(i));
    images.labels.push_back(static_cast<uint8_t>(i));
  }
  return images;
}

std::vector<int32_t> labelsOf(Loader &loader, int batches) {
  std::vector<int32_t> labels;
  for (int i = 0; i < batches; ++i) {
    const Batch &batch = loader.next();
    EXPECT_EQ(batch.size, static_cast<int64_t>(batch.label.size()));
    labels.insert(labels.end(), batch.label.begin(), batch.label.end());
  }
  return labels;
}

TEST(Loader, InOrderWithTheLastPartialBatch) {
  const LabelledImages images = numbered(5);
  Loader loader(images, {2, 0, false});
  EXPECT_EQ(loader.batchesPerEpoch(), 3);
  EXPECT_EQ(labelsOf(loader, 3), (std::vector<int32_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(loader.state().epoch, 1);
  EXPECT_EQ(loader.state().position, 0);
}

TEST(Loader, Normalises) {
  LabelledImages images{2, 1, 2, {0, 255, 51, 102}, {7, 8}};
  Loader loader(images, {2, 0, false, 0.5f, 0.25f});
  const Batch &batch = loader.next();
  EXPECT_THAT(batch.image, testing::Pointwise(testing::FloatNear(1e-6f), {-2.0f, 2.0f, -1.2f, -0.4f}));
  EXPECT_THAT(batch.label, ElementsAre(7, 8));
}

TEST(Loader, ShufflesEveryEpochAnew) {
  const LabelledImages images = numbered(100);
  Loader loader(images, {32, 3});
  std::vector<int32_t> first = labelsOf(loader, 4), second = labelsOf(loader, 4);
  EXPECT_NE(first, second);
  Loader again(images, {32, 3}), other(images, {32, 4});
  EXPECT_EQ(labelsOf(again, 4), first);
  EXPECT_NE(labelsOf(other, 4), first);
  std::sort(first.begin(), first.end());
  std::sort(second.begin(), second.end());
  EXPECT_EQ(first, second);
  EXPECT_EQ(first.front(), 0);
  EXPECT_EQ(first.back(), 99);
}

TEST(Loader, ContinuesAfterRestore) {
  const LabelledImages images = numbered(10);
  Loader loader(images, {4, 1});
  labelsOf(loader, 5);
  const LoaderState state = loader.state();
  EXPECT_EQ(state.epoch, 1);
  EXPECT_EQ(state.position, 8);
  Loader resumed(images, {4, 1});
  resumed.restore(state);
  EXPECT_EQ(labelsOf(resumed, 6), labelsOf(loader, 6));
}

TEST(Loader, Errors) {
  const LabelledImages none = numbered(0), some = numbered(3);
  EXPECT_THAT(errorOf([&] { Loader(none, {}); }), HasSubstr("a loader needs images: there are none"));
  EXPECT_THAT(errorOf([&] { Loader(some, {0}); }), HasSubstr("a batch of 0 images is not possible"));
  EXPECT_THAT(errorOf([&] { Loader(some, {1, 0, true, 0, 0}); }), HasSubstr("by a deviation of 0.000000"));
  Loader loader(some, {});
  EXPECT_THAT(errorOf([&] {
                loader.restore({1, 3});
              }),
              HasSubstr("cannot continue at image 3 of epoch 1: there are 3 images"));
  EXPECT_THAT(errorOf([&] { loader.restore({-1, 0}); }), HasSubstr("of epoch -1"));
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

TEST(CosineSchedule, RisesThenFalls) {
  const CosineSchedule schedule{1.0, 0.1, 4, 15};
  EXPECT_DOUBLE_EQ(schedule.rate(0), 0.25);
  EXPECT_DOUBLE_EQ(schedule.rate(3), 1.0);
  EXPECT_DOUBLE_EQ(schedule.rate(4), 1.0);
  EXPECT_NEAR(schedule.rate(9), 0.55, 1e-12);
  EXPECT_NEAR(schedule.rate(14), 0.1, 1e-12);
  EXPECT_NEAR(schedule.rate(99), 0.1, 1e-12);
  const CosineSchedule shortest{1.0, 0.1, 0, 1};
  EXPECT_DOUBLE_EQ(shortest.rate(0), 1.0);
}

} // namespace
} // namespace fovea::training
