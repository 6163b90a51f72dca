// System A: two tasks from one image of a digit, which digit it is and how much ink it has. A trunk of two convolutions
// makes 7 x 7 tokens; each task has a learned query, with which it looks at them by multi-head attention, and a linear
// layer of its own. Nothing but the image goes in: the attention of a task depends on the task, never on a label.
#pragma once

#include <fovea/fovea.h>

namespace multi_task {

using namespace fovea;

constexpr int64_t side = 28, mapSide = side / 4, tokens = mapSide * mapSide, width = 128, heads = 16;
constexpr int64_t tasks = 2, digits = 10, quartiles = 4;

struct Options {
  bool attention = true; // else each task gets the mean of the tokens
  bool features = false; // the linear layers also take the trunk's features themselves, 7 x 7 x 128 numbers
  bool article = false;  // trained as in the article: SGD with momentum; else AdamW
};

struct Seen {
  std::vector<Tensor> features; // of each task, (batch, width)
  std::optional<Tensor> looks;  // (batch, heads, tasks, tokens): attention's weights
};

inline Seen seen(const Model &model, bool attention, const Tensor &image) {
  if (!attention) return {std::vector<Tensor>(tasks, mean(image, {2, 3})), {}};
  Tensor x = transpose(reshape(image, {image.dim(0), width, tokens}), {0, 2, 1});
  x = nn::LearnedPositions(model / "positions", tokens, width)(x);
  Tensor queries = model.parameter("queries", {tasks, width}, normal(1));
  queries = broadcast_to(reshape(queries, {1, tasks, width}), {image.dim(0), tasks, width});
  // Queries are the same for every image, so nothing is gained by adding them to what they find.
  const nn::AttentionSublayer sublayer(model / "attention", width, heads,
                                       {.key_size = 16, .value_size = 32, .dropout = 0, .residual = false});
  auto [result, looks] = sublayer(queries, x, x);
  return {{pick(result, 1, 0), pick(result, 1, 1)}, looks};
}

/// Inputs `image` (batch, 1, 28, 28) and, to train, `digit` and `ink` (batch); outputs `digit_logits` (batch, 10),
/// `ink_logits` (batch, 4) and, with attention, `looks` (batch, heads, tasks, tokens).
inline Model make(const Options &options = {}) {
  Model model("multi_task");
  Dim batch = model.symbol("batch");
  Tensor image = model.input("image", {batch, 1, side, side});
  Tensor digit = model.input("digit", {batch}, i32);
  Tensor ink = model.input("ink", {batch}, i32);

  Tensor x = max_pool2d(relu(nn::Conv2d(model / "conv1", 1, 32, {.padding = {1, 1}})(image)), {2, 2});
  x = max_pool2d(relu(nn::Conv2d(model / "conv2", 32, width, {.padding = {1, 1}})(x)), {2, 2});
  auto [features, looks] = seen(model, options.attention, x);
  if (options.features)
    for (Tensor &feature : features) feature = concat({feature, reshape(x, {batch, width * tokens})}, 1);
  const int64_t inputs = width + (options.features ? width * tokens : 0);
  Tensor digitLogits = nn::Linear(model / "digit", inputs, digits)(features[0]);
  Tensor inkLogits = nn::Linear(model / "ink", inputs, quartiles)(features[1]);

  model.output("digit_logits", digitLogits);
  model.output("ink_logits", inkLogits);
  if (looks) model.output("looks", *looks);
  Tensor loss = cross_entropy(digitLogits, digit) + cross_entropy(inkLogits, ink);
  const Optimizer optimizer =
      options.article ? Optimizer(SGD{.momentum = 0.9}) : Optimizer(AdamW{.weight_decay = 0.01});
  model.train(loss, optimizer, {.report = {"digit_logits", "ink_logits"}});
  return model;
}

} // namespace multi_task
