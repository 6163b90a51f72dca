// Scaled dot-product attention with score and mask functions of the author's. Included by <fovea/Functions.h>.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include <fovea/Tensor.h>

namespace fovea {

/// What a score or mask function computes with: tensors of rank 0, for one pair of a query and a key. All functions of
/// single elements apply. Scores are f64 in models of f64, else f32; indices are i32.
using Scalar = Tensor;
using Index = Tensor;

/// The score of query i and key j in head h of item b, from scale * q k^T.
using ScoreFunction = std::function<Scalar(Scalar score, Index b, Index h, Index i, Index j)>;
/// Whether query i sees key j.
using MaskFunction = std::function<Scalar(Index b, Index h, Index i, Index j)>;

/// Inside a score or mask function: the element of a tensor from outside, by one index for each dimension. An index
/// outside is brought to the nearest element; with `--checks` it is an error when the program runs, also where a mask
/// hides the pair or the function does not use what it loads. Elements of f16 and bf16 are read as f32. The tensor receives gradients,
/// summed over all pairs that read an element, in a fixed order. A tensor of rank 0 from outside may also stand in the
/// function as it is, but for f16 and bf16.
Scalar load(Located tensor, const std::vector<Operand> &indices);
template <typename... Indices> Scalar load(Located tensor, const Indices &...indices) {
  return load(tensor, std::vector<Operand>{Operand(indices, tensor.site)...});
}

struct AttentionOptions {
  std::optional<double> scale = {}; // by default 1 / sqrt(head size)
  bool causal = false;              // the last query sees the last key, and no query a later one
  std::optional<int64_t> window_left = {}, window_right = {}; // how many keys a query sees before and after its own
  double dropout = 0;                    // the probability that a weight drops out in training, below 1
  std::optional<Tensor> kv_lengths = {}; // (b) integers: an item's keys from its length on are hidden
  ScoreFunction score = {};
  MaskFunction mask = {};
};
/// softmax(score(scale q k^T)) v over the keys in sight, for q (b, heads, queries, d), k (b, kv_heads, keys, d),
/// v (b, kv_heads, keys, d_v), where kv_heads divides heads (Vaswani et al. 2017, "Attention Is All You Need"; grouped
/// heads: Ainslie et al. 2023, "GQA"). Memory does not grow with queries * keys. A query that sees no key, or whose
/// scores are all below -1e38, gets zeros.
Tensor attention(Located query, Located key, Located value, AttentionOptions options = {});

struct Attended {
  Tensor result;      // (b, heads, queries, d_v)
  Tensor log_sum_exp; // (b, heads, queries): of the scores of all keys in sight, -inf where there is none
};
/// attention with the logarithm of what each row of weights was divided by; both have gradients.
Attended attend(Located query, Located key, Located value, AttentionOptions options = {});

/// Attention over the keys of all of these, each computed for the same queries on keys of its own.
Attended merge(const std::vector<Attended> &parts, Site site = Site::here());

/// attention with one more key for each head that has no value: its weight goes nowhere. `sink` (heads) are its scores
/// (Xiao et al. 2024, "Efficient Streaming Language Models with Attention Sinks").
Tensor with_sink(const Attended &attended, Located sink);

} // namespace fovea
