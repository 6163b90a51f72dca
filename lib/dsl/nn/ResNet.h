// Residual networks, by stages.
#pragma once

#include <fovea/nn/BasicConv.h>

namespace fovea::nn {

/// x, or `skip` of it where shapes differ, plus two convolutions of 3 by 3; then relu (He et al. 2016, "Deep Residual
/// Learning for Image Recognition", figure 5, left).
class BasicBlock {
public:
  static constexpr int64_t expansion = 1;
  BasicBlock(const Scope &at, int64_t inputs, int64_t width, int64_t stride)
      : first(at / "first", inputs, width, {.stride = {stride, stride}, .padding = {1, 1}, .batch_norm = {}}),
        second(at / "second", width, width, {.padding = {1, 1}, .relu = false, .batch_norm = {}}) {
    if (stride != 1 || inputs != width)
      skip.emplace(at / "skip", inputs, width,
                   BasicConvOptions{.kernel = {1, 1}, .stride = {stride, stride}, .relu = false, .batch_norm = {}});
  }
  Tensor operator()(Located x) const {
    Frame frame(x);
    Tensor y = second(first(x.tensor));
    return relu(y + (skip ? (*skip)(x.tensor) : x.tensor));
  }

private:
  BasicConv first, second;
  std::optional<BasicConv> skip;
};

/// The same with convolutions of 1, 3 and 1, the last to 4 width channels (He et al. 2016, figure 5, right); the stride
/// is that of the middle one, as in torchvision.
class Bottleneck {
public:
  static constexpr int64_t expansion = 4;
  Bottleneck(const Scope &at, int64_t inputs, int64_t width, int64_t stride)
      : first(at / "first", inputs, width, {.kernel = {1, 1}, .batch_norm = {}}),
        second(at / "second", width, width, {.stride = {stride, stride}, .padding = {1, 1}, .batch_norm = {}}),
        third(at / "third", width, expansion * width, {.kernel = {1, 1}, .relu = false, .batch_norm = {}}) {
    if (stride != 1 || inputs != expansion * width)
      skip.emplace(at / "skip", inputs, expansion * width,
                   BasicConvOptions{.kernel = {1, 1}, .stride = {stride, stride}, .relu = false, .batch_norm = {}});
  }
  Tensor operator()(Located x) const {
    Frame frame(x);
    Tensor y = third(second(first(x.tensor)));
    return relu(y + (skip ? (*skip)(x.tensor) : x.tensor));
  }

private:
  BasicConv first, second, third;
  std::optional<BasicConv> skip;
};

struct ResNetOptions {
  int64_t channels = 3, classes = 1000;
  int64_t width = 64; // channels of the first stage's inner convolutions
};
/// A stem, four stages that halve the sides from the second on, and a head: the mean over pixels and a linear layer (He
/// et al. 2016, table 1). Stages can be called one by one, to put attention between. Each part is to be called once, as
/// BatchNorm.
template <typename Block> class ResNet {
public:
  ResNet(const Scope &at, const std::array<int64_t, 4> &depths, ResNetOptions options = {})
      : entry(at / "stem", options.channels, options.width,
              {.kernel = {7, 7}, .stride = {2, 2}, .padding = {3, 3}, .batch_norm = {}}),
        fc(at / "fc", channels_of(3, options), options.classes) {
    int64_t inputs = options.width;
    for (int64_t stage = 0; stage < 4; ++stage)
      for (int64_t i = 0; i < depths[stage]; ++i) {
        blocks[stage].emplace_back(at / "stages" / stage / i, inputs, options.width << stage, stage && !i ? 2 : 1);
        inputs = channels_of(stage, options);
      }
  }

  /// Of a stage's map, whose stride is 4 << stage.
  static int64_t channels_of(int64_t stage, ResNetOptions options = {}) {
    return (options.width << stage) * Block::expansion;
  }

  Tensor stem(Located image) const {
    Frame frame(image);
    return max_pool2d(entry(image.tensor), {3, 3}, {.stride = Pair2d{2, 2}, .padding = {1, 1}});
  }
  Tensor stage(int64_t index, Located x) const {
    Frame frame(x);
    if (index < 0 || index > 3) frame.fail("resnet: stage " + std::to_string(index) + ": there are 0 to 3");
    Tensor y = x.tensor;
    for (const Block &block : blocks[index]) y = block(y);
    return y;
  }
  Tensor head(Located x) const {
    Frame frame(x);
    return fc(mean(x.tensor, {2, 3}));
  }
  /// Logits (b, classes).
  Tensor operator()(Located image) const {
    Frame frame(image);
    Tensor x = stem(image.tensor);
    for (int64_t index = 0; index < 4; ++index) x = stage(index, x);
    return head(x);
  }

private:
  BasicConv entry;
  std::array<std::vector<Block>, 4> blocks;
  Linear fc;
};

inline ResNet<BasicBlock> resnet18(const Scope &at, ResNetOptions options = {}) { return {at, {2, 2, 2, 2}, options}; }
inline ResNet<Bottleneck> resnet50(const Scope &at, ResNetOptions options = {}) { return {at, {3, 4, 6, 3}, options}; }
inline ResNet<Bottleneck> resnet101(const Scope &at, ResNetOptions options = {}) {
  return {at, {3, 4, 23, 3}, options};
}

} // namespace fovea::nn
