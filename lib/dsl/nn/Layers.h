// Single layers with parameters.
#pragma once

#include <fovea/Functions.h>
#include <fovea/Model.h>

namespace fovea::nn {

struct LinearOptions {
  bool bias = true;
  std::optional<Initializer> initial = {}; // of weight and bias
};
/// x weight + bias along the last dimension: (.., inputs) to (.., outputs). The weight is (inputs, outputs), drawn as
/// Glorot and Bengio (2010) have it, and the bias 0, unless `initial` says otherwise.
class Linear {
public:
  Linear(const Scope &at, int64_t inputs, int64_t outputs, LinearOptions options = {})
      : weight(at.parameter("weight", {inputs, outputs}, options.initial.value_or(xavier_uniform(inputs, outputs)))) {
    if (options.bias) bias = at.parameter("bias", {outputs}, options.initial.value_or(zeros()));
  }

  Tensor operator()(Located x) const {
    Frame frame(x);
    Shape shape = x.tensor.shape();
    Tensor y = matmul(shape.size() == 2 ? x.tensor : reshape(x.tensor, {-1, x.tensor.dim(-1)}), weight);
    if (bias) y = y + *bias;
    if (shape.size() == 2) return y;
    shape.back() = weight.dim(1);
    return reshape(y, shape);
  }

private:
  Tensor weight;
  std::optional<Tensor> bias;
};

/// Rows of zero mean and unit variance along the last dimension, of size `width`, scaled and shifted (Ba et al. 2016).
class LayerNorm {
public:
  LayerNorm(const Scope &at, int64_t width, double epsilon = 1e-5)
      : scale(at.parameter("scale", {width}, ones())), bias(at.parameter("bias", {width}, zeros())), epsilon(epsilon) {}

  Tensor operator()(Located x) const {
    Frame frame(x);
    return layer_norm(x.tensor, scale, bias, epsilon);
  }

private:
  Tensor scale, bias;
  double epsilon;
};

/// Rows over the root of their mean square along the last dimension, of size `width`, scaled (Zhang and Sennrich 2019).
class RmsNorm {
public:
  RmsNorm(const Scope &at, int64_t width, double epsilon = 1e-6)
      : scale(at.parameter("scale", {width}, ones())), epsilon(epsilon) {}

  Tensor operator()(Located x) const {
    Frame frame(x);
    return rms_norm(x.tensor, scale, epsilon);
  }

private:
  Tensor scale;
  double epsilon;
};

/// Groups of channels of each item of zero mean and unit variance, scaled and shifted by channel (Wu and He 2018).
class GroupNorm {
public:
  GroupNorm(const Scope &at, int64_t groups, int64_t channels, double epsilon = 1e-5)
      : groups(groups), scale(at.parameter("scale", {channels}, ones())),
        bias(at.parameter("bias", {channels}, zeros())), epsilon(epsilon) {}

  Tensor operator()(Located x) const {
    Frame frame(x);
    return group_norm(x.tensor, groups, scale, bias, epsilon);
  }

private:
  int64_t groups;
  Tensor scale, bias;
  double epsilon;
};

/// Channels of zero mean and unit variance, scaled and shifted: over the batch in training, by the running statistics
/// in inference (Ioffe and Szegedy 2015). To be called once: a state is stored once.
class BatchNorm {
public:
  BatchNorm(const Scope &at, int64_t channels, BatchNormOptions options = {})
      : scale(at.parameter("scale", {channels}, ones())), bias(at.parameter("bias", {channels}, zeros())),
        mean(at.parameter("running_mean", {channels}, zeros(), {.frozen = true})),
        variance(at.parameter("running_variance", {channels}, ones(), {.frozen = true})), options(options) {}

  Tensor operator()(Located x) const {
    Frame frame(x);
    return batch_norm(x.tensor, scale, bias, mean, variance, options);
  }

private:
  Tensor scale, bias, mean, variance;
  BatchNormOptions options;
};

/// A learned vector for each integer below `rows`: indices (..) to (.., width).
class Embedding {
public:
  Embedding(const Scope &at, int64_t rows, int64_t width)
      : table(at.parameter("weight", {rows, width}, normal(0.02))) {}

  Tensor operator()(Located indices) const {
    Frame frame(indices);
    return embedding(table, indices.tensor);
  }

private:
  Tensor table;
};

/// Zeroes elements with probability `rate` in training (Srivastava et al. 2014).
class Dropout {
public:
  explicit Dropout(double rate) : rate(rate) {}
  Tensor operator()(Located x) const { return rate > 0 ? dropout(x, rate) : x.tensor; }

private:
  double rate;
};

/// `count` blocks of one kind, in the scopes at / 0, at / 1, ...
template <typename Block, typename... Arguments>
std::vector<Block> repeat(int64_t count, const Scope &at, const Arguments &...arguments) {
  std::vector<Block> blocks;
  for (int64_t i = 0; i < count; ++i) blocks.emplace_back(at / i, arguments...);
  return blocks;
}

} // namespace fovea::nn
