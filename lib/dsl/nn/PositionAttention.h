// Attention by a score of each position alone: pools of an image or of tokens, for all of it or for windows; and hard
// attention, which chooses one position.
#pragma once

#include <fovea/Choice.h>
#include <fovea/nn/BasicConv.h>
#include <fovea/nn/Heads.h>

namespace fovea::nn {

struct PositionScoreOptions {
  std::optional<int64_t> hidden = {}; // score(relu(first(x))), with so many channels between; else score(x)
  bool gated = false; // needs `hidden`: score(tanh(first(x)) sigmoid(gate(x))) (Ilse et al. 2018, "Attention-based Deep
                      // Multiple Instance Learning", equation 9)
  std::optional<Initializer> initial = {}; // of its linear layers
};
/// A number for each token (b, n, width): (b, n).
class PositionScore {
public:
  PositionScore(const Scope &at, int64_t width, PositionScoreOptions options = {})
      : score(at / "score", options.hidden.value_or(width), 1, {.initial = options.initial}) {
    if (options.gated && !options.hidden) at.fail("position score: a gated one needs .hidden, its channels between");
    if (options.hidden) first.emplace(at / "first", width, *options.hidden, LinearOptions{.initial = options.initial});
    if (options.gated) gate.emplace(at / "gate", width, *options.hidden, LinearOptions{.initial = options.initial});
  }

  Tensor operator()(Located tokens) const {
    Frame frame(tokens);
    Tensor x = tokens.tensor;
    if (gate)
      x = tanh((*first)(x)) * sigmoid((*gate)(x));
    else if (first)
      x = relu((*first)(x));
    return reshape(score(x), {x.dim(0), x.dim(1)});
  }

private:
  std::optional<Linear> first, gate;
  Linear score;
};

struct PositionPoolOptions {
  PositionScoreOptions score = {};
  bool single = false; // as written in the article that the library's systems follow: each weight is a softmax over one
                       // element, so 1; the result is a plain sum, and scores learn nothing
};
/// The sum of positions, weighted by softmax over positions of a score each: x (b, n, width) or (b, width, h, w) to (b,
/// width), with weights (b, n) or (b, h, w) (Ilse et al. 2018, equation 8; Lin et al. 2017, "A Structured
/// Self-Attentive Sentence Embedding", with one hop).
class PositionPool {
public:
  PositionPool(const Scope &at, int64_t width, PositionPoolOptions options = {})
      : score(at, width, options.score), single(options.single) {}

  Weighted operator()(Located x) const {
    Frame frame(x);
    Tokens tokens(frame, "position pool", x);
    Dim b = tokens.tokens.dim(0), n = tokens.tokens.dim(1), width = tokens.tokens.dim(2);
    Tensor scores = score(tokens.tokens);
    Tensor weights = single ? reshape(softmax(reshape(scores, {b, n, 1})), {b, n}) : softmax(scores);
    Tensor sum = matmul(reshape(weights, {b, 1, n}), tokens.tokens);
    return {reshape(sum, {b, width}), tokens.map(weights)};
  }

private:
  PositionScore score;
  bool single;
};

struct PositionAttentionOptions {
  int64_t hidden = 512; // channels between, of the score
  bool single = false;  // as written: see PositionPoolOptions
};
/// What PositionPool gives, at every position: as x (b, width, h, w) or (b, n, width). It is to be added to x, after a
/// stage of a ResNet (Cao et al. 2019, "GCNet", section 3.2: the simplified non-local block, with two layers for the
/// score).
class PositionAttention {
public:
  PositionAttention(const Scope &at, int64_t width, PositionAttentionOptions options = {})
      : pool(at, width, {.score = {.hidden = options.hidden}, .single = options.single}) {}

