// Lesson 6: models compiled in the program that makes them. Here it searches for the network that fits a curve best.
//
// The program links the compiler itself (Fovea::Compile, see CMakeLists.txt), so this is for development; what you ship
// is compiled ahead of time, as in the other lessons. Both ways give the same code and the same numbers.
#include <fovea/compile.h>
#include <fovea/fovea.h>

#include <cmath>
#include <cstdio>

using namespace fovea;

constexpr int64_t points = 64;

// One hidden layer of some width: what is searched for.
static Model curve(int64_t width) {
  Model curve("curve");
  Dim batch = curve.symbol("batch");
  Tensor x = curve.input("x", {batch, 1});
  Tensor y = curve.input("y", {batch, 1});
  Tensor height = nn::Linear(curve / "out", width, 1)(tanh(nn::Linear(curve / "hidden", 1, width)(x)));
  curve.output("height", height);
  Tensor error = height - y;
  curve.train(mean(error * error), AdamW{.weight_decay = 0});
  return curve;
}

int main() try {
  std::vector<float> x(points), y(points), height(points);
  for (int i = 0; i < points; ++i) {
    x[i] = -1 + 2 * float(i) / (points - 1);
    y[i] = std::sin(5 * x[i]);
  }

  float least = 1;
  int64_t best = 0;
  for (int64_t width : {1, 4, 16, 64}) {
    // Kernels and library stay in the cache: a second run of this program compiles nothing. A mistake in the model is
    // an Error at its line.
    Program program = compile(curve(width), {.sizes = {{"batch", points}}, .seed = 1});

    // Arguments are those of the functions in foveac's header. They are checked when called: how many there are, their
    // types, and whether containers are large enough.
    float loss = 0;
    for (int step = 0; step <= 1000; ++step) program.train_step(points, x, y, 0.01, &loss);
    std::printf("width %2d, compiled for %s: loss %.5f\n", int(width), program.target().c_str(), double(loss));
    if (loss >= least) continue;
    least = loss, best = width;
    program.save("curve.safetensors");
  }

  // Only forward, with what was learned.
  Program program = compile(curve(best), {.sizes = {{"batch", points}}, .inference = true});
  program.load("curve.safetensors");
  program.forward(points, x, height);
  std::printf("at x = %.2f: %.2f, and it should be %.2f\n", double(x[40]), double(height[40]), double(y[40]));
  std::printf("%zu weights in the hidden layer\n", program.get<float>("hidden.weight").size());
  try {
    program.forward(points, x, std::vector<double>(points));
  } catch (const Error &error) {
    std::printf("as expected: %s\n", error.what());
  }
} catch (const Error &error) {
  std::fprintf(stderr, "search: %s\n", error.what());
  return 1;
}
