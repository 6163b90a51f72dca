// Multi-head self-attention.
#pragma once

#include <cmath>

#include <fovea/AttentionMaps.h>
#include <fovea/nn/Heads.h>
#include <fovea/nn/Layers.h>

namespace fovea::nn {

struct MultiHeadAttentionOptions {
  bool bias = false; // of the queries, keys and values; the projection always has one
  bool causal = false;
  std::optional<int64_t> kv_heads =
      {}; // fewer heads of keys and values, each for several of queries; by default as many
};
/// Self-attention over tokens (batch, tokens, width) in heads of width / heads (Vaswani et al. 2017, section 3.2.2).
/// Queries, keys and values are one product with `qkv.weight` (width, 3 width, or less with fewer kv_heads), in this
/// order. Each call may bring options of attention's own, such as a score function.
class MultiHeadAttention {
public:
  MultiHeadAttention(const Scope &at, int64_t width, int64_t heads, MultiHeadAttentionOptions options = {})
      : width(width), heads(heads), kvHeads(checked(at, width, heads, options)), causal(options.causal),
        qkv(at / "qkv", width, width + 2 * kvHeads * (width / heads), {options.bias}),
        projection(at / "projection", width, width) {}

  Tensor operator()(Located x, AttentionOptions options = {}) const {
    Frame frame(x);
    Parts parts = partsOf(x, options);
    return projection(reshape(transpose(parts.attended.result, {0, 2, 1, 3}), x.tensor.shape()));
  }

  /// The attention weights, (batch, heads, tokens, tokens). For looking at a model: they have no gradient.
  Tensor maps(Located x, AttentionOptions options = {}) const {
    Frame frame(x);
    Parts parts = partsOf(x, options);
    return attention_weights(parts.q, parts.k, parts.attended, options);
  }
  /// Their mean over heads, (batch, tokens, tokens), and the entropy of each row, (batch, heads, tokens): without
  /// storing the weights of all heads.
  Tensor mean_map(Located x, AttentionOptions options = {}) const {
    Frame frame(x);
    Parts parts = partsOf(x, options);
    return mean_attention(parts.q, parts.k, parts.attended, options);
  }
  Tensor entropy(Located x, AttentionOptions options = {}) const {
    Frame frame(x);
    Parts parts = partsOf(x, options);
    return attention_entropy(parts.q, parts.k, parts.attended, options);
  }

private:
  struct Parts {
    Tensor q, k, v; // (batch, heads or kv_heads, tokens, head size)
    Attended attended;
  };
  Parts partsOf(const Tensor &x, AttentionOptions &options) const {
    options.causal |= causal;
    Tensor y = qkv(x), q, k, v;
    int64_t size = width / heads;
    if (kvHeads == heads) {
      y = transpose(reshape(y, {x.dim(0), x.dim(1), 3, heads, size}), {2, 0, 3, 1, 4});
      q = pick(y, 0, 0), k = pick(y, 0, 1), v = pick(y, 0, 2);
    } else {
      std::vector<Tensor> parts = split(y, {width, kvHeads * size, kvHeads * size}, -1);
      q = split_heads(parts[0], heads), k = split_heads(parts[1], kvHeads), v = split_heads(parts[2], kvHeads);
    }
    return {q, k, v, attend(q, k, v, options)};
  }

  static int64_t checked(const Scope &at, int64_t width, int64_t heads, const MultiHeadAttentionOptions &options) {
    checked_heads(at, width, heads);
    int64_t kvHeads = options.kv_heads.value_or(heads);
    if (kvHeads < 1 || heads % kvHeads)
      at.fail("attention: " + std::to_string(kvHeads) + " heads of keys and values do not divide " +
              std::to_string(heads) + " heads");
    return kvHeads;
  }

  int64_t width, heads, kvHeads;
  bool causal;
  Linear qkv, projection;
};

} // namespace fovea::nn
