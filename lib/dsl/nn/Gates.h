// Gates: x times numbers from 0 to 1, by channel, by place or by feature. `weights` are these numbers.
#pragma once

#include <fovea/nn/BasicConv.h>

namespace fovea::nn {

/// How a channel becomes one number: its mean, maximum, root of the sum of squares, or log of the sum of exponentials.
enum class ChannelPool { average, max, lp, lse };

struct ChannelGateOptions {
  int64_t reduction = 16; // of the channels between
  std::vector<ChannelPool> pools = {ChannelPool::average, ChannelPool::max};
};
/// x (b, channels, h, w) times sigmoid of the sum of mlp(pool(x)) over the pools, for mlp(v) = up(relu(down(v))), which
/// they share: weights (b, channels, 1, 1) (Woo et al. 2018, "CBAM", section 3).
class ChannelGate {
public:
  ChannelGate(const Scope &at, int64_t channels, ChannelGateOptions options = {})
      : options(checked(at, channels, options)), down(at / "down", channels, channels / options.reduction),
        up(at / "up", channels / options.reduction, channels) {}

  Weighted operator()(Located x) const {
    Frame frame(x);
    if (x.tensor.rank() != 4)
      frame.fail("gate: x has rank " + std::to_string(x.tensor.rank()) + ": it must be (b, channels, h, w)");
    std::optional<Tensor> sum;
    for (ChannelPool pool : options.pools) {
      Tensor y = up(relu(down(pooled(x, pool))));
      sum = sum ? *sum + y : y;
    }
    Tensor gate = reshape(sigmoid(*sum), {x.tensor.dim(0), x.tensor.dim(1), 1, 1});
    return {x.tensor * gate, gate};
  }

private:
  static Tensor pooled(const Tensor &x, ChannelPool pool) {
    switch (pool) {
    case ChannelPool::average:
      return mean(x, {2, 3});
    case ChannelPool::max:
      return max(x, {2, 3});
    case ChannelPool::lp:
      return norm(x, 2, {2, 3});
    case ChannelPool::lse:
      break;
    }
    return log_sum_exp(reshape(x, {x.dim(0), x.dim(1), x.dim(2) * x.dim(3)}));
  }
  static ChannelGateOptions checked(const Scope &at, int64_t channels, const ChannelGateOptions &options) {
    if (options.reduction < 1 || channels < options.reduction)
      at.fail("gate: a reduction of " + std::to_string(options.reduction) + " leaves no channel of " +
              std::to_string(channels));
    if (options.pools.empty()) at.fail("gate: there is no pool: give at least one");
    return options;
  }

  ChannelGateOptions options;
  Linear down, up;
};

/// Squeeze and excitation: the gate of channels by their means (Hu et al. 2018, "Squeeze-and-Excitation Networks").
class SqueezeExcitation : public ChannelGate {
public:
  SqueezeExcitation(const Scope &at, int64_t channels, int64_t reduction = 16)
      : ChannelGate(at, channels, {reduction, {ChannelPool::average}}) {}
};

/// x (b, c, h, w) times sigmoid(norm(conv(v))), for v the maximum and the mean over channels and a convolution of 7 by
/// 7 without a bias: weights (b, 1, h, w) (Woo et al. 2018, "CBAM", section 3). To be called once, as BatchNorm.
class SpatialGate {
public:
  explicit SpatialGate(const Scope &at, Pair2d kernel = {7, 7})
      : conv(at, 2, 1, {.kernel = kernel, .padding = {kernel[0] / 2, kernel[1] / 2}, .relu = false}) {}

  Weighted operator()(Located x) const {
    Frame frame(x);
    Tensor pools = concat({max(x.tensor, 1, true), mean(x.tensor, 1, true)}, 1);
    Tensor gate = sigmoid(conv(pools));
    return {x.tensor * gate, gate};
  }

private:
  BasicConv conv;
};

struct CbamOptions {
  int64_t reduction = 16;
  std::vector<ChannelPool> pools = {ChannelPool::average, ChannelPool::max};
  bool no_spatial = true; // leaves out the gate of places
};
/// The convolutional block attention module: a gate of channels, `channel`, then one of places, `spatial` (Woo et al.
/// 2018, "CBAM: Convolutional Block Attention Module").
class Cbam {
public:
  Cbam(const Scope &at, int64_t channels, CbamOptions options = {})
      : channel(at / "channel", channels, {options.reduction, options.pools}) {
    if (!options.no_spatial) spatial.emplace(at / "spatial");
  }

  struct Result {
    Tensor result, channel_gate;        // as x, (b, channels, 1, 1)
    std::optional<Tensor> spatial_gate; // (b, 1, h, w)
  };
  Result operator()(Located x) const {
    Frame frame(x);
    auto [y, channels] = channel(x.tensor);
    if (!spatial) return {y, channels};
    auto [z, places] = (*spatial)(y);
    return {z, channels, places};
  }

private:
  ChannelGate channel;
  std::optional<SpatialGate> spatial;
};

/// x (.., width) times softmax(fc(x)), over its features or, with `hidden` = 1, of one number, which is 1 (after Qin et
/// al. 2017, "A Dual-Stage Attention-Based Recurrent Neural Network for Time Series Prediction", section 3.2, without a
/// state).
class FeatureAttention {
public:
  FeatureAttention(const Scope &at, int64_t width, std::optional<int64_t> hidden = {})
      : fc(at / "fc", width, checked(at, width, hidden.value_or(width))) {}

  Weighted operator()(Located x) const {
    Frame frame(x);
    Tensor weights = softmax(fc(x.tensor));
    return {x.tensor * weights, weights};
  }

private:
  static int64_t checked(const Scope &at, int64_t width, int64_t hidden) {
    if (hidden != width && hidden != 1)
      at.fail("feature attention: " + std::to_string(hidden) + " weights do not broadcast to " + std::to_string(width) +
              " features: hidden must be their number, or 1");
    return hidden;
  }

  Linear fc;
};

/// x (b, channels, h, w) times sigmoid(psi(relu(own(x) + other(signal)))) for a signal (b, signal_channels, h', w'),
/// resized to x, such as a coarser map: weights (b, 1, h, w) (Oktay et al. 2018, "Attention U-Net", section 2.1). All
/// three are convolutions of 1 by 1, the first without a bias.
class AttentionGate {
public:
  AttentionGate(const Scope &at, int64_t channels, int64_t signal_channels, int64_t hidden)
      : own(at / "own", channels, hidden, {.kernel = {1, 1}, .bias = false}),
        other(at / "other", signal_channels, hidden, {.kernel = {1, 1}}),
        psi(at / "psi", hidden, 1, {.kernel = {1, 1}}) {}

  Weighted operator()(Located x, Located signal) const {
    Frame frame(x);
    std::optional<int64_t> rows, columns;
    if (x.tensor.rank() == 4) rows = x.tensor.dim(2).constant(), columns = x.tensor.dim(3).constant();
    if (!rows || !columns || signal.tensor.rank() != 4)
      frame.fail("attention gate: x has rank " + std::to_string(x.tensor.rank()) + " and the signal " +
                 std::to_string(signal.tensor.rank()) + ": they must be images (b, channels, h, w) of constant size");
    Tensor theirs = other(signal.tensor);
    if (theirs.dim(2) != x.tensor.dim(2) || theirs.dim(3) != x.tensor.dim(3))
      theirs = resize(theirs, {*rows, *columns});
    Tensor gate = sigmoid(psi(relu(own(x.tensor) + theirs)));
    return {x.tensor * gate, gate};
  }

private:
  Conv2d own, other, psi;
};

} // namespace fovea::nn
