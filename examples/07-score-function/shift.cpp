// Lesson 7: a score function of your own, with a table that it learns.
//
// Each token of a row should give the number three tokens to its left. Nothing in a number says where it stands, so the
// score of a query i and a key j is a learned number for their distance: training finds out which distance counts.
#include <fovea/compile.h>
#include <fovea/fovea.h>

#include <cstdio>
#include <random>

using namespace fovea;

constexpr int64_t rows = 32, tokens = 16, distance = 3;

static Model shift() {
  Model shift("shift");
  Dim batch = shift.symbol("batch");
  Tensor x = shift.input("x", {batch, tokens, 1}), y = shift.input("y", {batch, tokens, 1});

  // The function sees one pair of query and key. It may use all functions of single elements, and loads from tensors
  // outside, by indices made of b, h, i and j. What it loads from receives a gradient, without a matrix of queries by
  // keys ever being stored.
  Tensor table = shift.parameter("table", {2 * tokens - 1}, zeros());
  auto learned = [&](Scalar, Index, Index, Index i, Index j) { return load(table, j - i + (tokens - 1.0)); };
  Tensor x_heads = reshape(x, {batch, 1, tokens, 1}); // one head of size 1
  Tensor seen = reshape(attention(x_heads, x_heads, x_heads, {.score = learned}), {batch, tokens, 1});

  shift.output("seen", seen);
  Tensor error = slice(seen - y, 1, distance, tokens - distance); // the first tokens have none to their left
  shift.train(mean(error * error), AdamW{.weight_decay = 0});
  return shift;
}

int main() try {
  Program program = compile(shift(), {.sizes = {{"batch", rows}}, .seed = 1});
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> x(rows * tokens), y(rows * tokens);
  float loss = 0;
  for (int step = 0; step <= 400; ++step) {
    for (float &number : x) number = normal(random);
    for (int64_t at = 0; at < rows * tokens; ++at) y[at] = at % tokens < distance ? 0 : x[at - distance];
    program.train_step(rows, x, y, 0.1, &loss);
    if (step % 100 == 0) std::printf("step %3d: loss %.4f\n", step, double(loss));
  }

  std::vector<float> table = program.get<float>("table");
  for (int64_t at = tokens - 1 - 5; at <= tokens - 1 + 1; ++at)
    std::printf("distance %2d: %6.2f\n", int(at - tokens + 1), double(table[at]));
  int64_t best = std::max_element(table.begin(), table.end()) - table.begin();
  std::printf("it looks at distance %d\n", int(best - tokens + 1));
} catch (const Error &error) {
  std::fprintf(stderr, "shift: %s\n", error.what());
  return 1;
}
