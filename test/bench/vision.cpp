// Vision transformers: ViT-Ti/16 as timm has it (vit_tiny_patch16_224), and the digits example.
#include "models.h"

#include "../../examples/03-mnist/vision_transformer.h"

static Tensor vitTiny(const Model &model, const Tensor &image) {
  return nn::VisionTransformer(model, {224, 224})(image);
}

static Tensor digits(const Model &model, const Tensor &image) {
  return VisionTransformer(model, 64, 4, 4).logits(image);
}

static Model classifier(const char *name, Tensor (*logitsOf)(const Model &, const Tensor &), int64_t channels,
                        int64_t side, const TrainOptions &options) {
  Model model(name);
  Dim batch = model.symbol("batch");
  Tensor image = model.input("image", {batch, channels, side, side});
  Tensor label = model.input("label", {batch}, i32);
  Tensor logits = logitsOf(model, image);
  model.output("logits", logits);
  model.train(cross_entropy(logits, label), AdamW{.weight_decay = 0.05}, options);
  return model;
}

std::vector<Model> vision() {
  return {classifier("vit_tiny", vitTiny, 3, 224, {}), classifier("mnist", digits, 1, 28, {.clip_norm = 1})};
}
