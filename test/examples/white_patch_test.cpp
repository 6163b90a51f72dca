// System D: the articles' numbers of parameters, and where its patches are.
#include "d-white-patch/model.h"
#include "d-white-patch/patches.h"

#include <gtest/gtest.h>

namespace white_patch {
namespace {

using fovea::training::LabelledImages;

int64_t parameters(Layer layer) { return model(layer).trained_parameters(); }

TEST(WhitePatch, ParametersAreTheArticles) {
  EXPECT_EQ(parameters(Layer::none), 53857);
  EXPECT_EQ(parameters(Layer::mha), 58017);
  EXPECT_EQ(parameters(Layer::mha_runs), 58017);
  EXPECT_EQ(parameters(Layer::conv1d_mha), 72897);
  EXPECT_EQ(parameters(Layer::cbam), 54019);
  EXPECT_EQ(parameters(Layer::cbam_spatial), 54019 + 2 * 7 * 7 + 2);
}

// What NumPy draws for these seeds.
TEST(WhitePatch, PatchesAreWhereNumPyHasThem) {
  const Patch first[] = {{true, 15, 64}, {true, 63, 55}, {true, 27, 6}, {false, 0, 0}, {true, 12, 22}, {false, 0, 0}};
  for (int64_t i = 0; i < 6; ++i) {
    const Patch patch = patchOf(i);
    EXPECT_EQ(patch.present, first[i].present) << i;
    EXPECT_EQ(patch.row, first[i].row) << i;
    EXPECT_EQ(patch.column, first[i].column) << i;
  }
  int64_t present = 0;
  for (int64_t i = 0; i < 32; ++i) present += patchOf(i).present;
  EXPECT_EQ(present, 23); // the article's majority class: 71.9 %
}

struct Patches : testing::Test {
  static constexpr int64_t count = 10, batch = 4;
  LabelledImages images{count, 3, side, side, std::vector<uint8_t>(count * 3 * side * side, 64),
                        std::vector<int32_t>(count, 0)};
};

TEST_F(Patches, AreWhiteInAllChannelsAndNowhereElse) {
  PatchLoader loader(images, batch, Seeding::clean, 0);
  const PatchBatch &first = loader.at(0);
  ASSERT_EQ(first.size, batch);
  for (int64_t i = 0; i < batch; ++i)
    for (int64_t p = 0; p < 3 * side * side; ++p) {
      const Patch &patch = first.patch[static_cast<size_t>(i)];
      const int64_t row = p / side % side - patch.row, column = p % side - patch.column;
      const bool white = patch.present && row >= 0 && row < patchSide && column >= 0 && column < patchSide;
      ASSERT_FLOAT_EQ(first.image[static_cast<size_t>(i * 3 * side * side + p)], white ? 1.0f : -0.5f) << i << ' ' << p;
    }
}

// As written, i begins anew with every batch; clean, it counts on through the images and the epochs repeat.
TEST_F(Patches, FollowTheSeeding) {
  PatchLoader clean(images, batch, Seeding::clean, 100), written(images, batch, Seeding::as_written, 100);
  EXPECT_EQ(clean.batchesPerEpoch(), 3);
  for (int64_t step : {0, 1, 2, 3}) {
    const PatchBatch &ours = clean.at(step);
    const PatchBatch &theirs = written.at(step);
    ASSERT_EQ(ours.size, step == 2 ? 2 : batch);
    for (int64_t i = 0; i < ours.size; ++i) {
      const auto at = static_cast<size_t>(i);
      EXPECT_EQ(ours.label[at], patchOf(100 + step % 3 * batch + i).present);
      EXPECT_EQ(ours.patch[at].row, patchOf(100 + step % 3 * batch + i).row);
      EXPECT_EQ(theirs.label[at], patchOf(i).present);
      EXPECT_EQ(theirs.patch[at].column, patchOf(i).column);
    }
  }
}

} // namespace
} // namespace white_patch
