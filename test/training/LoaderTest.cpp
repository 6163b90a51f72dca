// Batches: their order, their changes, and that they depend on their step alone.
#include "training/Loader.h"

#include "../TemporaryFolder.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

namespace fovea::training {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Images of one pixel, image i with value and label i.
LabelledImages numbered(int64_t count) {
  LabelledImages images{count, 1, 1, 1, {}, {}};
  for (int64_t i = 0; i < count; ++i) {
    images.pixels.push_back(static_cast<uint8_t>(i));
    images.labels.push_back(static_cast<uint8_t>(i));
  }
  return images;
}

std::vector<int32_t> labelsOf(Loader &loader, int64_t begin, int64_t end) {
  std::vector<int32_t> labels;
  for (int64_t step = begin; step < end; ++step) {
    const Batch &batch = loader.at(step);
    EXPECT_EQ(batch.size, static_cast<int64_t>(batch.label.size()));
    labels.insert(labels.end(), batch.label.begin(), batch.label.end());
  }
  return labels;
}

TEST(Loader, InOrderWithTheLastPartialBatch) {
  const LabelledImages images = numbered(5);
  Loader loader(images, {2, 0, false});
  EXPECT_EQ(loader.batchesPerEpoch(), 3);
  EXPECT_EQ(labelsOf(loader, 0, 4), (std::vector<int32_t>{0, 1, 2, 3, 4, 0, 1}));
  EXPECT_THAT(loader.at(2).index, ElementsAre(4));
  EXPECT_THAT(loader.at(1).mixed, ElementsAre(2, 3));
  EXPECT_THAT(loader.at(1).share, ElementsAre(0, 0));
}

TEST(Loader, NormalisesEachChannel) {
  LabelledImages images{2, 1, 1, 2, {0, 255, 51, 102}, {7, 8}};
  Loader loader(images, {2, 0, false, {0.5f}, {0.25f}});
  EXPECT_THAT(loader.at(0).image, testing::Pointwise(testing::FloatNear(1e-6f), {-2.0f, 2.0f, -1.2f, -0.4f}));
  EXPECT_THAT(loader.at(0).label, ElementsAre(7, 8));
  LabelledImages colours{1, 3, 1, 2, {0, 255, 0, 255, 0, 255}, {0}};
  Loader three(colours, {1, 0, false, {0, 0.5f, 1}, {1, 0.5f, 2}});
  EXPECT_THAT(three.at(0).image, testing::Pointwise(testing::FloatNear(1e-6f), {0.0f, 1.0f, -1.0f, 1.0f, -0.5f, 0.0f}));
}

TEST(Loader, ShufflesEveryEpochAnew) {
  const LabelledImages images = numbered(100);
  Loader loader(images, {32, 3});
  std::vector<int32_t> first = labelsOf(loader, 0, 4), second = labelsOf(loader, 4, 8);
  EXPECT_NE(first, second);
  Loader again(images, {32, 3}), other(images, {32, 4});
  EXPECT_EQ(labelsOf(again, 0, 4), first);
  EXPECT_NE(labelsOf(other, 0, 4), first);
  std::sort(first.begin(), first.end());
  std::sort(second.begin(), second.end());
  EXPECT_EQ(first, second);
  EXPECT_EQ(first.front(), 0);
  EXPECT_EQ(first.back(), 99);
}

/// Images of random pixels with all augmentation.
LabelledImages noise(int64_t count, int64_t channels) {
  LabelledImages images{count, channels, 6, 5, {}, {}};
  Random random(1);
  for (int64_t i = 0; i < count * images.size(); ++i) images.pixels.push_back(static_cast<uint8_t>(random.below(256)));
  for (int64_t i = 0; i < count; ++i) images.labels.push_back(static_cast<int32_t>(i % 10));
  return images;
}

LoaderOptions everything() {
  LoaderOptions options{4, 9};
  options.augmentation = {2, true, 0.5, 0.4};
  return options;
}

bool same(const Batch &a, const Batch &b) {
  return a.size == b.size && a.image == b.image && a.label == b.label && a.index == b.index && a.mixed == b.mixed &&
         a.share == b.share;
}

TEST(Loader, ABatchDependsOnItsStepAlone) {
  const LabelledImages images = noise(10, 3);
  LoaderOptions options = everything();
  Loader forward(images, options), backward(images, options);
  std::vector<Batch> batches;
  for (int64_t step = 0; step < 7; ++step) batches.push_back(forward.at(step));
  for (int64_t step = 6; step >= 0; --step)
    EXPECT_TRUE(same(backward.at(step), batches[static_cast<size_t>(step)])) << step;
  EXPECT_FALSE(same(batches[0], batches[3])); // the first of two epochs
}

TEST(Loader, BatchesMadeAheadAreTheSame) {
  const LabelledImages images = noise(10, 1);
  LoaderOptions options = everything(), threaded = everything();
  Loader plain(images, options);
  for (int64_t most : {1, 3}) {
    threaded.ahead = most;
    Loader loader(images, threaded);
    for (int64_t step : {0, 1, 2, 3, 4, 5, 6, 2, 3, 9, 10, 0}) {
      Batch &batch = loader.at(step);
      EXPECT_TRUE(same(batch, plain.at(step))) << step;
      batch.image.assign(batch.image.size(), 5); // is the caller's
    }
    EXPECT_THAT(errorOf([&] { loader.at(-1); }), HasSubstr("there is no batch of step -1: steps count from 0"));
    EXPECT_TRUE(same(loader.at(1), plain.at(1)));
  }
}

TEST(Loader, Errors) {
  const LabelledImages none = numbered(0), some = numbered(3);
  auto optionError = [&](const std::function<void(LoaderOptions &)> &change) {
    LoaderOptions options;
    change(options);
    return errorOf([&] { Loader(some, options); });
  };
  EXPECT_THAT(errorOf([&] { Loader(none, {}); }), HasSubstr("a loader needs images: there are none"));
  EXPECT_THAT(optionError([](auto &o) { o.batch = 0; }), HasSubstr("a batch of 0 images is not possible"));
  EXPECT_THAT(optionError([](auto &o) { o.deviation = {0}; }), HasSubstr("by a deviation of 0.000000"));
  EXPECT_THAT(optionError([](auto &o) {
                o.mean = {0, 0, 0};
              }),
              HasSubstr("of 1 channels cannot be normalised by 3 means"));
  EXPECT_THAT(optionError([](auto &o) { o.ahead = -1; }), HasSubstr("a loader cannot be -1 batches ahead"));
  EXPECT_THAT(optionError([](auto &o) { o.augmentation.padding = -1; }), HasSubstr("after a padding of -1 pixels"));
  EXPECT_THAT(optionError([](auto &o) { o.augmentation.erasing = 1.5; }), HasSubstr("with a probability of 1.500000"));
  EXPECT_THAT(optionError([](auto &o) { o.augmentation.mixup = 9; }),
              HasSubstr("with a = 9.000000: it must be from 0 to 4"));
}

/// One image whose pixel (row, column) is 10 row + column + 1, as it becomes with the random numbers of some seed.
class AugmentationTest : public testing::Test {
protected:
  static constexpr int64_t rows = 8, columns = 9;
  AugmentationTest() : images{1, 1, rows, columns, {}, {0}} {
    for (int64_t i = 0; i < rows * columns; ++i)
      images.pixels.push_back(static_cast<uint8_t>(10 * (i / columns) + i % columns + 1));
  }
  std::vector<int> changed(const Augmentation &options, uint64_t seed) const {
    std::vector<float> result(rows * columns);
    Random random(seed);
    augment(images, 0, options, Normalisation({0}, {1 / 255.0f}, 1), random, result.data());
    std::vector<int> whole;
    for (float value : result) whole.push_back(static_cast<int>(std::lround(value)));
    return whole;
  }
  LabelledImages images;
};

TEST_F(AugmentationTest, FlipMirrorsHalf) {
  const std::vector<int> plain = changed({}, 0);
  EXPECT_EQ(plain, std::vector<int>(images.pixels.begin(), images.pixels.end()));
  std::vector<int> mirrored = plain;
  for (auto row = mirrored.begin(); row != mirrored.end(); row += columns) std::reverse(row, row + columns);
  int flipped = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const std::vector<int> result = changed({0, true}, seed);
    EXPECT_TRUE(result == plain || result == mirrored) << seed;
    flipped += result == mirrored;
  }
  EXPECT_NEAR(flipped, 50, 20);
}

