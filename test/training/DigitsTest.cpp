// MNIST from files, with every way in which they can be wrong, and drawn digits.
#include "training/Digits.h"

#include "../TemporaryFolder.h"
#include "formats/Idx.h"

#include <numeric>

namespace fovea::training {
namespace {

using testing::HasSubstr;

class MnistTest : public TemporaryFolder {
protected:
  MnistTest() {
    for (const char *part : {"train", "t10k"}) {
      writeImages(part, {2, 28, 28});
      writeLabels(part, {3, 9});
    }
  }
  void writeImages(const std::string &part, const std::vector<int64_t> &shape) const {
    const int64_t count = std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<>());
    formats::writeIdx(folder / (part + "-images-idx3-ubyte"), {shape, formats::Bytes(static_cast<size_t>(count), 5)});
  }
  void writeLabels(const std::string &part, const formats::Bytes &labels) const {
    formats::writeIdx(folder / (part + "-labels-idx1-ubyte"), {{static_cast<int64_t>(labels.size())}, labels});
  }
  std::string loadError() const {
    return errorOf([&] { loadMnist(folder); });
  }
};

TEST_F(MnistTest, Loads) {
  const Digits digits = loadMnist(folder);
  EXPECT_EQ(digits.train.count, 2);
  EXPECT_EQ(digits.test.labels, (formats::Bytes{3, 9}));
  EXPECT_EQ(digits.test.pixels.size(), 2u * 28 * 28);
}

TEST_F(MnistTest, Errors) {
  writeLabels("t10k", {3, 10});
  EXPECT_THAT(loadError(), HasSubstr("t10k-labels-idx1-ubyte: holds label 10, but digits end at 9"));
  writeLabels("t10k", {3});
  EXPECT_THAT(loadError(), HasSubstr("holds 2 images, but "));
  writeImages("train", {2, 28, 27});
  EXPECT_THAT(loadError(), HasSubstr("holds images of 28 x 27 pixels, but MNIST's are 28 x 28"));
  writeImages("train", {0, 28, 28});
  writeLabels("train", {});
  EXPECT_THAT(loadError(), HasSubstr("and one at least"));
  std::filesystem::remove(folder / "train-labels-idx1-ubyte");
  EXPECT_THAT(loadError(), HasSubstr("holds neither train-labels-idx1-ubyte nor train-labels-idx1-ubyte.gz"));
  EXPECT_THAT(errorOf([&] { loadMnist(folder / "none"); }), HasSubstr("none: is not a folder"));
}

TEST(Mnist, LoadsTheRealOne) {
  const char *data = std::getenv("FOVEA_DATA");
  if (!data) GTEST_SKIP() << "FOVEA_DATA does not name a folder that contains mnist/";
  const Digits digits = loadMnist(std::filesystem::path(data) / "mnist");
  EXPECT_EQ(digits.train.count, 60000);
  EXPECT_EQ(digits.test.count, 10000);
  EXPECT_EQ(digits.train.labels[0], 5);
}

TEST(DrawnDigits, SameSeedSameDigits) {
  const Digits once = drawDigits(50, 20, 7), again = drawDigits(50, 20, 7), other = drawDigits(50, 20, 8);
  EXPECT_EQ(once.train.pixels, again.train.pixels);
  EXPECT_EQ(once.test.pixels, again.test.pixels);
  EXPECT_NE(once.train.pixels, other.train.pixels);
  EXPECT_NE(formats::Bytes(once.train.pixels.begin(), once.train.pixels.begin() + 20 * 784), once.test.pixels);
}

/// The label of the training image with the smallest squared distance.
uint8_t nearestLabel(const LabelledImages &train, const uint8_t *image) {
  int64_t best = INT64_MAX;
  uint8_t label = 0;
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
  const Digits digits = drawDigits(1000, 200, 1);
  int right = 0;
  for (int64_t i = 0; i < digits.test.count; ++i)
    right += nearestLabel(digits.train, digits.test.image(i)) == digits.test.labels[static_cast<size_t>(i)];
  EXPECT_GT(right, 160); // guessing would give 20
  EXPECT_LT(right, 198);
}

TEST(DrawnDigits, InkIsInside) {
  const Digits digits = drawDigits(500, 0, 1);
  EXPECT_EQ(digits.test.count, 0);
  for (int64_t i = 0; i < digits.train.count; ++i) {
    const int64_t ink = std::accumulate(digits.train.image(i), digits.train.image(i) + 784, int64_t(0)) / 255;
    EXPECT_GT(ink, 10) << "image " << i;
    EXPECT_LT(ink, 350) << "image " << i;
  }
}

TEST(Digits, FirstOf) {
  const Digits digits = drawDigits(20, 0, 1);
  const LabelledImages some = firstOf(digits.train, 3);
  EXPECT_EQ(some.count, 3);
  EXPECT_EQ(some.pixels.size(), 3u * 784);
  EXPECT_EQ(some.labels, (formats::Bytes{0, 1, 2}));
  EXPECT_EQ(firstOf(digits.train, 99).count, 20);
}

} // namespace
} // namespace fovea::training
