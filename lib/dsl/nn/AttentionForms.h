// Blocks of other forms of attention, on tokens (b, n, width).
#pragma once

#include <cmath>

#include <fovea/AttentionForms.h>
#include <fovea/nn/Heads.h>
#include <fovea/nn/Layers.h>

namespace fovea::nn {

/// Tokens of one kind attend to those of another, such as text to an image: x (b, n, width), context (b, m,
/// context_width) to (b, n, width). Keys and values are one product with `key_value.weight` (context_width, 2 width),
/// in this order (Lu et al. 2019, "ViLBERT", section 2.2: each half of a co-attentional layer).
class CrossModalAttention {
public:
  CrossModalAttention(const Scope &at, int64_t width, int64_t context_width, int64_t heads)
      : width(width), heads(heads), query(checked_heads(at, width, heads) / "query", width, width),
        keyValue(at / "key_value", context_width, 2 * width), projection(at / "projection", width, width) {}

  Tensor operator()(Located x, Located context) const {
    Frame frame(x);
    std::vector<Tensor> parts = split(keyValue(context.tensor), {width, width}, -1);
    Tensor mixed =
        attention(split_heads(query(x.tensor), heads), split_heads(parts[0], heads), split_heads(parts[1], heads));
    return projection(merge_heads(mixed));
  }

private:
  int64_t width, heads;
  Linear query, keyValue, projection;
};

/// Tokens of two kinds attend to each other, both as they come in: (a, b) to what each gets from the other.
class CoAttention {
public:
  CoAttention(const Scope &at, int64_t first_width, int64_t second_width, int64_t heads)
      : first(at / "first", first_width, second_width, heads), second(at / "second", second_width, first_width, heads) {
  }

  std::pair<Tensor, Tensor> operator()(Located a, Located b) const {
    Frame frame(a);
    return {first(a.tensor, b.tensor), second(b.tensor, a.tensor)};
  }

private:
  CrossModalAttention first, second;
};

/// What class tokens (b, c, width) get from themselves and patches (b, n, width), c = 1 in the paper: only they are
/// queries (Touvron et al. 2021, "Going Deeper with Image Transformers", CaiT).
class ClassAttention {
public:
  ClassAttention(const Scope &at, int64_t width, int64_t heads) : attention(at, width, width, heads) {}

  Tensor operator()(Located token, Located patches) const {
    Frame frame(token);
    return attention(token.tensor, concat({token.tensor, patches.tensor}, 1));
  }

private:
  CrossModalAttention attention;
};

struct TalkingHeadsAttentionOptions {
  bool bias = false; // of the queries, keys and values
  bool causal = false;
};
/// Self-attention with talking heads: `before` and `after` (heads, heads) mix the scores and the weights (Shazeer et
/// al. 2020, "Talking-Heads Attention").
class TalkingHeadsAttention {
public:
  TalkingHeadsAttention(const Scope &at, int64_t width, int64_t heads, TalkingHeadsAttentionOptions options = {})
      : width(width), heads(heads), causal(options.causal),
        qkv(checked_heads(at, width, heads) / "qkv", width, 3 * width, {options.bias}),
        before(at.parameter("before", {heads, heads}, xavier_uniform((double)heads, (double)heads))),
        after(at.parameter("after", {heads, heads}, xavier_uniform((double)heads, (double)heads))),
        projection(at / "projection", width, width) {}

  Tensor operator()(Located x) const {
    Frame frame(x);
    std::vector<Tensor> parts = split(qkv(x.tensor), {width, width, width}, -1);
    for (Tensor &part : parts) part = split_heads(part, heads);
    return projection(
        merge_heads(talking_heads_attention(parts[0], parts[1], parts[2], before, after, {.causal = causal})));
  }

private:
  int64_t width, heads;
  bool causal;
  Linear qkv;
  Tensor before, after;
  Linear projection;
};

/// additive_attention with its matrices: `query.weight` (query_width, hidden), `key.weight` (key_width, hidden) with a
/// bias, and `vector` (hidden) (Bahdanau et al. 2015, appendix A.1.2).
class AdditiveAttention {
public:
  AdditiveAttention(const Scope &at, int64_t query_width, int64_t key_width, int64_t hidden)
      : query(at / "query", query_width, hidden, {.bias = false}), key(at / "key", key_width, hidden),
        vector(at.parameter("vector", {hidden}, normal(1 / std::sqrt((double)hidden)))) {}

  /// x (b, queries, query_width) attends to memory (b, n, key_width), whose rows are keys and values.
  Weighted operator()(Located x, Located memory, const std::optional<Tensor> &mask = {}) const {
    Frame frame(x);
    return additive_attention(query(x.tensor), key(memory.tensor), memory.tensor, vector, mask);
  }
  /// The memory's keys, for several calls of attend.
  Tensor keys(Located memory) const { return key(memory); }
  Weighted attend(Located x, Located keys, Located memory, const std::optional<Tensor> &mask = {}) const {
    Frame frame(x);
    return additive_attention(query(x.tensor), keys.tensor, memory.tensor, vector, mask);
  }

private:
  Linear query, key;
  Tensor vector;
};

} // namespace fovea::nn
