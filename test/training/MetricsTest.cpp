// Metrics against values that were worked out by hand.
#include "training/Metrics.h"

#include "../TemporaryFolder.h"
#include "training/Detection.h"

#include <cmath>

namespace fovea::training {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Argmax, FirstOfTheLargest) {
  const float values[] = {NAN, -1, 3, 3, NAN};
  EXPECT_EQ(argmax(values, 5), 2);
  EXPECT_EQ(argmax(values, 1), 0);
}

// Rows are truths: 0: 3 0 1, 1: 1 2 0, 2: 0 0 0; class 3 is absent.
TEST(ConfusionMatrix, AccuracyAndF1) {
  ConfusionMatrix matrix(4);
  EXPECT_EQ(matrix.accuracy(), 0);
  EXPECT_EQ(matrix.macroF1(), 0);
  for (auto [truth, predicted] : {std::pair(0, 0), {0, 0}, {0, 0}, {0, 2}, {1, 0}, {1, 1}, {1, 1}})
    matrix.add(truth, predicted);
  EXPECT_EQ(matrix.total(), 7);
  EXPECT_EQ(matrix.count(0, 2), 1);
  EXPECT_DOUBLE_EQ(matrix.accuracy(), 5.0 / 7);
  EXPECT_DOUBLE_EQ(matrix.f1(0), 0.75); // precision and recall 3/4
  EXPECT_DOUBLE_EQ(matrix.f1(1), 0.8);  // 1 and 2/3
  EXPECT_DOUBLE_EQ(matrix.f1(2), 0);
  EXPECT_DOUBLE_EQ(matrix.macroF1(), (0.75 + 0.8 + 0) / 3);
  EXPECT_THAT(errorOf([&] { matrix.add(0, 4); }), HasSubstr("of 4 classes has no class 4"));
  EXPECT_THAT(errorOf([&] { matrix.add(-1, 0); }), HasSubstr("has no class -1"));
}

TEST(Retrieval, RecallAndMeanAveragePrecision) {
  const std::vector<Ranking> queries{{true, false, true}, {false, true, false}, {false, false, false}};
  EXPECT_DOUBLE_EQ(recallAt(1, queries), 1.0 / 3);
  EXPECT_DOUBLE_EQ(recallAt(2, queries), 2.0 / 3);
  EXPECT_DOUBLE_EQ(recallAt(9, queries), 2.0 / 3);
  EXPECT_DOUBLE_EQ(averagePrecision(queries[0]), (1.0 + 2.0 / 3) / 2);
  EXPECT_DOUBLE_EQ(meanAveragePrecision(queries), (5.0 / 6 + 1.0 / 2 + 0) / 3);
  EXPECT_EQ(recallAt(1, {}), 0);
  EXPECT_EQ(meanAveragePrecision({}), 0);
  EXPECT_THAT(byScore({0.5f, NAN, 2, 0.5f, -1}), ElementsAre(2, 0, 3, 4, 1));
}

TEST(Detection, IntersectionOverUnion) {
  EXPECT_DOUBLE_EQ(intersectionOverUnion({0, 0, 2, 2}, {1, 1, 3, 3}), 1.0 / 7);
  EXPECT_DOUBLE_EQ(intersectionOverUnion({0, 0, 2, 2}, {0, 0, 2, 2}), 1);
  EXPECT_EQ(intersectionOverUnion({0, 0, 1, 1}, {2, 2, 3, 3}), 0);
  EXPECT_EQ(intersectionOverUnion({0, 0, 0, 0}, {0, 0, 0, 0}), 0);
}

TEST(Detection, SuppressesOverlapsOfAClass) {
  const Box box{0, 0, 10, 10}, shifted{0, 2, 10, 12}, half{0, 5, 10, 15}; // overlaps of 2/3 and 1/3
  const Boxes kept = suppressed({{shifted, 1, 0.5}, {box, 1, 0.9}, {shifted, 2, 0.6}, {half, 1, 0.3}});
  ASSERT_EQ(kept.size(), 3u);
  EXPECT_EQ(kept[0].score, 0.9);
  EXPECT_EQ(kept[1].score, 0.6);
  EXPECT_EQ(kept[2].score, 0.3);
  EXPECT_EQ(suppressed({{box, 1, 0.9}, {half, 1, 0.3}}, 0.3).size(), 1u);
}

// Three true boxes in two images; by falling score: right, wrong, right, a second on the first, which is wrong.
TEST(Detection, AveragePrecision) {
  const Box a{0, 0, 10, 10}, b{20, 20, 30, 30}, c{40, 0, 50, 10}, nowhere{70, 70, 80, 80};
  const std::vector<Boxes> truth{{{a}, {b}}, {{c}}};
  const std::vector<Boxes> found{{{a, 0, 0.9}, {a, 0, 0.6}, {nowhere, 0, 0.8}}, {{{41, 0, 51, 10}, 0, 0.7}}};
  EXPECT_DOUBLE_EQ(averagePrecision(found, truth, 0), (1 + 2.0 / 3) / 3);
  EXPECT_DOUBLE_EQ(averagePrecision(found, truth, 0, 0.9), 1.0 / 3); // c is overlapped by 9/11
  EXPECT_EQ(averagePrecision(found, truth, 1), 0);
  EXPECT_DOUBLE_EQ(meanAveragePrecision(found, truth), (1 + 2.0 / 3) / 3);
  EXPECT_EQ(meanAveragePrecision({{}}, {{}}), 0);
  EXPECT_DOUBLE_EQ(detectionF1(found, truth, 0), 4.0 / 7);    // 2 right of 4 found and 3 there
  EXPECT_DOUBLE_EQ(detectionF1(found, truth, 0.85), 2.0 / 4); // 1 of 1 and 3
}

TEST(Detection, PrecisionIsMadeMonotone) { // wrong, right, right: precisions 0, 1/2, 2/3
  const Box a{0, 0, 10, 10}, b{20, 20, 30, 30}, nowhere{70, 70, 80, 80};
  const std::vector<Boxes> found{{{nowhere, 0, 0.9}, {a, 0, 0.8}, {b, 0, 0.7}}};
  EXPECT_DOUBLE_EQ(averagePrecision(found, {{{a}, {b}}}, 0), 2.0 / 3);
  EXPECT_DOUBLE_EQ(meanAveragePrecision(found, {{{a}, {b}, {nowhere, 5}}}), (2.0 / 3 + 0) / 2);
}

} // namespace
} // namespace fovea::training
