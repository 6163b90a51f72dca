// A 3 x 3 convolution, forward. Its backward parts without it are in conv_8x64x56x56_backward.mlir.
#include "models.h"

std::vector<Model> convolutions() {
  Model model("conv_8x64x56x56");
  Tensor x = model.input("x", {8, 64, 56, 56});
  model.output("y", nn::Conv2d(model, 64, 64, {.padding = {1, 1}, .bias = false})(x));
  return {model};
}
