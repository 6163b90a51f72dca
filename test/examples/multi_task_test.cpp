// System A: which quartile of ink an image belongs to.
#include "a-multi-task/ink.h"

#include <gtest/gtest.h>

namespace multi_task {
namespace {

using fovea::training::LabelledImages;

// Image i of eight has 10 i + 10 of ink, in two pixels.
struct InkTest : testing::Test {
  InkTest() {
    for (int64_t i = 0; i < images.count; ++i)
      for (int64_t pixel : {0, 3}) images.pixels[static_cast<size_t>(4 * i + pixel)] = static_cast<uint8_t>(5 * i + 5);
  }
  LabelledImages images{8, 1, 2, 2, std::vector<uint8_t>(8 * 4, 0), std::vector<int32_t>(8, 0)};
};

TEST_F(InkTest, QuartilesAreEquallyLarge) {
  const Ink ink(images);
  for (int64_t i = 0; i < images.count; ++i) EXPECT_EQ(ink.quartile(images, i), i / 2);
}

TEST_F(InkTest, ThresholdsAreThoseOfTheFirstImages) {
  const Ink ink(firstOf(images, 4));
  for (int64_t i = 0; i < images.count; ++i) EXPECT_EQ(ink.quartile(images, i), std::min<int64_t>(i, 3));
}

TEST_F(InkTest, NormalisedPixelsHaveTheSameInk) {
  std::vector<float> seen;
  for (uint8_t pixel : images.pixels)
    seen.push_back((static_cast<float>(pixel) / 255 - pixels::mnistMean) / pixels::mnistDeviation);
  const std::vector<int32_t> quartiles = Ink(images).quartiles(seen.data(), images.count, images.size());
  EXPECT_EQ(quartiles, (std::vector<int32_t>{0, 0, 1, 1, 2, 2, 3, 3}));
}

} // namespace
} // namespace multi_task
