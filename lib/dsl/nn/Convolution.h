// Convolutions with parameters.
#pragma once

#include <cmath>

#include <fovea/Functions.h>
#include <fovea/Model.h>

namespace fovea::nn {

struct Conv2dOptions {
  Pair2d kernel = {3, 3}, stride = {1, 1}, padding = {0, 0}, dilation = {1, 1};
  int64_t groups = 1;
  bool bias = true;
  std::optional<Initializer> initial = {}; // of weight and bias
};
/// conv2d with a bias for each output channel: (n, inputs, h, w) to (n, outputs, h', w'). The weight is (outputs,
/// inputs / groups, kh, kw), drawn as He et al. (2015, "Delving Deep into Rectifiers") have it for what goes into a
/// ReLU, and the bias 0, unless `initial` says otherwise.
class Conv2d {
public:
  Conv2d(const Scope &at, int64_t inputs, int64_t outputs, Conv2dOptions options = {})
      : options(options), weight(makeWeight(at, inputs, outputs, options)) {
    if (options.bias) bias = at.parameter("bias", {outputs}, options.initial.value_or(zeros()));
  }

  Tensor operator()(Located x) const {
    Frame frame(x);
    Tensor y = conv2d(x.tensor, weight, {options.stride, options.padding, options.dilation, options.groups});
    return bias ? y + reshape(*bias, {weight.dim(0), 1, 1}) : y;
  }

private:
  static Tensor makeWeight(const Scope &at, int64_t inputs, int64_t outputs, const Conv2dOptions &options) {
    if (options.groups < 1 || inputs % options.groups || outputs % options.groups)
      at.fail(std::to_string(options.groups) + " groups do not divide " + std::to_string(inputs) + " input and " +
              std::to_string(outputs) + " output channels");
    int64_t channels = inputs / options.groups, elements = channels * options.kernel[0] * options.kernel[1];
    Initializer he = normal(std::sqrt(2.0 / (double)std::max<int64_t>(elements, 1)));
    return at.parameter("weight", {outputs, channels, options.kernel[0], options.kernel[1]},
                        options.initial.value_or(he));
  }

  Conv2dOptions options;
  Tensor weight;
  std::optional<Tensor> bias;
};

} // namespace fovea::nn
