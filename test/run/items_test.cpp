// What belongs to an item, its outputs and the gradient of its input, has the same bits alone and in any batch, at any
// place in it.
#include "digits.h"
#include "items.h"

#include "test/run/Trained.h"

#include <cmath>
#include <cstring>

FOVEA_TRAINED(digits, float);
FOVEA_TRAINED(items, float);

namespace {

constexpr int64_t pixels = 784, classes = 10, count = 64;

struct Items : testing::Test {
  std::vector<float> image = pictures<float>(count);
  std::vector<int32_t> label = labelsFor(count);
};

/// Calls of one kind for items [first, first + batch): what they give for each item, one after another.
template <typename Call> void expectSameAlone(int64_t size, Call call) {
  std::vector<float> alone(count * size), together(count * size);
  for (int64_t item = 0; item < count; ++item) call(item, 1, &alone[item * size]);
  for (float value : alone) ASSERT_TRUE(std::isfinite(value));
  for (int64_t batch : {3, 5, 17, 64})
    for (int64_t first = 0; first + batch <= count; first += batch > 5 ? batch : 1) {
      std::fill(together.begin(), together.end(), NAN);
      call(first, batch, together.data());
      for (int64_t place = 0; place < batch; ++place)
        ASSERT_EQ(memcmp(&together[place * size], &alone[(first + place) * size], size * sizeof(float)), 0)
            << "item " << first + place << " at place " << place << " of " << batch;
    }
}

struct Gradients {
  float loss;
  std::vector<float> logits, image;
};
Gradients gradientsOf(items_trained &model, const float *image, const int32_t *label, int64_t batch) {
  Gradients result{0, std::vector<float>(batch * classes), std::vector<float>(batch * pixels)};
  model.gradients(batch, image, label, &result.loss, result.logits.data(), result.image.data());
  return result;
}

} // namespace

TEST_F(Items, LogitsOfTheDigitsExample) {
  digits_trained model(count);
  expectSameAlone(classes, [&](int64_t first, int64_t batch, float *logits) {
    model.forward(batch, &image[first * pixels], logits);
  });
}

TEST_F(Items, LogitsInTraining) {
  items_trained model(count);
  expectSameAlone(classes, [&](int64_t first, int64_t batch, float *logits) {
    Gradients all = gradientsOf(model, &image[first * pixels], &label[first], batch);
    std::copy(all.logits.begin(), all.logits.end(), logits);
  });
}

TEST_F(Items, GradientsOfTheInput) {
  items_trained model(count);
  expectSameAlone(pixels, [&](int64_t first, int64_t batch, float *gradient) {
    Gradients all = gradientsOf(model, &image[first * pixels], &label[first], batch);
    std::copy(all.image.begin(), all.image.end(), gradient);
  });
}

/// The loss along the gradient changes as the gradient says.
TEST_F(Items, TheInputsGradientIsItsDerivative) {
  items_trained model(1);
  Gradients at = gradientsOf(model, image.data(), label.data(), 1);
  double square = 0;
  for (float g : at.image) square += double(g) * g;
  ASSERT_GT(square, 1e-4);
  double width = 0.05 / std::sqrt(square), change = 0;
  for (int sign : {1, -1}) {
    std::vector<float> moved(image.begin(), image.begin() + pixels);
    for (int64_t i = 0; i < pixels; ++i) moved[i] += float(sign * width * at.image[i]);
    change += sign * gradientsOf(model, moved.data(), label.data(), 1).loss;
  }
  EXPECT_NEAR(change / (2 * width * square), 1, 0.01);
}
