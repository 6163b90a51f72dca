// The parts of vision transformers.
#pragma once

#include <fovea/nn/Attention.h>

namespace fovea::nn {

struct PatchEmbeddingOptions {
  int64_t patch, width, channels = 1;
};
/// Images (batch, channels, h, w), cut into square patches, to tokens (batch, h / patch * w / patch, width), row by row
/// (Dosovitskiy et al. 2021, "An Image Is Worth 16x16 Words"): a convolution whose stride is its kernel.
class PatchEmbedding {
public:
  PatchEmbedding(const Scope &at, PatchEmbeddingOptions options)
      : options(options),
        weight(at.parameter("weight", {options.width, options.channels, options.patch, options.patch},
                            xavier_uniform(options.channels * options.patch * options.patch, options.width))),
        bias(at.parameter("bias", {options.width}, zeros())) {}

  Tensor operator()(Located image) const {
    Frame frame(image);
    for (int64_t axis : {-2, -1})
      if (image.tensor.dim(axis).constant().value_or(options.patch) % options.patch)
        frame.fail("patches: a side of " + std::to_string(*image.tensor.dim(axis).constant()) +
                   " pixels is no multiple of the patch, " + std::to_string(options.patch));
    Tensor y = conv2d(image.tensor, weight, {.stride = {options.patch, options.patch}});
    y = transpose(y, {0, 2, 3, 1}); // the order in which a product of patches comes out
    return reshape(y, {y.dim(0), y.dim(1) * y.dim(2), y.dim(3)}) + bias;
  }

private:
  PatchEmbeddingOptions options;
  Tensor weight, bias;
};

/// down(gelu(up(x))) on each token, with `hidden` channels between.
class Mlp {
public:
  Mlp(const Scope &at, int64_t width, int64_t hidden)
      : up(at / "up", width, hidden), down(at / "down", hidden, width) {}

  Tensor operator()(Located x) const {
    Frame frame(x);
    return down(gelu(up(x.tensor)));
  }

private:
  Linear up, down;
};

struct TransformerBlockOptions {
  int64_t expansion = 4; // the hidden channels of the Mlp, in widths
  bool causal = false;
  double dropout = 0; // of what each half adds
};
/// x + attention(norm1(x)), then x + mlp(norm2(x)): the pre-norm block (Xiong et al. 2020, "On Layer Normalization in
/// the Transformer Architecture").
class TransformerBlock {
public:
  TransformerBlock(const Scope &at, int64_t width, int64_t heads, TransformerBlockOptions options = {})
      : norm1(at / "norm1", width), norm2(at / "norm2", width),
        attention(at / "attention", width, heads, {.causal = options.causal}),
        mlp(at, width, options.expansion * width), dropout(options.dropout) {}

  Tensor operator()(Located x) const {
    Frame frame(x);
    Tensor y = x.tensor + dropout(attention(norm1(x.tensor)));
    return y + dropout(mlp(norm2(y)));
  }
  /// The attention weights of this block for its input: (batch, heads, tokens, tokens).
  Tensor maps(Located x) const {
    Frame frame(x);
    return attention.maps(norm1(x.tensor));
  }

private:
  LayerNorm norm1, norm2;
  MultiHeadAttention attention;
  Mlp mlp;
  Dropout dropout;
};

} // namespace fovea::nn
