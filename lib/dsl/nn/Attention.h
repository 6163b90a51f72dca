// Multi-head self-attention.
#pragma once

#include <cmath>

#include <fovea/nn/Layers.h>

namespace fovea::nn {

struct MultiHeadAttentionOptions {
  bool bias = false; // of the queries, keys and values; the projection always has one
  bool causal = false;
};
/// Self-attention over tokens (batch, tokens, width) in heads of width / heads (Vaswani et al. 2017, section 3.2.2).
/// Queries, keys and values are one product with `qkv.weight` (width, 3 width), in this order.
class MultiHeadAttention {
public:
  MultiHeadAttention(const Scope &at, int64_t width, int64_t heads, MultiHeadAttentionOptions options = {})
      : width(width), heads(heads), causal(options.causal),
        qkv(checked(at, width, heads) / "qkv", width, 3 * width, {options.bias}),
        projection(at / "projection", width, width) {}

  Tensor operator()(Located x) const {
    Frame frame(x);
    auto [q, k, v] = split(x.tensor);
    Tensor mixed = attention(q, k, v, {.scale = scale(), .causal = causal});
    return projection(reshape(transpose(mixed, {0, 2, 1, 3}), x.tensor.shape()));
  }

  /// The attention weights softmax(scale q k^T) themselves: (batch, heads, tokens, tokens). For looking at a model:
  /// their memory grows with the square of the tokens. Not for causal attention.
  Tensor maps(Located x) const {
    Frame frame(x);
    if (causal) frame.fail("attention maps: this attention is causal, and maps() has no mask: leave .causal out");
    auto [q, k, v] = split(x.tensor);
    return softmax(matmul(q, k, {.transpose_b = true}) * scale());
  }

private:
  struct Heads {
    Tensor q, k, v; // each (batch, heads, tokens, head size)
  };
  Heads split(const Tensor &x) const {
    Tensor y = reshape(qkv(x), {x.dim(0), x.dim(1), 3, heads, width / heads});
    y = transpose(y, {2, 0, 3, 1, 4});
    return {pick(y, 0, 0), pick(y, 0, 1), pick(y, 0, 2)};
  }
  double scale() const { return 1 / std::sqrt(double(width / heads)); }
  static const Scope &checked(const Scope &at, int64_t width, int64_t heads) {
    if (heads < 1 || width % heads)
      at.fail("attention: " + std::to_string(heads) + " heads do not divide " + std::to_string(width) + " channels");
    return at;
  }

  int64_t width, heads;
  bool causal;
  Linear qkv, projection;
};

} // namespace fovea::nn
