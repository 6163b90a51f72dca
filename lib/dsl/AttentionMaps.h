// What attention sees: its weights, their mean, entropy and links, and how they add up over blocks. For looking at
// models: none of these but top_links and rollouts has a gradient.
#pragma once

#include <fovea/Functions.h>

namespace fovea {

/// Scores before the softmax: scale q k^T; after the score function; and -inf where a query does not see a key.
enum class Scores { raw, scored, masked };
/// (b, heads, queries, keys), of the query, key and options given to attention. Without a gradient.
Tensor attention_scores(Located query, Located key, const AttentionOptions &options = {},
                        Scores which = Scores::masked);

/// Some rows of weights: `count` queries from `first` on.
struct Rows {
  int64_t first = 0;
  std::optional<int64_t> count = {}; // by default all that follow
};
/// The weights that `attended`, of the same query, key and options, put on the values: (b, heads, rows, keys). They are
/// computed again from log_sum_exp. Without a gradient.
Tensor attention_weights(Located query, Located key, const Attended &attended, const AttentionOptions &options = {},
                         Rows rows = {});
/// The mean of the weights over heads, (b, rows, keys); the weights of single heads are not stored. Without a gradient.
Tensor mean_attention(Located query, Located key, const Attended &attended, const AttentionOptions &options = {},
                      Rows rows = {});
/// The entropy of each row of weights, in nats: (b, heads, rows), without storing weights. Without a gradient.
Tensor attention_entropy(Located query, Located key, const Attended &attended, const AttentionOptions &options = {},
                         Rows rows = {});
/// The mean over heads of max(0, weight times its cotangent), (b, rows, keys), for the cotangent of `attended.result`,
/// as gradient() gives it (Chefer et al. 2021, section 3.2). Without a gradient.
Tensor relevant_attention(Located query, Located key, Located value, const Attended &attended, Located cotangent,
                          const AttentionOptions &options = {}, Rows rows = {});

/// The k keys with the largest weights of each row, largest first.
Sorted top_links(Located weights, int64_t k);

/// How much of each token's output comes from each input, through mean maps (b, tokens, tokens) of a stack of blocks,
/// first block first: the product of (A + I) / 2 (Abnar and Zuidema 2020, "Quantifying Attention Flow in
/// Transformers").
Tensor rollout(const std::vector<Tensor> &maps, Site site = Site::here());
/// The same for maps of relevant_attention: R starts as I, and each block adds A R (Chefer et al. 2021, equation 6).
Tensor relevance_rollout(const std::vector<Tensor> &maps, Site site = Site::here());

} // namespace fovea