  Weighted operator()(Located x) const {
    Frame frame(x);
    auto [sum, weights] = pool(x.tensor);
    Shape shape = x.tensor.shape(), one = shape;
    for (size_t axis : shape.size() == 3 ? std::vector<size_t>{1} : std::vector<size_t>{2, 3}) one[axis] = 1;
    return {broadcast_to(reshape(sum, one), shape), weights};
  }

private:
  PositionPool pool;
};

struct LocalAttentionPoolOptions {
  Pair2d size = {2, 2};              // of windows
  std::optional<Pair2d> stride = {}; // by default their size
  Pair2d padding = {0, 0};           // which has no weight
};
/// The sum of each window's pixels, weighted by softmax within the window of a score each: (b, channels, h, w) to (b,
/// channels, h', w') (Gao et al. 2019, "LIP: Local Importance-based Pooling", section 3.1, with one score for all
/// channels). A sequence (b, n, width) is an image of one row: it takes {1, k}, and a padding of {0, p}.
class LocalAttentionPool {
public:
  LocalAttentionPool(const Scope &at, int64_t channels, LocalAttentionPoolOptions options = {})
      : options(options), score(at / "score", channels, 1, {.kernel = {1, 1}}) {}

  Tensor operator()(Located x) const {
    Frame frame(x);
    if (x.tensor.rank() != 3) return pooled(frame, x);
    Tensor row = transpose(x.tensor, {0, 2, 1});
    Tensor y = pooled(frame, reshape(row, {row.dim(0), row.dim(1), 1, row.dim(2)}));
    return transpose(reshape(y, {y.dim(0), y.dim(1), y.dim(3)}), {0, 2, 1});
  }

private:
  Tensor pooled(const Frame &frame, const Tensor &x) const {
    if (x.rank() != 4)
      frame.fail("local attention pool: x has rank " + std::to_string(x.rank()) +
                 ": it must be (b, n, width) or (b, width, h, w)");
    auto windows = [&](Tensor image, double outside) {
      for (int d : {0, 1})
        image = pad(image, 2 + d, options.padding[d], options.padding[d], PadMode::constant, outside);
      Tensor y = unfold2d(image, options.size, {.stride = options.stride.value_or(options.size)});
      return reshape(y, {y.dim(0), y.dim(1), y.dim(2) * y.dim(3), y.dim(4), y.dim(5)});
    };
    Tensor weights = softmax(windows(score(x), x.dtype() == f16 ? -6e4 : -1e30), 2);
    return sum(windows(x, 0) * weights, 2);
  }

  LocalAttentionPoolOptions options;
  Conv2d score;
};

struct HardAttentionPoolOptions {
  PositionScoreOptions score = {};
  double temperature = 1;       // of a sample's gradient
  bool straight_through = true; // scores have the gradient of soft weights; else none but that of log_probability
};
/// One position, chosen by scores: the one with the largest, as in inference; or, with a key, a sample of
/// softmax(scores) that Gumbel noise draws, as in training. x (b, n, width) or (b, width, h, w) gives (b, width).
/// Scores learn by the straight-through gradient of gumbel_softmax, or by reinforce_loss of the choice's
/// log-probability (Xu et al. 2015, "Show, Attend and Tell", section 4.1; Mnih et al. 2014, "Recurrent Models of Visual
/// Attention").
class HardAttentionPool {
public:
  HardAttentionPool(const Scope &at, int64_t width, HardAttentionPoolOptions options = {})
      : options(options), score(at, width, options.score) {}

  struct Result {
    Tensor result, weights; // (b, width); one 1 for each item, (b, n) or (b, h, w)
    Tensor log_probability; // (b): of the choice
  };
  Result operator()(Located x, const std::optional<Tensor> &key = {}) const {
    Frame frame(x);
    Tokens tokens(frame, "hard attention pool", x);
    Dim b = tokens.tokens.dim(0), n = tokens.tokens.dim(1), width = tokens.tokens.dim(2);
    Tensor scores = score(tokens.tokens);
    Tensor weights = key ? gumbel_softmax(*key, scores, {.temperature = options.temperature, .hard = true})
                         : straight_through(scores);
    if (!options.straight_through) weights = stop_gradient(weights);
    Tensor chosen = matmul(reshape(weights, {b, 1, n}), tokens.tokens);
    return {reshape(chosen, {b, width}), tokens.map(weights), sum(stop_gradient(weights) * log_softmax(scores), -1)};
  }

private:
  HardAttentionPoolOptions options;
  PositionScore score;
};

} // namespace fovea::nn
