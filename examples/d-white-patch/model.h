// Is there a white patch in the image? A small convolutional net with an attention layer, or none, before its mean over
// places. "As written" is what the article's code does that its text does not say.
#pragma once

#include <fovea/fovea.h>

namespace white_patch {

using namespace fovea;

constexpr int64_t side = 96, mapSide = 24, channels = 32; // of images; of the attention layer's output

enum class Layer {
  none,        // the plain CNN, the control
  mha,         // multi-head attention among pixels
  mha_runs,    // the same as written: a token is a run of pixels of one channel, and no pixel
  conv1d_mha,  // multi-head attention by convolutions of one place
  cbam,        // CBAM as written: a gate of channels alone
  cbam_spatial // CBAM with its gate of places
};

/// leaky_relu, then the norm, in the article's order, then a pool: (b, inputs, h, w) to (b, 32, h / 2, w / 2).
inline Tensor stage(Scope at, int64_t inputs, Tensor x) {
  x = nn::Conv2d(at / "conv", inputs, channels, {.kernel = {5, 5}, .padding = {2, 2}})(x);
  return max_pool2d(nn::BatchNorm(at / "norm", channels)(leaky_relu(x)), {2, 2});
}

/// Images (b, 3, 96, 96) to (b, 32, 24, 24).
inline Tensor convolutions(Scope at, Tensor image) {
  Tensor x = stage(at / "second", channels, stage(at / "first", 3, image));
  return nn::Conv2d(at / "third", channels, channels, {.kernel = {5, 5}, .padding = {2, 2}})(x);
}

inline Tensor attended(Scope at, Layer layer, Tensor x) {
  switch (layer) {
  case Layer::mha:
    return nn::AttentionSublayer(at, channels, 4)(x).result; // d_k = d_v = 8
  case Layer::mha_runs:
    return nn::AttentionSublayer(at, channels, 4, {.runs = true})(x).result;
  case Layer::conv1d_mha:
    return nn::ConvolutionalAttention(at, channels)(x).result;
  case Layer::cbam:
    return nn::Cbam(at, channels)(x).result;
  case Layer::cbam_spatial:
    return nn::Cbam(at, channels, {.no_spatial = false})(x).result;
  case Layer::none:
    break;
  }
  return x;
}

/// forward gives the probability of a patch, (batch), and what leaves the attention layer, `seen` (batch, 32, 24, 24).
inline Model model(Layer layer) {
  Model net("white_patch");
  Dim batch = net.symbol("batch");
  Tensor image = net.input("image", {batch, 3, side, side});
  Tensor label = net.input("label", {batch}); // 1: there is one
  Tensor seen = attended(net / "attention", layer, convolutions(net / "conv", image));
  Tensor p = reshape(sigmoid(nn::Linear(net / "head", channels, 1)(mean(seen, {2, 3}))), {batch});
  net.output("probability", p);
  net.output("seen", seen);
  net.train(-mean(label * log(p + 1e-8) + (1.0 - label) * log(1.0 - p + 1e-8)), Adam{});
  return net;
}

} // namespace white_patch
