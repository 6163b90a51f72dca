// A convolution with what usually follows it.
#pragma once

#include <fovea/nn/Convolution.h>
#include <fovea/nn/Layers.h>

namespace fovea::nn {

struct BasicConvOptions {
  Pair2d kernel = {3, 3}, stride = {1, 1}, padding = {0, 0}, dilation = {1, 1};
  int64_t groups = 1;
  bool relu = true, norm = true, bias = false;
  BatchNormOptions batch_norm = {.momentum = 0.01};
};
/// relu(norm(conv(x))), each of the two and the convolution's bias as chosen (Ioffe and Szegedy 2015, "Batch
/// Normalization", section 3.2). To be called once, as BatchNorm.
class BasicConv {
public:
  BasicConv(const Scope &at, int64_t inputs, int64_t outputs, BasicConvOptions options = {})
      : conv(at / "conv", inputs, outputs,
             {options.kernel, options.stride, options.padding, options.dilation, options.groups, options.bias}),
        activates(options.relu) {
    if (options.norm) norm.emplace(at / "norm", outputs, options.batch_norm);
  }

  Tensor operator()(Located x) const {
    Frame frame(x);
    Tensor y = conv(x.tensor);
    if (norm) y = (*norm)(y);
    return activates ? relu(y) : y;
  }

private:
  Conv2d conv;
  std::optional<BatchNorm> norm;
  bool activates;
};

} // namespace fovea::nn
