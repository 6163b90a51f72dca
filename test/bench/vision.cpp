// Vision transformers: ViT-Ti/16 as timm has it (vit_tiny_patch16_224), and the digits example.
#include "models.h"

#include "../../examples/03-mnist/vision_transformer.h"

/// With biases of queries, keys and values, and timm's epsilon.
struct TimmBlock {
  nn::LayerNorm norm1, norm2;
  nn::MultiHeadAttention attention;
  nn::Linear up, down;

  TimmBlock(Scope at, int64_t width, int64_t heads)
      : norm1(at / "norm1", width, 1e-6), norm2(at / "norm2", width, 1e-6),
        attention(at / "attention", width, heads, {.bias = true}), up(at / "up", width, 4 * width),
        down(at / "down", 4 * width, width) {}

  Tensor operator()(Tensor x) const {
    x = x + attention(norm1(x));
    return x + down(gelu(up(norm2(x))));
  }
};

static Tensor vitTiny(const Model &model, const Tensor &image) {
  constexpr int64_t width = 192, tokens = 197;
  Tensor x = nn::PatchEmbedding(model / "patches", {.patch = 16, .width = width, .channels = 3})(image);
  Tensor token = model.parameter("token", {1, width}, normal(0.02), {.decay = false});
  Tensor position = model.parameter("position", {tokens, width}, normal(0.02), {.decay = false});
  x = concat({broadcast_to(token, {image.dim(0), 1, width}), x}, 1) + position;
  for (const TimmBlock &block : nn::repeat<TimmBlock>(12, model / "blocks", width, 3)) x = block(x);
  return nn::Linear(model / "head", width, 1000)(pick(nn::LayerNorm(model / "norm", width, 1e-6)(x), 1, 0));
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
