// Lesson 8: a gradient rule of your own. A layer whose weights are single bits, 1 or -1, learns another such layer.
//
// The sign of a number is flat wherever it has a slope at all, so its own gradient, zero, teaches nothing. The rule
// below is the straight-through estimator (Bengio et al. 2013; Courbariaux et al. 2016, "Binarized Neural Networks",
// section 1.3): the gradient goes through as if the sign were not there, where the number is not yet beyond 1.
#include <fovea/compile.h>
#include <fovea/fovea.h>

#include <cmath>
#include <cstdio>
#include <random>

using namespace fovea;

constexpr int64_t rows = 64, inputs = 24, outputs = 4;

// A rule computes with what it is given: the inputs, the result, and the result's cotangent. It gives each input its
// own.
static Tensor one_bit(Located weights) {
  return custom_vjp({weights}, where(weights.tensor < 0, -1, 1),
                    [](const std::vector<Tensor> &in, const Tensor &, const Tensor &cotangent) {
                      return std::vector<Tensor>{where(abs(in[0]) <= 1, cotangent, 0)};
                    });
}

static Model layer() {
  Model layer("layer");
  Dim batch = layer.symbol("batch");
  Tensor x = layer.input("x", {batch, inputs}), y = layer.input("y", {batch, outputs});
  Tensor weights = layer.parameter("weights", {inputs, outputs}, normal(0.1));
  Tensor sum = matmul(x, one_bit(weights));
  layer.output("sum", sum);
  layer.train(mean(square(sum - y)), AdamW{.weight_decay = 0});
  return layer;
}

int main() try {
  Program program = compile(layer(), {.sizes = {{"batch", rows}}, .seed = 1});
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  std::vector<float> bits(inputs * outputs), x(rows * inputs), y(rows * outputs);
  for (float &bit : bits) bit = random() % 2 ? 1 : -1;
  float loss = 0;
  for (int step = 0; step <= 300; ++step) {
    for (float &number : x) number = normal(random);
    for (int64_t at = 0; at < rows * outputs; ++at) {
      y[at] = 0;
      for (int64_t i = 0; i < inputs; ++i) y[at] += x[at / outputs * inputs + i] * bits[i * outputs + at % outputs];
    }
    program.train_step(rows, x, y, 0.01, &loss);
    if (step % 100 == 0) std::printf("step %3d: loss %.4f\n", step, double(loss));
  }
  std::vector<float> weights = program.get<float>("weights");
  int right = 0;
  for (int64_t at = 0; at < inputs * outputs; ++at) right += std::signbit(weights[at]) == std::signbit(bits[at]);
  std::printf("%d of %d bits are right\n", right, int(inputs * outputs));
} catch (const Error &error) {
  std::fprintf(stderr, "bits: %s\n", error.what());
  return 1;
}
