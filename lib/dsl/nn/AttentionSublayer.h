// The attention sub-layer of the original transformer: projections of their own, residual, norm; and the same of
// convolutions.
#pragma once

#include <cmath>

#include <fovea/AttentionMaps.h>
#include <fovea/ScoreFunctions.h>
#include <fovea/nn/Heads.h>
#include <fovea/nn/Layers.h>

namespace fovea::nn {

struct AttentionSublayerOptions {
  std::optional<int64_t> key_size = {}, value_size = {}; // of each head, d_k and d_v; by default width / heads
  double dropout = 0.1;                                  // of what the projection gives
  bool residual = true, norm = true;                     // the two can be left out
  bool runs = false; // images are reshaped to tokens, as written in the article that the library's systems follow:
                     // token r is a run of pixels of one channel or several, and no pixel
};
/// LayerNorm(query + Dropout(MultiHead(query, key, value))), epsilon 1e-6, with `query.weight` (width, heads d_k),
/// `key.weight`, `value.weight` and `projection.weight` (heads d_v, width), all without a bias (Vaswani et al. 2017,
/// "Attention Is All You Need", sections 3.1 and 3.2.2). Tokens are (b, n, width), or images (b, width, h, w), whose
/// pixels they are; the result is as the query.
class AttentionSublayer {
public:
  AttentionSublayer(const Scope &at, int64_t width, int64_t heads, AttentionSublayerOptions options = {})
      : heads(heads), options(options), query(at / "query", width, keySize(at, width), {.bias = false}),
        key(at / "key", width, keySize(at, width), {.bias = false}),
        value(at / "value", width, valueSize(at, width), {.bias = false}),
        projection(at / "projection", valueSize(at, width), width, {.bias = false}), dropout(options.dropout) {
    if (options.norm) norm.emplace(at / "norm", width, 1e-6);
  }

  /// The weights are (b, heads, queries, keys), without a gradient, and computed where they are used. A mask of
  /// booleans broadcasts to (b, queries, keys); where it is false, a score is -1e9.
  Weighted operator()(Located q, Located k, Located v, const std::optional<Tensor> &mask = {}) const {
    Frame frame(q);
    Tokens tokens = tokensOf(frame, q);
    Tensor x = tokens.tokens;
    Tensor queries = split_heads(query(x), heads), keys = split_heads(key(tokensOf(frame, k).tokens), heads),
           values = split_heads(value(tokensOf(frame, v).tokens), heads);
    AttentionOptions sees;
    if (mask) sees.score = scores::filled(overHeads(frame, *mask));
    Attended attended = attend(queries, keys, values, sees);
    Tensor y = dropout(projection(merge_heads(attended.result)));
    if (options.residual) y = y + x;
    if (norm) y = (*norm)(y);
    return {tokens.back(y), attention_weights(queries, keys, attended, sees)};
  }
  /// Self-attention.
  Weighted operator()(Located x) const { return (*this)(x, x, x); }

private:
  int64_t keySize(const Scope &at, int64_t width) const { return heads * sizeOf(at, width, options.key_size); }
  int64_t valueSize(const Scope &at, int64_t width) const { return heads * sizeOf(at, width, options.value_size); }
  int64_t sizeOf(const Scope &at, int64_t width, std::optional<int64_t> size) const {
    if (!size || heads < 1) checked_heads(at, width, heads);
    return size.value_or(width / heads);
  }
  Tokens tokensOf(const Frame &frame, const Tensor &x) const { return {frame, "attention", x, options.runs}; }

  static Tensor overHeads(const Frame &frame, const Tensor &mask) {
    Shape shape = mask.shape();
    if (mask.dtype() != DType::boolean || shape.size() > 3)
      frame.fail("attention: the mask has rank " + std::to_string(shape.size()) +
                 ": it must be booleans that broadcast to (b, queries, keys)");
    if (shape.size() < 3) return mask;
    shape.insert(shape.begin() + 1, Dim(1));
    return reshape(mask, shape);
  }

  int64_t heads;
  AttentionSublayerOptions options;
  Linear query, key, value, projection;
  Dropout dropout;
  std::optional<LayerNorm> norm;
};

struct ConvolutionalAttentionOptions {
  int64_t heads = 4, size = 32; // of each head, whatever the width
};
/// Self-attention by convolutions of one place: queries, keys and values of heads of `size` channels, each with a bias;
/// softmax over keys of q k^T / sqrt(size); the heads, one after another, go through `projection`. With y = norm1(x +
/// projection(heads)), the result is norm2(y + second(relu(first(y)))) (Yu et al. 2018, "QANet", section 2.2, without
/// its convolutions and with the norms behind, as Vaswani et al. 2017 have them). x is tokens (b, n, width) or an image
/// (b, width, h, w), whose pixels they are.
class ConvolutionalAttention {
public:
  ConvolutionalAttention(const Scope &at, int64_t width, ConvolutionalAttentionOptions options = {})
      : options(checked(at, options)), query(at / "query", width, inner()), key(at / "key", width, inner()),
        value(at / "value", width, inner()), projection(at / "projection", inner(), width),
        first(at / "first", width, width), second(at / "second", width, width), norm1(at / "norm1", width),
        norm2(at / "norm2", width) {}

  struct Result {
    Tensor result; // as x
    Tensor heads;  // (b, n, heads size) or (b, heads size, h, w)
  };
  Result operator()(Located x) const {
    Frame frame(x);
    Tokens tokens(frame, "attention", x);
    auto split = [&](const Linear &linear) { return split_heads(linear(tokens.tokens), options.heads); };
    Tensor heads = merge_heads(attention(split(query), split(key), split(value)));
    Tensor y = norm1(tokens.tokens + projection(heads));
    return {tokens.back(norm2(y + second(relu(first(y))))), tokens.back(heads)};
  }

private:
  static ConvolutionalAttentionOptions checked(const Scope &at, const ConvolutionalAttentionOptions &options) {
    if (options.heads < 1 || options.size < 1)
      at.fail("attention: " + std::to_string(options.heads) + " heads of " + std::to_string(options.size) +
              " channels: there must be at least 1 of each");
    return options;
  }
  int64_t inner() const { return options.heads * options.size; }

  ConvolutionalAttentionOptions options;
  Linear query, key, value, projection, first, second;
  LayerNorm norm1, norm2;
};

} // namespace fovea::nn
