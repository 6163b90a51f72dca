// Lesson 10: video. Which way does a bar move, in a clip of eight frames? One frame, or the frames in disorder, cannot
// tell: the bar is anywhere, and moves off one edge into the other. So the answer lies in time alone, where attention
// of each place to itself in all frames finds it (Bertasius et al. 2021, "Is Space-Time Attention All You Need for
// Video Understanding?", the temporal half of divided attention).
#include <fovea/compile.h>
#include <fovea/fovea.h>

#include "training/Metrics.h"
#include "training/Picture.h"
#include "training/Random.h"

#include <algorithm>
#include <cstdio>

using namespace fovea;
using namespace fovea::training;

constexpr int64_t frames = 8, side = 16, pixels = side * side, places = side / 4, width = 32, batchSize = 32;
constexpr int64_t steps = 300;
constexpr const char *ways[] = {"left", "right", "up", "down"};
constexpr int64_t wayCount = 4;

static Model motion() {
  Model model("motion");
  Dim batch = model.symbol("batch");
  Tensor clip = model.input("clip", {batch, frames, side, side}), way = model.input("way", {batch}, i32);

  // Each frame on its own becomes 4 x 4 places.
  const nn::Conv2dOptions half{.stride = {2, 2}, .padding = {1, 1}};
  Tensor x = reshape(clip, {-1, 1, side, side});
  x = relu(nn::Conv2d(model / "first", 1, 16, half)(x));
  x = relu(nn::Conv2d(model / "second", 16, width, half)(x));
  x = reshape(transpose(x, {0, 2, 3, 1}), {batch, frames, places * places, width});

  // Where in time a place is, is learned; then it looks at itself in the other frames.
  x = x + model.parameter("time", {frames, 1, width}, truncated_normal(0.5));
  x = x + nn::TemporalAttention(model / "attention", width, 4)(nn::LayerNorm(model / "norm", width)(x));
  x = x + nn::Mlp(model, width, 2 * width)(nn::LayerNorm(model / "mlp_norm", width)(x));

  // What counts of all places and frames, and how much, is learned, too.
  x = reshape(x, {batch, frames * places * places, width});
  auto [seen, weights] = nn::PositionPool(model / "pool", width)(x);
  Tensor logits = nn::Linear(model / "head", width, wayCount)(seen);
  model.output("logits", logits);
  model.output("weights", weights); // (batch, frames * places)
  model.train(cross_entropy(logits, way), Adam{});
  return model;
}

// A short bar that moves by a pixel or two each frame, and noise.
static void draw(Random &random, float *clip, int32_t *way) {
  *way = int32_t(random.below(wayCount));
  const int64_t speed = (1 + int64_t(random.below(2))) * (*way % 2 ? 1 : -1), across = *way < 2 ? 1 : 0;
  const int64_t row = int64_t(random.below(side)), column = int64_t(random.below(side));
  for (int64_t at = 0; at < frames * pixels; ++at) clip[at] = float(0.2 * random.normal());
  for (int64_t frame = 0; frame < frames; ++frame)
    for (int64_t y = 0; y < 3; ++y)
      for (int64_t x = 0; x < 3; ++x) {
        const int64_t r = row + y + (1 - across) * frame * speed, c = column + x + across * frame * speed;
        clip[(frame * side + (r + 2 * side) % side) * side + (c + 2 * side) % side] += 1;
      }
}

class Clips {
public:
  explicit Clips(uint64_t seed) : random(seed) {}
  void next() {
    for (int64_t item = 0; item < batchSize; ++item) draw(random, &clip[item * frames * pixels], &way[item]);
  }
  void disorder() { // the same frames of each clip, in another order
    for (int64_t item = 0; item < batchSize; ++item)
      for (int64_t last = frames - 1; last > 0; --last) {
        float *frame = &clip[item * frames * pixels];
        std::swap_ranges(frame + last * pixels, frame + (last + 1) * pixels,
                         frame + int64_t(random.below(uint64_t(last + 1))) * pixels);
      }
  }

  std::vector<float> clip = std::vector<float>(batchSize * frames * pixels);
  std::vector<int32_t> way = std::vector<int32_t>(batchSize);

private:
  Random random;
};

struct Answer {
  std::vector<float> logits = std::vector<float>(batchSize * wayCount);
  std::vector<float> weights = std::vector<float>(batchSize * frames * places * places);

  int64_t way(int64_t item) const { return argmax(&logits[item * wayCount], wayCount); }
};

// Percent of clips.
static double accuracy(Program &program, bool ordered) {
  Clips clips(2);
  Answer answer;
  ConfusionMatrix confusion(wayCount);
  for (int batch = 0; batch < 16; ++batch) {
    clips.next();
    if (!ordered) clips.disorder();
    program.forward(batchSize, clips.clip, answer.logits, answer.weights);
    for (int64_t item = 0; item < batchSize; ++item) confusion.add(clips.way[item], answer.way(item));
  }
  return 100 * confusion.accuracy();
}

// A clip of each way, its frames side by side, under the pool's weights.
static Picture looks(Program &program) {
  Clips clips(3);
  clips.next();
  Answer answer;
  program.forward(batchSize, clips.clip, answer.logits, answer.weights);
  std::vector<std::string> headings;
  for (int64_t frame = 0; frame < frames; ++frame) headings.push_back("t = " + std::to_string(frame));
  std::vector<std::vector<Cell>> rows;
  for (int32_t way = 0; way < wayCount; ++way) {
    const int64_t item = std::find(clips.way.begin(), clips.way.end(), way) - clips.way.begin();
    const float *weight = &answer.weights[item * frames * places * places];
    const float most = *std::max_element(weight, weight + frames * places * places);
    auto &row = rows.emplace_back();
    for (int64_t frame = 0; frame < frames; ++frame, weight += places * places) {
      const Picture seen = Picture::ofNumbers(&clips.clip[(item * frames + frame) * pixels], 1, side, side, -0.5, 1.5);
      row.push_back({overlay(seen.scaled(96, 96), {places, places, {weight, weight + places * places}}, 0, most, 0.5,
                             ColourMap::viridis),
                     frame ? "" : ways[answer.way(item)]});
    }
  }
  return grid(headings, rows, 6);
}

int main() try {
  Program program = compile(motion(), {.sizes = {{"batch", batchSize}}, .seed = 1});
  Clips training(1);
  for (int step = 0; step <= steps; ++step) {
    float loss = 0;
    training.next();
    program.train_step(batchSize, training.clip, training.way, 0.003, &loss);
    if (step % 50 == 0) std::printf("step %3d: loss %.3f\n", step, double(loss));
  }
  looks(program).save("motion.png");
  std::printf("wrote motion.png\n");
  std::printf("frames in order: %.1f percent are right\n", accuracy(program, true));
  std::printf("frames in disorder: %.1f percent\n", accuracy(program, false));
} catch (const Error &error) {
  std::fprintf(stderr, "motion: %s\n", error.what());
  return 1;
}
