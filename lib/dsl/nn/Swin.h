// The Swin transformer.
#pragma once

#include <fovea/nn/LocalAttention.h>
#include <fovea/nn/Transformer.h>

namespace fovea::nn {

/// x + attention(norm1(x)) within windows, then x + mlp(norm2(x)), of tokens (b, h, w, width) (Liu et al. 2021, "Swin
/// Transformer", section 3.2).
class SwinBlock {
public:
  SwinBlock(const Scope &at, int64_t width, int64_t heads, WindowAttentionOptions options = {})
      : norm1(at / "norm1", width), norm2(at / "norm2", width), attention(at / "attention", width, heads, options),
        mlp(at, width, 4 * width) {}

  Tensor operator()(Located x) const {
    Frame frame(x);
    Tensor y = x.tensor + attention(norm1(x.tensor));
    return y + mlp(norm2(y));
  }

private:
  LayerNorm norm1, norm2;
  WindowAttention attention;
  Mlp mlp;
};

/// Every 2 by 2 tokens become one of twice the width, their channels column by column, normalised and multiplied:
/// (b, h, w, width) to (b, h / 2, w / 2, 2 width) (Liu et al. 2021, section 3.1).
class PatchMerging {
public:
  PatchMerging(const Scope &at, int64_t width)
      : norm(at / "norm", 4 * width), reduction(at / "reduction", 4 * width, 2 * width, {.bias = false}) {}

  Tensor operator()(Located x) const {
    Frame frame(x);
    Dim b = x.tensor.dim(0), h = x.tensor.dim(1), w = x.tensor.dim(2), width = x.tensor.dim(3);
    if (h.constant().value_or(0) % 2 || w.constant().value_or(0) % 2)
      frame.fail("patch merging: an image of " + std::to_string(*h.constant()) + " by " +
                 std::to_string(*w.constant()) + " tokens: both must be even");
    Tensor y = reshape(x.tensor, {b, h / 2, 2, w / 2, 2, width});
    return reduction(norm(reshape(transpose(y, {0, 1, 3, 4, 2, 5}), {b, h / 2, w / 2, width * 4})));
  }

private:
  LayerNorm norm;
  Linear reduction;
};

/// The defaults are those of Swin-T.
struct SwinOptions {
  int64_t channels = 3, classes = 1000, patch = 4, width = 96;
  std::vector<int64_t> depths = {2, 2, 6, 2}, heads = {3, 6, 12, 24}; // of each stage
  int64_t window = 7; // which divides the sides of each stage's map, or is not less than they are
};
/// Images (b, channels, h, w) of constant size to logits (b, classes): patches; stages of blocks whose windows are
/// shifted by half in every second one, each but the first behind a merging of patches; the mean and a linear layer
/// (Liu et al. 2021, "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows").
class Swin {
public:
  Swin(const Scope &at, Pair2d size, SwinOptions options = {})
      : options(checked(at, options)), patches(at / "patches", {options.patch, options.width, options.channels}),
        norm0(at / "norm0", options.width), norm(at / "norm", options.width << (options.depths.size() - 1)),
        head(at / "head", options.width << (options.depths.size() - 1), options.classes) {
    for (size_t stage = 0; stage < options.depths.size(); ++stage) {
      Scope here = at / "stages" / stage;
      int64_t width = options.width << stage;
      if (stage) mergings.emplace_back(here / "merging", width / 2);
      Pair2d tokens = {size[0] / (options.patch << stage), size[1] / (options.patch << stage)};
      bool whole = std::min(tokens[0], tokens[1]) <= options.window; // one window, which cannot be shifted
      Pair2d window = whole ? tokens : Pair2d{options.window, options.window};
      blocks.emplace_back();
      for (int64_t i = 0; i < options.depths[stage]; ++i) {
        int64_t shift = whole || i % 2 == 0 ? 0 : options.window / 2;
        blocks.back().emplace_back(here / i, width, options.heads[stage],
                                   WindowAttentionOptions{.window = window, .shift = {shift, shift}});
      }
    }
  }

  /// The map of each stage, (b, h, w, width << stage).
  std::vector<Tensor> stages(Located image) const {
    Frame frame(image);
    Tensor x = norm0(patches(image.tensor));
    x = reshape(x, {x.dim(0), image.tensor.dim(2) / options.patch, image.tensor.dim(3) / options.patch, x.dim(2)});
    std::vector<Tensor> maps;
    for (size_t stage = 0; stage < blocks.size(); ++stage) {
      if (stage) x = mergings[stage - 1](x);
      for (const SwinBlock &block : blocks[stage]) x = block(x);
      maps.push_back(x);
    }
    return maps;
  }
  Tensor operator()(Located image) const {
    Frame frame(image);
    return head(mean(norm(stages(image.tensor).back()), {1, 2}));
  }

private:
  static SwinOptions checked(const Scope &at, const SwinOptions &options) {
    if (options.depths.empty() || options.depths.size() != options.heads.size())
      at.fail("swin: " + std::to_string(options.depths.size()) + " depths and " + std::to_string(options.heads.size()) +
              " numbers of heads: there must be one of each for each stage");
    return options;
  }

  SwinOptions options;
  PatchEmbedding patches;
  LayerNorm norm0;
  std::vector<PatchMerging> mergings;
  std::vector<std::vector<SwinBlock>> blocks;
  LayerNorm norm;
  Linear head;
};

} // namespace fovea::nn
