// System B: an image classifier whose positions are pooled by attention. Two convolutions make a map of 8 x 8
// positions; each position gets a score, a softmax over positions makes weights of them, and the classes come from the
// weighted sum: 77,067 parameters, which start as PyTorch's, since the article's did.
#pragma once

#include <fovea/fovea.h>

namespace classifier {

using namespace fovea;

constexpr int64_t classes = 10, side = 32, mapSide = side / 4;

enum class Pooling {
  attention, // clean: the weights of an image's 64 positions sum to 1
  single,    // as written: each weight is a softmax over one element, so 1; a plain sum, and the scores learn nothing
  mean       // without attention
};

struct Pooled {
  Tensor features;             // (batch, 128)
  std::optional<Tensor> looks; // (batch, 8, 8): the weights, where there is attention
};

inline Pooled pooled(const Model &model, Pooling pooling, const Tensor &x) {
  if (pooling == Pooling::mean) return {mean(x, {2, 3}), {}};
  nn::PositionPoolOptions options{.score = {.initial = pytorch_uniform(128)}, .single = pooling == Pooling::single};
  auto [sum, weights] = nn::PositionPool(model / "pool", 128, options)(x);
  return {sum, weights};
}

/// Inputs `image` (batch, 3, 32, 32) and, to train, `label` (batch); outputs `logits` (batch, 10) and `looks`.
inline Model make(Pooling pooling = Pooling::attention) {
  Model model("classifier");
  Dim batch = model.symbol("batch");
  Tensor image = model.input("image", {batch, 3, side, side});
  Tensor label = model.input("label", {batch}, i32);

  nn::Conv2dOptions first{.padding = {1, 1}, .initial = pytorch_uniform(3 * 9)},
      second{.padding = {1, 1}, .initial = pytorch_uniform(64 * 9)};
  Tensor x = max_pool2d(relu(nn::Conv2d(model / "conv1", 3, 64, first)(image)), {2, 2});
  x = max_pool2d(relu(nn::Conv2d(model / "conv2", 64, 128, second)(x)), {2, 2});
  auto [features, looks] = pooled(model, pooling, x);
  Tensor logits = nn::Linear(model / "head", 128, classes, {.initial = pytorch_uniform(128)})(features);

  model.output("logits", logits);
  if (looks) model.output("looks", *looks);
  model.train(cross_entropy(logits, label), Adam{}, {.report = {"logits"}});
  return model;
}

} // namespace classifier
