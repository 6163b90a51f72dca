// Models that tests of this folder compile beside the digits example's.
#include "../../examples/03-mnist/vision_transformer.h"

/// Dropout of both kinds: of elements and of attention weights.
static Model dropping() {
  Model model("dropping");
  Dim batch = model.symbol("batch");
  Tensor image = model.input("image", {batch, 1, 28, 28});
  Tensor label = model.input("label", {batch}, i32);
  Tensor x = nn::PatchEmbedding(model / "patches", {.patch = 7, .width = 32})(image);
  Tensor heads = transpose(reshape(x, {batch, 16, 2, 16}), {0, 2, 1, 3});
  Tensor mixed = attention(heads, heads, heads, {.dropout = 0.2});
  x = x + nn::Dropout(0.3)(reshape(transpose(mixed, {0, 2, 1, 3}), {batch, 16, 32}));
  Tensor logits = nn::Linear(model / "head", 32, 10)(nn::Dropout(0.1)(mean(x, 1)));
  model.output("logits", logits);
  model.train(cross_entropy(logits, label), AdamW{});
  return model;
}

/// A loss that is a sum over items, so that an item's gradients do not depend on how many there are.
static Model items() {
  Model model("items");
  Dim batch = model.symbol("batch");
  Tensor image = model.input("image", {batch, 1, 28, 28});
  Tensor label = model.input("label", {batch}, i32);
  Tensor logits = VisionTransformer(model, 64, 2, 4).logits(image);
  model.output("logits", logits);
  model.train(-sum(log(softmax(logits)) * one_hot(label, 10)), SGD{},
              {.report = {"logits"}, .input_gradients = {"image"}});
  return model;
}

/// The digits' network, computed in bf16 with parameters in f32.
static Model low() {
  Model model("low", bf16);
  Dim batch = model.symbol("batch");
  Tensor image = model.input("image", {batch, 1, 28, 28});
  Tensor label = model.input("label", {batch}, i32);
  Tensor logits = cast(VisionTransformer(model, 64, 4, 4).logits(cast(image, bf16)), f32);
  model.output("logits", logits);
  model.train(cross_entropy(logits, label), AdamW{.weight_decay = 0.05});
  return model;
}

std::vector<Model> define() { return {dropping(), items(), low()}; }
