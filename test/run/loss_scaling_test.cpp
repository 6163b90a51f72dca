// Loss scaling: gradients that vanish in f16 without it, and the same numbers as without it where they do not.
#include <fovea/compile.h>
#include <fovea/fovea.h>

#include <cmath>
#include <gtest/gtest.h>

using namespace fovea;

namespace {

using Numbers = std::vector<float>;

constexpr int64_t items = 7, inputs = 5, outputs = 3;

/// The loss is `small` times a mean square.
Program regression(DType dtype, const Optimizer &optimizer, const TrainOptions &options, double small = 1) {
  Model model("regression", dtype);
  Dim batch = model.symbol("batch");
  Tensor x = model.input("x", {batch, inputs}), y = model.input("y", {batch, outputs});
  Tensor weight = model.parameter("weight", {inputs, outputs}, uniform(-1, 1));
  Tensor bias = model.parameter("bias", {outputs}, zeros());
  Tensor result = matmul(cast(x, dtype), weight) + bias;
  model.train(small * mse_loss(cast(result, f32), y), optimizer, options);
  return compile(model, {.sizes = {{"batch", items}}, .seed = 3});
}

struct Batch {
  Numbers x = Numbers(items * inputs), y = Numbers(items * outputs);
  explicit Batch(uint32_t seed) {
    for (Numbers *numbers : {&x, &y})
      for (float &each : *numbers) {
        seed = seed * 1664525u + 1013904223u;
        each = float(int32_t(seed >> 8) % 2048) / 1024 - 1;
      }
    for (int64_t item = 0; item < items; ++item) // what can be learnt: the first inputs
      for (int64_t o = 0; o < outputs; ++o) y[item * outputs + o] = x[item * inputs + o];
  }
};

float train(Program &program, const Batch &batch, double rate) {
  float loss = -1;
  program.train_step(items, batch.x, batch.y, rate, &loss);
  return loss;
}

/// All state by name, but the loss scale and its counter.
std::vector<Numbers> stateOf(Program &program) {
  std::vector<Numbers> result;
  for (const char *parameter : {"weight", "bias"})
    for (const char *kind : {"", "gradient/", "moment1/", "moment2/", "ema/"})
      result.push_back(program.get<float>(std::string(kind) + parameter));
  result.push_back({(float)program.get<int64_t>("step").at(0)});
  return result;
}

float scaleOf(Program &program) { return program.get<float>("loss_scale").at(0); }
int64_t goodSteps(Program &program) { return program.get<int64_t>("good_steps").at(0); }

} // namespace

TEST(LossScaling, TrainsWhereGradientsOfF16AreZeroWithout) {
  constexpr double small = 1e-8, rate = 0.5 / small;
  Program plain = regression(f16, SGD{}, {}, small), scaled = regression(f16, SGD{}, {.loss_scale = 0x1p20}, small);
  Numbers start = plain.get<float>("weight");
  ASSERT_EQ(start, scaled.get<float>("weight"));
  float first = train(scaled, Batch(0), rate), last = first;
  EXPECT_EQ(train(plain, Batch(0), rate), first);
  for (int step = 1; step < 100; ++step) {
    train(plain, Batch(step), rate);
    last = train(scaled, Batch(step), rate);
  }
  EXPECT_EQ(plain.get<float>("weight"), start);
  EXPECT_LT(last, first / 1000);
  EXPECT_EQ(scaleOf(scaled), 0x1p20f);
}

/// A power of two rounds nothing: with clipping, accumulation, averages and input gradients the numbers are the same.
TEST(LossScaling, ChangesNoNumberOfF32) {
  TrainOptions options{.clip_norm = 0.2, .ema = 0.9, .input_gradients = {"x"}};
  AdamW adamw{.weight_decay = 0.05};
  Program plain = regression(f32, adamw, options);
  options.loss_scale = 0x1p12;
  options.growth_interval = 3;
  Program scaled = regression(f32, adamw, options);
  for (int step = 0; step < 8; ++step) {
    for (int part = 0; part < 2; ++part) {
      Batch batch(10 * step + part);
      float loss = -1, otherLoss = -2;
      Numbers dx(items * inputs), otherDx(items * inputs);
      plain.gradients(items, batch.x, batch.y, &loss, dx);
      scaled.gradients(items, batch.x, batch.y, &otherLoss, otherDx);
      EXPECT_EQ(loss, otherLoss);
      EXPECT_EQ(dx, otherDx);
    }
    float now = scaleOf(scaled);
    Numbers gradient = plain.get<float>("gradient/weight");
    for (float &each : gradient) each *= now;
    EXPECT_EQ(gradient, scaled.get<float>("gradient/weight"));
    plain.update(0.01, 0.5);
    scaled.update(0.01, 0.5);
    EXPECT_EQ(stateOf(plain), stateOf(scaled)) << "step " << step;
    EXPECT_EQ(scaleOf(scaled), step < 2 ? 0x1p12f : step < 5 ? 0x1p13f : 0x1p14f) << "step " << step;
    EXPECT_EQ(goodSteps(scaled), (step + 1) % 3);
  }
}

TEST(LossScaling, AStepThatOverflowsChangesTheScaleAlone) {
  Program program = regression(f16, AdamW{}, {.clip_norm = 1, .ema = 0.9, .loss_scale = 1024, .growth_interval = 4});
  for (int step = 0; step < 3; ++step) train(program, Batch(step), 0.01);
  EXPECT_EQ(goodSteps(program), 3);
  std::vector<Numbers> before = stateOf(program);
  Batch infinite(3), large(4);
  infinite.x[4] = INFINITY;
  train(program, infinite, 0.01);
  EXPECT_EQ(stateOf(program), before);
  EXPECT_EQ(scaleOf(program), 512);
  EXPECT_EQ(goodSteps(program), 0);
  // One bad part of two spoils the update of both.
  float loss = -1;
  program.gradients(items, large.x, large.y, &loss);
  for (float &each : large.y) each = 1e6f; // its gradients are finite in f32, not in f16
  program.gradients(items, large.x, large.y, &loss);
  EXPECT_TRUE(std::isfinite(loss));
  program.update(0.01, 0.5);
  EXPECT_EQ(stateOf(program), before);
  EXPECT_EQ(scaleOf(program), 256);
  train(program, Batch(5), 0.01);
  EXPECT_NE(program.get<float>("weight"), before[0]);
  EXPECT_EQ(program.get<int64_t>("step").at(0), 4);
}

TEST(LossScaling, StaysBetweenOneAndTwoToThe24) {
  Program program = regression(f32, AdamW{}, {.ema = 0.9, .loss_scale = 0x1p23, .growth_interval = 1});
  for (int step = 0; step < 3; ++step) train(program, Batch(step), 0.01);
  EXPECT_EQ(scaleOf(program), 0x1p24f);
  Batch nan(3);
  nan.y[0] = NAN;
  for (int step = 0; step < 30; ++step) train(program, nan, 0.01);
  EXPECT_EQ(scaleOf(program), 1);
  for (float each : program.get<float>("weight")) EXPECT_TRUE(std::isfinite(each));
}
