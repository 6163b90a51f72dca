// Handwritten digits: what is trained, and what shows where the trained model looks.
#include "vision_transformer.h"

std::vector<Model> define() {
  Model digits("digits");
  {
    Dim batch = digits.symbol("batch");
    Tensor image = digits.input("image", {batch, 1, 28, 28});
    Tensor label = digits.input("label", {batch}, i32);
    Tensor logits = VisionTransformer(digits, 64, 4, 4).logits(image);
    digits.output("logits", logits);
    digits.train(cross_entropy(logits, label), AdamW{.weight_decay = 0.05}, {.clip_norm = 1});
  }

  Model maps("digits_attention");
  Tensor image = maps.input("image", {maps.symbol("batch"), 1, 28, 28});
  VisionTransformer::Looks looks = VisionTransformer(maps, 64, 4, 4).looks(image);
  maps.output("attention", looks.attention);
  maps.output("rollout", looks.rollout);
  maps.output("entropy", looks.entropy);

  return {digits, maps};
}
