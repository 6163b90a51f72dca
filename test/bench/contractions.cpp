// Products of two inputs, and of an input with a parameter.
#include "models.h"

static Model gemm(int64_t size) {
  Model model("gemm_" + std::to_string(size));
  Tensor a = model.input("a", {size, size}), b = model.input("b", {size, size});
  model.output("y", matmul(a, b));
  return model;
}

static Model linear(int64_t rows, int64_t inputs, int64_t outputs) {
  Model model("linear_" + std::to_string(rows) + "x" + std::to_string(inputs) + "x" + std::to_string(outputs));
  model.output("y", nn::Linear(model, inputs, outputs)(model.input("x", {rows, inputs})));
  return model;
}

std::vector<Model> contractions() {
  return {gemm(64),
          gemm(512),
          gemm(1024),
          gemm(2048),
          gemm(4096),
          linear(1576, 192, 576),
          linear(1576, 192, 768),
          linear(1576, 768, 192),
          linear(197, 192, 576)};
}
