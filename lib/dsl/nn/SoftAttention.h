// Attention among the pixels of a map.
#pragma once

#include <fovea/AttentionMaps.h>
#include <fovea/nn/Convolution.h>
#include <fovea/nn/Heads.h>

namespace fovea::nn {

struct SoftAttentionOptions {
  std::optional<int64_t> outputs = {}; // channels of the result; by default those of x
  bool scaled = true; // scores are divided by sqrt(outputs / 2), as the text of the article that the library's systems
                      // follow has it; as written, in its code, they are not
  bool residual = true; // adds x or, where it has other channels than the result, `skip` of it, a convolution of 1 by 1
};
/// gamma softmax(q^T k) v + x for x (b, inputs, h, w), q and k of outputs / 2 and v of `outputs` channels, convolutions
/// of 1 by 1 with a bias, softmax over all pixels; gamma (1) starts at 0, so that at first only it has a gradient (Wang
/// et al. 2018, "Non-local Neural Networks"; gamma: Zhang et al. 2019, "Self-Attention Generative Adversarial
/// Networks"). The weights, (b, h w, h w), have no gradient and are computed where they are used.
class SoftAttention {
public:
  SoftAttention(const Scope &at, int64_t inputs, SoftAttentionOptions options = {})
      : options(checked(at, options.outputs.value_or(inputs), options)), outputs(options.outputs.value_or(inputs)),
        query(at / "query", inputs, outputs / 2, {.kernel = {1, 1}}),
        key(at / "key", inputs, outputs / 2, {.kernel = {1, 1}}),
        value(at / "value", inputs, outputs, {.kernel = {1, 1}}), gamma(at.parameter("gamma", {1}, zeros())) {
    if (options.residual && inputs != outputs)
      skip.emplace(at / "skip", inputs, outputs, Conv2dOptions{.kernel = {1, 1}});
  }

  Weighted operator()(Located x) const {
    Frame frame(x);
    if (x.tensor.rank() != 4)
      frame.fail("soft attention: x has rank " + std::to_string(x.tensor.rank()) + ": it must be (b, channels, h, w)");
    auto head = [&](const Conv2d &conv) {
      Tensor tokens = Tokens(frame, "soft attention", conv(x.tensor)).tokens;
      return reshape(tokens, {tokens.dim(0), 1, tokens.dim(1), tokens.dim(2)});
    };
    Tensor q = head(query), k = head(key), v = head(value);
    AttentionOptions sees;
    if (!options.scaled) sees.scale = 1;
    Attended attended = attend(q, k, v, sees);
    Dim b = q.dim(0), n = q.dim(2);
    Tensor y = transpose(reshape(attended.result, {b, n, outputs}), {0, 2, 1});
    y = gamma * reshape(y, {b, outputs, x.tensor.dim(2), x.tensor.dim(3)});
    if (options.residual) y = y + (skip ? (*skip)(x.tensor) : x.tensor);
    return {y, reshape(attention_weights(q, k, attended, sees), {b, n, n})};
  }

private:
  static SoftAttentionOptions checked(const Scope &at, int64_t outputs, const SoftAttentionOptions &options) {
    if (outputs < 2)
      at.fail("soft attention: " + std::to_string(outputs) +
              " channels: there must be at least 2, of which queries and "
              "keys have half");
    return options;
  }

  SoftAttentionOptions options;
  int64_t outputs;
  Conv2d query, key, value;
  Tensor gamma;
  std::optional<Conv2d> skip;
};

} // namespace fovea::nn
