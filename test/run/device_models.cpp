// Models that device_test.cpp trains on a device and on the processor: a perceptron, a convolutional network with batch
// norms, and a vision transformer. And some of which a device takes less: whose sizes can be too large, whose kernel
// has a table, or many arguments.
#include "../../examples/03-mnist/vision_transformer.h"

static Model perceptron() {
  Model model("perceptron");
  Dim batch = model.symbol("batch");
  Tensor image = model.input("image", {batch, 1, 28, 28});
  Tensor label = model.input("label", {batch}, i32);
  Tensor x = gelu(nn::Linear(model / "hidden", 784, 65)(reshape(image, {batch, 784})));
  Tensor logits = nn::Linear(model / "head", 65, 10)(nn::LayerNorm(model / "norm", 65)(x));
  model.output("logits", logits);
  model.train(cross_entropy(logits, label), AdamW{.weight_decay = 0.05}, {.clip_norm = 1, .ema = 0.9});
  return model;
}

static Model convolutions() {
  Model model("convolutions");
  Dim batch = model.symbol("batch");
  Tensor image = model.input("image", {batch, 1, 28, 28});
  Tensor label = model.input("label", {batch}, i32);
  Tensor x = nn::Conv2d(model / "conv1", 1, 6, {.padding = {1, 1}, .bias = false})(image);
  x = max_pool2d(relu(nn::BatchNorm(model / "norm1", 6)(x)), {2, 2});
  x = nn::Conv2d(model / "conv2", 6, 12, {.stride = {2, 2}, .padding = {1, 1}})(x);
  x = nn::Dropout(0.2)(mean(relu(x), {2, 3}));
  Tensor logits = nn::Linear(model / "head", 12, 10)(x);
  model.output("logits", logits);
  model.train(cross_entropy(logits, label), AdamW{});
  return model;
}

static Model transformer() {
  Model model("transformer");
  Dim batch = model.symbol("batch");
  Tensor image = model.input("image", {batch, 1, 28, 28});
  Tensor label = model.input("label", {batch}, i32);
  Tensor logits = VisionTransformer(model, 32, 2, 2).logits(image);
  model.output("logits", logits);
  model.train(cross_entropy(logits, label), AdamW{.weight_decay = 0.05}, {.clip_norm = 1});
  return model;
}

/// Products, one for each item.
static Model products() {
  Model model("products");
  Dim batch = model.symbol("batch");
  Tensor a = model.input("a", {batch, 2, 3}), b = model.input("b", {batch, 3, 2});
  model.output("c", matmul(a, b));
  return model;
}

/// The places of a diagonal are a table.
static Model diagonal() {
  Model model("diagonal");
  Dim batch = model.symbol("batch");
  model.output("y", einsum("bii->bi", {model.input("x", {batch, 3, 3})}));
  return model;
}

/// A sum of many tensors, as one kernel.
static Model many() {
  Model model("many");
  Tensor sum = model.input("x", {4});
  for (int i = 1; i < 520; ++i) sum = sum + model.input("x" + std::to_string(i), {4});
  model.output("y", sum);
  return model;
}

std::vector<Model> define() { return {perceptron(), convolutions(), transformer(), products(), diagonal(), many()}; }
