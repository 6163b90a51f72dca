// The convolutional network that conv_test.cpp trains a second time by formulas of its own.
#include <fovea/fovea.h>

using namespace fovea;

static Model small(const char *name, DType dtype) {
  Model model(name, dtype);
  Dim batch = model.symbol("batch");
  Tensor image = model.input("image", {batch, 3, 32, 32});
  Tensor label = model.input("label", {batch}, i32);
  Tensor x = nn::Conv2d(model / "conv1", 3, 8, {.padding = {1, 1}, .bias = false})(image);
  x = max_pool2d(relu(nn::BatchNorm(model / "norm1", 8)(x)), {2, 2});
  x = nn::Conv2d(model / "conv2", 8, 16, {.stride = {2, 2}, .padding = {1, 1}, .bias = false})(x);
  x = mean(relu(nn::BatchNorm(model / "norm2", 16)(x)), {2, 3});
  Tensor logits = nn::Linear(model / "head", 16, 10)(x);
  model.output("logits", logits);
  model.train(cross_entropy(logits, label), SGD{.momentum = 0.9}, {.report = {"logits"}});
  return model;
}

std::vector<Model> define() { return {small("conv", f64), small("conv_f32", f32)}; }
