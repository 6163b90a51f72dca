// What goes over memory once: rows and single elements.
#include "models.h"

static std::string shaped(const std::string &name, int64_t rows, int64_t width) {
  return name + "_" + std::to_string(rows) + "x" + std::to_string(width);
}

static std::vector<Model> layerNorm(int64_t rows, int64_t width) {
  return differentiable(shaped("layer_norm", rows, width), [=](Model &model, Sources &sources) {
    Tensor x = model.input("x", {rows, width}), scale = model.parameter("scale", {width}, ones()),
           bias = model.parameter("bias", {width}, zeros());
    sources = {{"x", x}, {"scale", scale}, {"bias", bias}};
    return layer_norm(x, scale, bias);
  });
}

static std::vector<Model> pointwise(const std::string &name, Tensor (*function)(const Tensor &), int64_t rows,
                                    int64_t width) {
  return differentiable(shaped(name, rows, width), [=](Model &model, Sources &sources) {
    Tensor x = model.input("x", {rows, width});
    sources = {{"x", x}};
    return function(x);
  });
}

std::vector<Model> rows() {
  std::vector<Model> models;
  for (const std::vector<Model> &pair : {layerNorm(1576, 768),
                                         pointwise(
                                             "softmax", [](const Tensor &x) { return softmax(x); }, 4728, 197),
                                         pointwise(
                                             "gelu", [](const Tensor &x) { return gelu(x); }, 1576, 768)})
    models.insert(models.end(), pair.begin(), pair.end());
  return models;
}
