// The models that trace.py trains: the digits example's, smaller, in double and in single precision.
#include "../../examples/03-mnist/vision_transformer.h"

static Model traced(const char *name, DType dtype, const Optimizer &optimizer, double clip_norm) {
  Model model(name, dtype);
  Dim batch = model.symbol("batch");
  Tensor image = model.input("image", {batch, 1, 28, 28});
  Tensor label = model.input("label", {batch}, i32);
  Tensor logits = VisionTransformer(model, 16, 2, 4).logits(image);
  model.output("logits", logits);
  model.train(cross_entropy(logits, label), optimizer, {.clip_norm = clip_norm, .report = {"logits"}});
  return model;
}

std::vector<Model> define() {
  AdamW adamw{.weight_decay = 0.05};
  SGD sgd{.momentum = 0.9, .nesterov = true, .weight_decay = 1e-4};
  return {traced("trace_adamw", f64, adamw, 1), traced("trace_sgd", f64, sgd, 0),
          traced("trace_adamw_f32", f32, adamw, 1), traced("trace_sgd_f32", f32, sgd, 0)};
}
