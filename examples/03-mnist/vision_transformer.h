// A vision transformer (Dosovitskiy et al. 2021) with mean pooling, from parts: width is that of a token.
#pragma once

#include <fovea/fovea.h>

using namespace fovea;

struct Block {
  nn::LayerNorm norm1, norm2;
  nn::MultiHeadAttention attention;
  nn::Linear up, down;

  Block(Scope at, int64_t width, int64_t heads)
      : norm1(at / "norm1", width), norm2(at / "norm2", width), attention(at / "attention", width, heads),
        up(at / "up", width, 4 * width), down(at / "down", 4 * width, width) {}

  Tensor operator()(Tensor x) const {
    x = x + attention(norm1(x));
    return x + down(gelu(up(norm2(x))));
  }
};

struct VisionTransformer {
  nn::PatchEmbedding patches; // 28 x 28 pixels to 16 tokens
  Tensor position;
  std::vector<Block> blocks;
  nn::LayerNorm norm;
  nn::Linear head;

  VisionTransformer(Scope at, int64_t width, int64_t depth, int64_t heads)
      : patches(at / "patches", {.patch = 7, .width = width}),
        position(at.parameter("position", {16, width}, normal(0.02), {.decay = false})),
        blocks(nn::repeat<Block>(depth, at / "blocks", width, heads)), norm(at / "norm", width),
        head(at / "head", width, 10) {}

  Tensor logits(Tensor image) const {
    Tensor x = patches(image) + position;
    for (const Block &block : blocks) x = block(x);
    return head(mean(norm(x), 1));
  }

  /// What each token looks at, (batch, depth, heads, 16, 16); how much of each input token is in each output token,
  /// over all blocks, (batch, 16, 16); and the entropy of what each token looks at, (batch, depth, heads, 16).
  struct Looks {
    Tensor attention, rollout, entropy;
  };
  Looks looks(Tensor image) const {
    Tensor x = patches(image) + position;
    std::vector<Tensor> maps, means, entropies;
    for (const Block &block : blocks) {
      Tensor seen = block.norm1(x);
      maps.push_back(block.attention.maps(seen));
      means.push_back(block.attention.mean_map(seen));
      entropies.push_back(block.attention.entropy(seen));
      x = block(x);
    }
    return {stack(maps, 1), rollout(means), stack(entropies, 1)};
  }
};
