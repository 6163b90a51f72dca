// Choices that have a gradient all the same: of one key by hard attention, of one class. Every function throws Error,
// with the line of the call, where shapes, types or options do not fit.
#pragma once

#include <fovea/AttentionForms.h>

namespace fovea {

/// x of floats, through which no gradient passes.
Tensor stop_gradient(Located x);

/// 1 at the largest of the logits (.., classes), the first of equal ones, else 0; the gradient is that of softmax
/// (Bengio et al. 2013, "Estimating or Propagating Gradients Through Stochastic Neurons": straight-through).
Tensor straight_through(Located logits);

struct GumbelSoftmaxOptions {
  double temperature = 1;
  bool hard = false; // 1 at the largest and 0 elsewhere, with the gradient of the soft weights
};
/// softmax((logits + g) / temperature) of logits (.., classes) for Gumbel noise g, drawn with a key: a sample of
/// softmax(logits) as the temperature goes to 0 (Jang et al. 2017, "Categorical Reparameterization with
/// Gumbel-Softmax"; Maddison et al. 2017, "The Concrete Distribution"). In training and in inference alike.
Tensor gumbel_softmax(Located key, Located logits, const GumbelSoftmaxOptions &options = {});

struct HardAttentionOptions {
  std::optional<double> scale = {}; // by default 1 / sqrt(d)
  std::optional<Tensor> key = {};   // for a sample, as gumbel_softmax draws it, in place of the largest score
  double temperature = 1;           // of the sample's gradient
};
/// The value of the one key with the largest score, scale q k^T, or of a sample, for query (.., queries, d), key (..,
/// keys, d) and value (.., keys, d_v), and weights of one 1 for each query; the gradient is that of soft weights (Xu et
/// al. 2015, "Show, Attend and Tell", section 4.1, with the estimators above in place of its own, which is
/// reinforce_loss).
Weighted hard_attention(Located query, Located key, Located value, const HardAttentionOptions &options = {});

/// mean(-(reward - baseline) log_probability), whose gradient in the parameters of what was sampled is that of the
/// expected reward (Williams 1992, "Simple Statistical Gradient-Following Algorithms", REINFORCE; Xu et al. 2015,
/// section 4.1). All are floats of one type and shape, the baseline may broadcast; no gradient passes to reward and
/// baseline. The log-probability of a sample is that of its index: `-nll_loss(log_softmax(logits), index, {.reduction =
/// Reduction::none})`.
Tensor reinforce_loss(Located log_probability, Located reward, Located baseline);

} // namespace fovea
