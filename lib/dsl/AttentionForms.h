// Forms of attention whose scores or sums are other than those of one softmax over scaled products, as compositions of
// other functions. Every function throws Error, with the line of the call, where shapes, types or options do not fit.
#pragma once

#include <functional>

#include <fovea/Functions.h>

namespace fovea {

/// What attention gives, and the weights of the sum that it is.
struct Weighted {
  Tensor result, weights;
};

struct DotProductAttentionOptions {
  std::optional<double> temperature = {}; // what scores are divided by; by default sqrt(d)
  double dropout = 0;                     // the probability that a weight drops out in training, below 1
  std::optional<Tensor> mask = {};        // booleans that broadcast to the weights; see below
};
/// weights softmax(q k^T / temperature), (.., queries, keys), after dropout, and their sums of the values, for query
/// (.., queries, d), key (.., keys, d) and value (.., keys, d_v) (Vaswani et al. 2017, "Attention Is All You Need",
/// section 3.2.1). Scores are -1e9 (-6e4 in f16) where the mask is false: a row that sees no key is uniform. The
/// weights are stored and have a gradient; `attention` does without both.
Weighted dot_product_attention(Located query, Located key, Located value,
                               const DotProductAttentionOptions &options = {});

/// softmax of scores (.., keys) over the keys that a mask of booleans, which broadcasts to the scores, holds; the
/// others get 0, and so do all where it holds none.
Tensor masked_softmax(Located scores, Located mask);

/// Additive attention: weights softmax_j(sum_a vector_a tanh(query_i + key_j)_a), (.., queries, keys), and their sums
/// of the values, (.., queries, d), for query (.., queries, a), key (.., keys, a), value (.., keys, d) and vector (a),
/// which are already multiplied by their matrices (Bahdanau et al. 2015, "Neural Machine Translation by Jointly
/// Learning to Align and Translate", appendix A.1.2). A mask of booleans broadcasts to the weights, as in
/// masked_softmax. Training takes memory for queries * keys * a numbers.
Weighted additive_attention(Located query, Located key, Located value, Located vector,
                            const std::optional<Tensor> &mask = {});

struct TalkingHeadsOptions {
  bool causal = false;              // the last query sees the last key, and no query a later one
  std::optional<double> scale = {}; // by default 1 / sqrt(d)
  std::optional<Tensor> bias = {};  // added to the mixed scores; broadcasts to (b, h, queries, keys)
};
/// Heads that mix before and after softmax: matmul(mix(softmax(mix(scale q k^T, before)), after), v) for q (b, h_k,
/// queries, d), k (b, h_k, keys, d), v (b, h_v, keys, d_v), before (h_k, h) and after (h, h_v) (Shazeer et al. 2020,
/// "Talking-Heads Attention"). Takes memory for h and for h_v matrices of weights, whose sizes are constant.
Tensor talking_heads_attention(Located query, Located key, Located value, Located before, Located after,
                               const TalkingHeadsOptions &options = {});

struct LinearAttentionOptions {
  bool causal = false;   // no query sees a later key; there are as many queries as keys
  int64_t chunk = 64;    // of causal attention: so many positions are multiplied at once
  double epsilon = 1e-6; // added to the denominator, which may vanish
  std::function<Tensor(const Tensor &)> feature_map = {}; // of queries and keys, not negative; by default elu(x) + 1
};
/// sum_j (f(q_i) f(k_j)) v_j / (sum_j f(q_i) f(k_j) + epsilon) for a feature map f, q (.., queries, d), k (.., keys, d)
/// and v (.., keys, d_v), in time and memory that grow with the number of positions, not its square (Katharopoulos et
/// al. 2020, "Transformers are RNNs: Fast Autoregressive Transformers with Linear Attention", equations 5 and 9).
/// Causal: the products of each chunk with itself, below the diagonal, beside those with the sum of f(k) v^T over the
/// chunks before: memory for keys * chunk and keys * d * d_v / chunk numbers. Numbers of queries and keys are constant.
Tensor linear_attention(Located query, Located key, Located value, const LinearAttentionOptions &options = {});

struct LshAttentionOptions {
  int64_t chunk = 64;               // of sorted positions, which see each other and the chunk before
  bool causal = false;              // no query sees a later key
  std::optional<double> scale = {}; // by default 1 / sqrt(d)
};
/// Attention of queries to keys of their own hash buckets: queries, which are the keys too once they have length 1, are
/// hashed by `rotations` (rounds, d, buckets / 2), the index of the largest of x R and -x R; sorted by bucket and
/// place; and cut into chunks. A query sees the keys of its bucket in its own and the chunk before (that of the first
/// is the last), itself only where it sees no other. A key seen in several rounds counts once. For query (b, heads, n,
/// d) and value (b, heads, n, d_v), where chunks divide n, in memory for rounds * n * chunk weights (Kitaev et al.
/// 2020, "Reformer: The Efficient Transformer", section 2 and appendix A). Rotations are random normal numbers:
/// random_normal, or a frozen parameter. No gradient passes to them, nor through the choice of buckets. Sorting takes
/// time that grows with the square of n.
Tensor lsh_attention(Located query, Located value, Located rotations, const LshAttentionOptions &options = {});

} // namespace fovea
