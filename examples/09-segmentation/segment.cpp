// Lesson 9: segmentation. A small attention U-Net (Oktay et al. 2018, "Attention U-Net") says of each pixel whether it
// belongs to a disc, a square, a triangle or the background, and shows which pixels its gate lets through.
#include <fovea/compile.h>
#include <fovea/fovea.h>

#include "training/Metrics.h"
#include "training/Picture.h"
#include "training/Random.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace fovea;
using namespace fovea::training;

constexpr int64_t side = 32, pixels = side * side, kinds = 4, batchSize = 16, steps = 360, shown = 5;

// Going down, the maps get coarser and see more around them. On the way up each map meets the finer one of the same
// size, from which a gate, driven by the coarse map, takes what does not matter.
class UNet {
public:
  explicit UNet(const Scope &at)
      : fine(at / "fine", 1, 12, same), middle(at / "middle", 12, 24, same), coarse(at / "coarse", 24, 48, same),
        middleGate(at / "middle_gate", 24, 48, 12), fineGate(at / "fine_gate", 12, 24, 6),
        middleUp(at / "middle_up", 48 + 24, 24, same), fineUp(at / "fine_up", 24 + 12, 12, same),
        head(at / "head", 12, kinds, {.kernel = {1, 1}}) {}

  Weighted operator()(Tensor image) const {
    Tensor x = fine(image), y = middle(max_pool2d(x, {2, 2})), z = coarse(max_pool2d(y, {2, 2}));
    auto [y_seen, y_gate] = middleGate(y, z);
    z = middleUp(concat({resize(z, {side / 2, side / 2}), y_seen}, 1));
    auto [x_seen, x_gate] = fineGate(x, z);
    return {head(fineUp(concat({resize(z, {side, side}), x_seen}, 1))), x_gate};
  }

private:
  static constexpr nn::BasicConvOptions same{.padding = {1, 1}, .batch_norm = {}};
  nn::BasicConv fine, middle, coarse;
  nn::AttentionGate middleGate, fineGate;
  nn::BasicConv middleUp, fineUp;
  nn::Conv2d head;
};

static Model segment() {
  Model model("segment");
  Dim batch = model.symbol("batch");
  Tensor image = model.input("image", {batch, 1, side, side}), kind = model.input("kind", {batch, side, side}, i32);
  auto [logits, gate] = UNet(model)(image);
  model.output("found", argmax(logits, 1)); // (batch, side, side)
  model.output("gate", gate);               // (batch, 1, side, side)
  model.train(cross_entropy(transpose(logits, {0, 2, 3, 1}), kind), Adam{});
  return model;
}

static bool covers(int64_t kind, double x, double y) { // of [-1, 1] squared; y points down
  switch (kind) {
  case 1:
    return x * x + y * y < 1;
  case 2:
    return std::max(std::abs(x), std::abs(y)) < 0.85;
  default:
    return y < 0.9 && std::abs(x) < (y + 1) / 2;
  }
}

// Shapes lighter or darker than the ground, later ones over earlier ones, and noise.
static void draw(Random &random, float *image, int32_t *kind) {
  for (int64_t at = 0; at < pixels; ++at) image[at] = float(0.2 * random.normal()), kind[at] = 0;
  for (int shape = 0; shape < 3; ++shape) {
    const int32_t which = 1 + int32_t(random.below(kinds - 1));
    const double radius = random.uniform(4, 7), left = random.uniform(4, side - 4), top = random.uniform(4, side - 4);
    const double light = (random.below(2) ? 1 : -1) * random.uniform(0.8, 1.6);
    for (int64_t at = 0; at < pixels; ++at)
      if (covers(which, (double(at % side) - left) / radius, (double(at / side) - top) / radius)) {
        image[at] = float(light + 0.2 * random.normal());
        kind[at] = which;
      }
  }
}

// Intersection over union of each kind, the mean.
static double meanIoU(const ConfusionMatrix &confusion) {
  double sum = 0;
  for (int64_t kind = 0; kind < kinds; ++kind) {
    int64_t either = -confusion.count(kind, kind);
    for (int64_t other = 0; other < kinds; ++other)
      either += confusion.count(kind, other) + confusion.count(other, kind);
    sum += double(confusion.count(kind, kind)) / double(either);
  }
  return sum / kinds;
}

template <typename Kind> static Picture coloured(const Kind *kind) {
  constexpr Colour colours[kinds] = {{40, 40, 40}, {230, 120, 50}, {70, 160, 230}, {120, 200, 80}};
  Picture picture(side, side);
  for (int64_t at = 0; at < pixels; ++at) picture.fill(at % side, at / side, 1, 1, colours[kind[at]]);
  return picture;
}

// Falls to 0, so that the norms' running statistics are those of the last weights.
static double rate(int step) { return 0.01 * (1 - double(step) / (steps + 1)); }

int main() try {
  Program program = compile(segment(), {.sizes = {{"batch", batchSize}}, .seed = 1});
  std::vector<float> image(batchSize * pixels), gate(batchSize * pixels);
  std::vector<int32_t> kind(batchSize * pixels);
  std::vector<int64_t> found(batchSize * pixels);
  auto next = [&](Random &random) {
    for (int64_t item = 0; item < batchSize; ++item) draw(random, &image[item * pixels], &kind[item * pixels]);
  };
  Random training(1), test(2);
  for (int step = 0; step <= steps; ++step) {
    float loss = 0;
    next(training);
    program.train_step(batchSize, image, kind, rate(step), &loss);
    if (step % 90 == 0) std::printf("step %3d: loss %.3f\n", step, double(loss));
  }

  ConfusionMatrix confusion(kinds);
  for (int batch = 0; batch < 16; ++batch) {
    next(test);
    program.forward(batchSize, image, found, gate);
    for (size_t at = 0; at < found.size(); ++at) confusion.add(kind[at], found[at]);
  }
  std::vector<std::vector<Cell>> rows;
  for (int64_t at = 0; at < shown * pixels; at += pixels) {
    const Picture seen = Picture::ofNumbers(&image[at], 1, side, side, -2, 2);
    const Map map{side, side, {&gate[at], &gate[at] + pixels}};
    const auto [low, high] = std::minmax_element(map.values.begin(), map.values.end());
    auto &row = rows.emplace_back();
    for (const Picture &picture :
         {seen, coloured(&kind[at]), coloured(&found[at]), overlay(seen, map, *low, *high, 0.8, ColourMap::viridis)})
      row.push_back({picture.scaled(4 * side, 4 * side), ""});
  }
  grid({"image", "truth", "found", "gate"}, rows).save("segments.png");
  std::printf("wrote segments.png\nmean IoU %.3f\n", meanIoU(confusion));
} catch (const Error &error) {
  std::fprintf(stderr, "segment: %s\n", error.what());
  return 1;
}
