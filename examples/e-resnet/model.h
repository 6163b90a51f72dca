// System E: a ResNet of bottlenecks with self-attention. After each of its four stages stands a layer that scores every
// position, and adds to all of them the sum of positions, weighted by softmax of the scores; its weights are a map of
// where the stage looks. The stem's map has learned positions added, and a last score of positions pools the last
// stage's map for the classes.
#pragma once

#include <fovea/fovea.h>

#include <fovea/nn/PositionAttention.h>
#include <fovea/nn/Positions.h>
#include <fovea/nn/ResNet.h>

namespace resnet {

using namespace fovea;

constexpr int64_t stages = 4;

/// Sizes: `image` is the side of the images that come in, `side` that to which they are resized first; stage s has
/// blocks[s] blocks and a map of side / (4 << s).
struct Form {
  int64_t image, side, classes, width;
  std::array<int64_t, stages> blocks;
  int64_t hidden; // channels between, of the scores
};
/// ResNet-101, as the article has it.
constexpr Form large{224, 224, 1000, 64, {3, 4, 23, 3}, 512};
/// One that trains on small images within minutes.
constexpr Form narrow{32, 64, 10, 16, {1, 1, 1, 1}, 64};

struct Options {
  bool attention = true; // without: no layers after stages, no positions, the mean as pool, so a plain ResNet
  bool single = false; // as written, the layers' softmax is over an axis of one element: weights are 1, the layer adds
                       // the plain sum of positions, and its score learns nothing. Clean: over the positions
  bool attention_loss = true; // needs `attention`
};
/// What the loss of a map counts beside that of the classes.
constexpr double mapLossWeight = 0.2;

inline int64_t sideOf(const Form &form, int64_t stage) { return form.side / (4 << stage); }

/// The attention loss of a stage's map x (b, channels, h, w): each position tells the class by itself, and those at
/// which the layer looks, with more than the mean weight, should get it right.
inline Tensor lossOf(const Scope &at, const Form &form, const Tensor &x, const Tensor &weights, const Tensor &label) {
  Dim b = x.dim(0), h = x.dim(2), w = x.dim(3);
  Tensor logits = nn::Linear(at, *x.dim(1).constant(), form.classes)(transpose(x, {0, 2, 3, 1}));
  Tensor labels = broadcast_to(reshape(label, {b, 1, 1}), {b, h, w});
  Tensor losses = cross_entropy(logits, labels, {.reduction = Reduction::none});
  return attention_loss(losses, {.mask = weights > 1.0 / double(*h.constant() * *w.constant())});
}

/// `image` (b, 3, image, image) to `logits` (b, classes). With attention there are the maps `stage1` to `stage4`, (b,
/// h, w), and `pool`, of the last stage's size; each sums to 1 over an image. Training also takes `label` (b).
inline Model make(const std::string &name, const Form &form = narrow, const Options &options = {}) {
  Model model(name);
  Dim batch = model.symbol("batch");
  Tensor image = model.input("image", {batch, 3, form.image, form.image}), label = model.input("label", {batch}, i32);
  nn::ResNetOptions sizes{.classes = form.classes, .width = form.width};
  nn::ResNet<nn::Bottleneck> net(model / "resnet", form.blocks, sizes);

  Tensor x = form.image == form.side ? image : resize(image, {form.side, form.side});
  x = net.stem(x);
  std::vector<std::pair<std::string, Tensor>> maps;
  std::vector<Tensor> losses;
  if (options.attention) {
    nn::LearnedPositions2d positions(model / "positions", {sideOf(form, 0), sideOf(form, 0)}, form.width);
    x = transpose(positions(transpose(x, {0, 2, 3, 1})), {0, 3, 1, 2});
  }
  for (int64_t stage = 0; stage < stages; ++stage) {
    x = net.stage(stage, x);
    if (!options.attention) continue;
    nn::PositionAttention attention(model / "attention" / stage, net.channels_of(stage, sizes),
                                    {.hidden = form.hidden, .single = options.single});
    auto [seen, weights] = attention(x);
    x = x + seen;
    maps.emplace_back("stage" + std::to_string(stage + 1), weights);
    if (options.attention_loss && stage < 2)
      losses.push_back(lossOf(model / "map_classes" / stage, form, x, weights, label));
  }
  if (options.attention) {
    auto [pooled, weights] = nn::PositionPool(model / "pool", net.channels_of(stages - 1, sizes))(x);
    x = reshape(pooled, {batch, pooled.dim(1), 1, 1}); // the head's mean leaves it as it is
    maps.emplace_back("pool", weights);
  }
  Tensor logits = net.head(x);
  model.output("logits", logits);
  for (const auto &[map, weights] : maps) model.output(map, weights);
  Tensor loss = cross_entropy(logits, label);
  for (const Tensor &each : losses) loss = loss + mapLossWeight * each;
  model.train(loss, AdamW{.weight_decay = 0.05}, {.report = {"logits"}});
  return model;
}

} // namespace resnet
