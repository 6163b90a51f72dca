// System C: a detector of digits on a canvas. A small convolutional network sees the canvas as a grid of cells; in each
// cell it says whether a digit has its centre there, which one, and its box. Between backbone and heads stands a block
// of soft attention, in which each cell sees all others.
#pragma once

#include "decode.h"

#include <fovea/fovea.h>

#include <fovea/nn/BasicConv.h>
#include <fovea/nn/SoftAttention.h>

namespace detection {

using namespace fovea;

constexpr int64_t cells = decode::cells, cellSize = decode::cellSize, canvasSize = cells * cellSize;
constexpr int64_t digitKinds = decode::kinds;

struct Options {
  bool attention = true;
  bool scaled = true; // as the article's text has it; its code, as written, leaves scores unscaled
};

class Detector {
public:
  Detector(const Scope &at, Options options)
      : first(at / "first", 1, 32, {.padding = {1, 1}, .batch_norm = {}}),
        second(at / "second", 32, 64, {.padding = {1, 1}, .batch_norm = {}}),
        third(at / "third", 64, 96, {.padding = {1, 1}, .batch_norm = {}}),
        fourth(at / "fourth", 96, 96, {.padding = {1, 1}, .batch_norm = {}}),
        head(at / "head", 96, 5 + digitKinds, {.kernel = {1, 1}}) {
    if (options.attention) attention.emplace(at / "attention", 96, nn::SoftAttentionOptions{.scaled = options.scaled});
  }

  struct Result {
    Tensor objectness;               // logits (b, cells, cells): whether a digit has its centre there
    Tensor classes;                  // logits (b, cells, cells, 10)
    Tensor left, top, right, bottom; // (b, cells, cells), in pixels from the cell's centre
    std::optional<Tensor> weights;   // (b, cells cells, cells cells): what each cell sees of each
  };
  Result operator()(Located canvas) const {
    Tensor x = max_pool2d(second(max_pool2d(first(canvas), {2, 2})), {2, 2});
    x = max_pool2d(third(x), {2, 2});
    std::optional<Tensor> weights;
    if (attention) {
      auto [seen, all] = (*attention)(x);
      x = seen, weights = all;
    }
    std::vector<Tensor> y = split(transpose(head(fourth(x)), {0, 2, 3, 1}), {1, 4, digitKinds}, -1);
    auto part = [&](int64_t index) { return pick(y[1], -1, index); };
    // The centre is in the cell or next to it, sides are 2 to 64 pixels long.
    Tensor column = double(cellSize) * tanh(part(0)), row = double(cellSize) * tanh(part(1));
    Tensor width = 5.7 * exp(1.75 * tanh(part(2))), height = 5.7 * exp(1.75 * tanh(part(3)));
    return {pick(y[0], -1, 0), y[2], column - width, row - height, column + width, row + height, weights};
  }

private:
  nn::BasicConv first, second, third, fourth;
  nn::Conv2d head;
  std::optional<nn::SoftAttention> attention;
};

/// `canvas` to `score` (b, cells, cells, 10), the probability of each digit in each cell, and `box` (b, cells, cells,
/// 4): left, top, right, bottom in pixels from the cell's centre. Training also takes what is there: `object` (b,
/// cells, cells), 1 or 0, and where it is 1, `label` and `truth`, a box. With `looks`, it has an output `weights`
/// instead.
inline Model make(const Options &options = {}, bool looks = false) {
  Model model("detector");
  Dim batch = model.symbol("batch");
  Tensor canvas = model.input("canvas", {batch, 1, canvasSize, canvasSize});
  Detector::Result found = Detector(model, options)(canvas);
  if (looks) {
    model.output("weights", found.weights.value());
    return model;
  }
  Shape grid{batch, cells, cells};
  auto stacked = [&](std::vector<Tensor> parts) {
    for (Tensor &part : parts) part = reshape(part, {batch, cells, cells, 1});
    return concat(parts, -1);
  };
  model.output("score", reshape(sigmoid(found.objectness), {batch, cells, cells, 1}) * softmax(found.classes));
  model.output("box", stacked({found.left, found.top, found.right, found.bottom}));

  Tensor object = model.input("object", grid), label = model.input("label", grid, i32);
  Tensor truth = model.input("truth", {batch, cells, cells, 4});
  Tensor left = pick(truth, -1, 0), top = pick(truth, -1, 1), right = pick(truth, -1, 2), bottom = pick(truth, -1, 3);
  auto area = [](Tensor l, Tensor t, Tensor r, Tensor b) { return maximum(r - l, 0.0) * maximum(b - t, 0.0); };
  Tensor both = area(maximum(found.left, left), maximum(found.top, top), minimum(found.right, right),
                     minimum(found.bottom, bottom));
  Tensor either = area(found.left, found.top, found.right, found.bottom) + area(left, top, right, bottom) - both;
  // IoU has no gradient between boxes that do not meet.
  Tensor apart =
      (abs(found.left - left) + abs(found.top - top) + abs(found.right - right) + abs(found.bottom - bottom)) /
      double(4 * cellSize);
  Tensor ofObjects = 1.0 - both / either + 0.5 * apart +
                     reshape(cross_entropy(reshape(found.classes, {-1, digitKinds}), reshape(label, {-1}),
                                           {.reduction = Reduction::none}),
                             grid);
  Tensor count = maximum(sum(object), 1.0);
  Tensor loss = sum(object * ofObjects) / count +
                sum(focal_loss(found.objectness, object, {.alpha = 0.5, .reduction = Reduction::none})) / count;
  model.train(loss, Adam{});
  return model;
}

} // namespace detection
