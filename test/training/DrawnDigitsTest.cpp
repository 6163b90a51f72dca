// Digits drawn by a procedure.
#include "training/DrawnDigits.h"

#include <gtest/gtest.h>
#include <numeric>

namespace fovea::training {
namespace {

TEST(DrawnDigits, SameSeedSameDigits) {
  const DataSet once = drawDigits(50, 20, 7), again = drawDigits(50, 20, 7), other = drawDigits(50, 20, 8);
  EXPECT_EQ(once.train.pixels, again.train.pixels);
  EXPECT_EQ(once.test.pixels, again.test.pixels);
  EXPECT_NE(once.train.pixels, other.train.pixels);
  EXPECT_NE(std::vector<uint8_t>(once.train.pixels.begin(), once.train.pixels.begin() + 20 * 784), once.test.pixels);
}

/// The label of the training image with the smallest squared distance.
int32_t nearestLabel(const LabelledImages &train, const uint8_t *image) {
  int64_t best = INT64_MAX;
  int32_t label = 0;
  for (int64_t i = 0; i < train.count; ++i) {
    int64_t distance = 0;
    for (int64_t p = 0; p < 784; ++p) distance += (train.image(i)[p] - image[p]) * (train.image(i)[p] - image[p]);
    if (distance >= best) continue;
    best = distance;
    label = train.labels[static_cast<size_t>(i)];
  }
  return label;
}

TEST(DrawnDigits, AreNeitherTrivialNorHopeless) {
  const DataSet digits = drawDigits(1000, 200, 1);
  int right = 0;
  for (int64_t i = 0; i < digits.test.count; ++i)
    right += nearestLabel(digits.train, digits.test.image(i)) == digits.test.labels[static_cast<size_t>(i)];
  EXPECT_GT(right, 160); // guessing would give 20
  EXPECT_LT(right, 198);
}

TEST(DrawnDigits, InkIsInside) {
  const DataSet digits = drawDigits(500, 0, 1);
  EXPECT_EQ(digits.test.count, 0);
  for (int64_t i = 0; i < digits.train.count; ++i) {
    const int64_t ink = std::accumulate(digits.train.image(i), digits.train.image(i) + 784, int64_t(0)) / 255;
    EXPECT_GT(ink, 10) << "image " << i;
    EXPECT_LT(ink, 350) << "image " << i;
  }
}

} // namespace
} // namespace fovea::training
