// System B: the article's number of parameters, what as written means, and the shapes that stand in for CIFAR-10.
#include "b-classifier/model.h"
#include "b-classifier/shapes.h"

#include <fovea/compile.h>
#include <gtest/gtest.h>

namespace classifier {
namespace {

TEST(Classifier, HasTheArticlesParameters) {
  EXPECT_EQ(make(Pooling::attention).trained_parameters(), 77067);
  EXPECT_EQ(make(Pooling::single).trained_parameters(), 77067);
  EXPECT_EQ(make(Pooling::mean).trained_parameters(), 77067 - 129); // the score's
}

// The weights of an image, and the largest gradient of the scores' parameters, after one step.
std::pair<std::vector<float>, float> weightsAndGradient(Pooling pooling) {
  constexpr int64_t batch = 2;
  fovea::Program program = fovea::compile(make(pooling), {.sizes = {{"batch", batch}}, .seed = 1});
  std::vector<float> image(batch * 3 * side * side), logits(batch * classes), looks(batch * mapSide * mapSide);
  for (size_t i = 0; i < image.size(); ++i) image[i] = static_cast<float>(i % 17) / 8 - 1;
  float loss = 0;
  program.gradients(batch, image, std::vector<int32_t>{3, 7}, &loss, logits);
  float largest = 0;
  for (float value : program.get<float>("gradient/pool.score.weight")) largest = std::max(largest, std::abs(value));
  program.forward(batch, image, logits, looks);
  looks.resize(mapSide * mapSide);
  return {looks, largest};
}

TEST(Classifier, AttendsOnlyIfClean) {
  const auto [clean, gradient] = weightsAndGradient(Pooling::attention);
  float sum = 0;
  for (float weight : clean) sum += weight;
  EXPECT_NEAR(sum, 1, 1e-5);
  EXPECT_GT(gradient, 1e-6f);

  const auto [written, none] = weightsAndGradient(Pooling::single);
  for (float weight : written) EXPECT_EQ(weight, 1);
  EXPECT_EQ(none, 0);
}

TEST(Shapes, AreTheSameForASeedAndComeInTurn) {
  const fovea::training::DataSet some = drawShapes(20, 10, 1), same = drawShapes(20, 10, 1),
                                 other = drawShapes(20, 10, 2);
  ASSERT_EQ(some.classes.size(), 10u);
  EXPECT_EQ(some.train.pixels, same.train.pixels);
  EXPECT_NE(some.train.pixels, other.train.pixels);
  EXPECT_NE(some.train.pixels[0], some.test.pixels[0]);
  for (int64_t i = 0; i < 20; ++i) EXPECT_EQ(some.train.labels[static_cast<size_t>(i)], i % 10);
}

} // namespace
} // namespace classifier