TEST_F(AugmentationTest, CropShiftsWithinThePadding) {
  std::set<std::pair<int64_t, int64_t>> shifts;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const std::vector<int> result = changed({2}, seed);
    const int middle = result[4 * columns + 4] - 1; // of the source, never outside
    const int64_t down = middle / 10 - 4, right = middle % 10 - 4;
    shifts.insert({down, right});
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < columns; ++column) {
        const int64_t y = row + down, x = column + right;
        const bool inside = y >= 0 && y < rows && x >= 0 && x < columns;
        EXPECT_EQ(result[static_cast<size_t>(row * columns + column)], inside ? 10 * y + x + 1 : 0);
      }
  }
  EXPECT_EQ(shifts.size(), 25u);
  EXPECT_EQ(*shifts.begin(), std::pair(int64_t(-2), int64_t(-2)));
  EXPECT_EQ(*shifts.rbegin(), std::pair(int64_t(2), int64_t(2)));
}

TEST_F(AugmentationTest, ErasesARectangle) {
  int erased = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const std::vector<int> result = changed({0, false, 0.5}, seed);
    int64_t top = rows, bottom = -1, left = columns, right = -1, zeros = 0;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < columns; ++column) {
        if (result[static_cast<size_t>(row * columns + column)] != 0) continue;
        ++zeros;
        top = std::min(top, row), bottom = std::max(bottom, row);
        left = std::min(left, column), right = std::max(right, column);
      }
    if (zeros == 0) continue;
    ++erased;
    EXPECT_EQ(zeros, (bottom - top + 1) * (right - left + 1)) << seed;
    EXPECT_LE(zeros, 72 * 0.33 * 1.3) << seed; // sides are rounded
  }
  EXPECT_NEAR(erased, 100, 30);
}

TEST(Mixup, IsTheSharedSumOfTwoImages) {
  const LabelledImages images = numbered(50);
  LoaderOptions options{50, 2};
  options.augmentation.mixup = 0.4;
  const Batch batch = Loader(images, options).at(0);
  double mean = 0;
  for (size_t i = 0; i < 50; ++i) {
    const float share = batch.share[i];
    EXPECT_NEAR(batch.image[i] * 255, (1 - share) * batch.label[i] + share * batch.mixed[i], 1e-3);
    mean += share / 50;
  }
  EXPECT_NEAR(mean, 0.5, 0.15);
}

} // namespace
} // namespace fovea::training
