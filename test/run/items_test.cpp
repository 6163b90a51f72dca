// What belongs to an item, its outputs and the gradient of its input, has the same bits alone and in any batch, at any
// place in it.
#include "digits_targets.h"
#include "items.h"

#include "test/run/Trained.h"

#include <cmath>
#include <cstring>

FOVEA_TRAINED(digits_targets, float);
FOVEA_TRAINED(items, float);

namespace {

constexpr int64_t pixels = 784, classes = 10, count = 64;

/// On each target of the library that this machine runs.
struct Items : testing::TestWithParam<const char *> {
  std::vector<float> image = pictures<float>(count);
  std::vector<int32_t> label = labelsFor(count);

  /// Biases and all others are no longer what they are initialised with.
  template <typename Trained> void train(Trained &model) {
    auto step = [&](auto... results) {
      for (int i = 0; i < 3; ++i) model.train_step(count, image.data(), label.data(), 1e-3f, results...);
    };
    float loss;
    std::vector<float> logits(count * classes), gradient(count * pixels);
    if constexpr (std::is_same_v<Trained, items_trained>)
      step(&loss, logits.data(), gradient.data());
    else
      step(&loss);
    EXPECT_TRUE(std::isfinite(loss));
  }
};
INSTANTIATE_TEST_SUITE_P(Targets, Items, testing::ValuesIn(targetsOfThisMachine()),
                         [](auto &info) { return "v" + std::to_string(info.index == 0 ? 1 : info.index + 2); });

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

TEST_P(Items, LogitsOfTheDigitsExample) {
  digits_targets_trained model(count, 2, 1, GetParam());
  train(model);
  expectSameAlone(classes, [&](int64_t first, int64_t batch, float *logits) {
    model.forward(batch, &image[first * pixels], logits);
  });
}

TEST_P(Items, LogitsInTraining) {
  items_trained model(count, 2, 1, GetParam());
  train(model);
  expectSameAlone(classes, [&](int64_t first, int64_t batch, float *logits) {
    Gradients all = gradientsOf(model, &image[first * pixels], &label[first], batch);
    std::copy(all.logits.begin(), all.logits.end(), logits);
  });
}

TEST_P(Items, GradientsOfTheInput) {
  items_trained model(count, 2, 1, GetParam());
  train(model);
  expectSameAlone(pixels, [&](int64_t first, int64_t batch, float *gradient) {
    Gradients all = gradientsOf(model, &image[first * pixels], &label[first], batch);
    std::copy(all.image.begin(), all.image.end(), gradient);
  });
}

/// The loss along the gradient changes as the gradient says.
TEST_P(Items, TheInputsGradientIsItsDerivative) {
  items_trained model(count, 2, 1, GetParam());
  train(model);
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
