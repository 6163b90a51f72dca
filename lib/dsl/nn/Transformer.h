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
  bool bias = false;  // of the queries, keys and values
  double epsilon = 1e-5;
};
/// x + attention(norm1(x)), then x + mlp(norm2(x)): the pre-norm block (Xiong et al. 2020, "On Layer Normalization in
/// the Transformer Architecture").
class TransformerBlock {
public:
  TransformerBlock(const Scope &at, int64_t width, int64_t heads, TransformerBlockOptions options = {})
      : norm1(at / "norm1", width, options.epsilon), norm2(at / "norm2", width, options.epsilon),
        attention(at / "attention", width, heads, {.bias = options.bias, .causal = options.causal}),
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

/// The defaults are those of ViT-Ti/16, as timm has it.
struct VisionTransformerOptions {
  int64_t channels = 3, classes = 1000, patch = 16, width = 192, depth = 12, heads = 3;
  bool class_token = true; // whose last state is classified; else the mean of all tokens is
  TransformerBlockOptions block = {.bias = true, .epsilon = 1e-6};
};
/// Images (b, channels, size[0], size[1]) to logits (b, classes): patches, with a class token before them, and learned
/// positions; transformer blocks; a norm; a linear layer (Dosovitskiy et al. 2021, "An Image Is Worth 16x16 Words",
/// section 3.1).
class VisionTransformer {
public:
  VisionTransformer(const Scope &at, Pair2d size, VisionTransformerOptions options = {})
      : patches(at / "patches", {options.patch, options.width, options.channels}),
        position(at.parameter(
            "position",
            {(size[0] / options.patch) * (size[1] / options.patch) + (int64_t)options.class_token, options.width},
            normal(0.02), {.decay = false})),
        blocks(repeat<TransformerBlock>(options.depth, at / "blocks", options.width, options.heads, options.block)),
        norm(at / "norm", options.width, options.block.epsilon), head(at / "head", options.width, options.classes) {
    if (options.class_token) token = at.parameter("token", {1, options.width}, normal(0.02), {.decay = false});
  }

  /// Before each block, and after the last one: (b, tokens, width), the class token first.
  std::vector<Tensor> states(Located image) const {
    Frame frame(image);
    Tensor x = patches(image.tensor);
    if (token) x = concat({broadcast_to(*token, {x.dim(0), 1, x.dim(2)}), x}, 1);
    if (x.dim(1) != position.dim(0))
      frame.fail("vision transformer: the image's tokens, the class token among them, are no " +
                 std::to_string(*position.dim(0).constant()) + ", for which there are positions: give the size it has");
    std::vector<Tensor> states{x + position};
    for (const TransformerBlock &block : blocks) states.push_back(block(states.back()));
    return states;
  }
  Tensor operator()(Located image) const {
    Frame frame(image);
    Tensor x = norm(states(image.tensor).back());
    return head(token ? pick(x, 1, 0) : mean(x, 1));
  }
  /// The attention weights of every block: (b, depth, heads, tokens, tokens).
  Tensor maps(Located image) const {
    Frame frame(image);
    std::vector<Tensor> before = states(image.tensor), maps;
    for (size_t i = 0; i < blocks.size(); ++i) maps.push_back(blocks[i].maps(before[i]));
    return stack(maps, 1);
  }

private:
  PatchEmbedding patches;
  Tensor position;
  std::optional<Tensor> token;
  std::vector<TransformerBlock> blocks;
  LayerNorm norm;
  Linear head;
};

} // namespace fovea::nn
