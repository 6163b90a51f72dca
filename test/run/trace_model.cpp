// The models that trace.py trains: the digits example's, smaller and in double precision.
#include "../../examples/03-mnist/vision_transformer.h"

static Model traced(const char *name, const Optimizer &optimizer, double clip_norm) {
  Model model(name, f64);
  Dim batch = model.symbol("batch");
  Tensor image = model.input("image", {batch, 1, 28, 28});
  Tensor label = model.input("label", {batch}, i32);
  Tensor logits = VisionTransformer(model, 16, 2, 4).logits(image);
  model.output("logits", logits);
  model.train(cross_entropy(logits, label), optimizer, {.clip_norm = clip_norm, .report = {"logits"}});
  return model;
}

std::vector<Model> define() {
  return {traced("trace_adamw", AdamW{.weight_decay = 0.05}, 1),
          traced("trace_sgd", SGD{.momentum = 0.9, .nesterov = true, .weight_decay = 1e-4}, 0)};
}
