// What goes over memory once: rows and single elements.
#include "models.h"

static Model layerNorm(int64_t rows, int64_t width) {
  Model model("layer_norm_" + std::to_string(rows) + "x" + std::to_string(width));
  Tensor x = model.input("x", {rows, width});
  differentiate(model, nn::LayerNorm(model, width)(x), {"x"});
  return model;
}

static Model pointwise(const std::string &name, Tensor (*function)(const Tensor &), int64_t rows, int64_t width) {
  Model model(name + "_" + std::to_string(rows) + "x" + std::to_string(width));
  differentiate(model, function(model.input("x", {rows, width})), {"x"});
  return model;
}

std::vector<Model> rows() {
  return {layerNorm(1576, 768),
          pointwise(
              "softmax", [](const Tensor &x) { return softmax(x); }, 4728, 197),
          pointwise(
              "gelu", [](const Tensor &x) { return gelu(x); }, 1576, 768)};
}
