// Lesson 2, the program: trains in C++ by accumulated gradients, and continues from a checkpoint.
#include "retrieval.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <random>
#include <stdexcept>
#include <vector>

constexpr int64_t batch = 64, tokens = 8, colours = 4;

// Examples as the compiled functions want them: row-major arrays.
struct Examples {
  std::vector<float> weight = std::vector<float>(batch * tokens);
  std::vector<int32_t> colour = std::vector<int32_t>(batch * tokens), answer = std::vector<int32_t>(batch);

  explicit Examples(std::mt19937 &random) {
    for (float &w : weight) w = std::uniform_real_distribution<float>(-1, 1)(random);
    for (int32_t &c : colour) c = static_cast<int32_t>(random() % colours);
    for (int64_t i = 0; i < batch; ++i) {
      const float *row = &weight[i * tokens];
      answer[i] = colour[i * tokens + (std::max_element(row, row + tokens) - row)];
    }
  }
};

// The C handle with an owner, and error codes as exceptions.
class Retrieval {
public:
  Retrieval() : handle(nullptr, retrieval_destroy) {
    retrieval_options options = RETRIEVAL_OPTIONS_DEFAULT;
    options.sizes.batch = batch;
    options.seed = 1;
    handle.reset(retrieval_create(&options));
    check(handle ? 0 : 1);
  }
  // Adds this batch's gradients to those that are there, and gives its loss.
  float gradients(const Examples &e) {
    float loss = 0;
    check(retrieval_gradients(handle.get(), batch, e.weight.data(), e.colour.data(), e.answer.data(), &loss));
    return loss;
  }
  // Multiplies the gradients by `scale`, clips them, takes a step, and sets them to zero.
  void update(float rate, float scale) { check(retrieval_update(handle.get(), rate, scale)); }
  // The share of right answers.
  double accuracy(const Examples &e) {
    std::vector<float> logits(batch * colours);
    check(retrieval_forward(handle.get(), batch, e.weight.data(), e.colour.data(), logits.data()));
    int64_t right = 0;
    for (int64_t i = 0; i < batch; ++i) {
      const float *row = &logits[i * colours];
      right += std::max_element(row, row + colours) - row == e.answer[i];
    }
    return double(right) / batch;
  }
  void save(const char *path) { check(retrieval_save_checkpoint(handle.get(), path)); }
  void load(const char *path) { check(retrieval_load_checkpoint(handle.get(), path)); }

private:
  void check(int32_t status) {
    if (status) throw std::runtime_error(retrieval_last_error(handle.get()));
  }
  std::unique_ptr<retrieval, decltype(&retrieval_destroy)> handle;
};

// Steps of two batches each: twice the batch in the memory of one. With several machines, sums over them would stand
// between gradients and update.
float train(Retrieval &model, std::mt19937 &random, int from, int to) {
  float loss = 0;
  for (int step = from; step < to; ++step) {
    loss = (model.gradients(Examples(random)) + model.gradients(Examples(random))) / 2;
    model.update(0.02f, 0.5f); // a half: the gradients of two means were added
    if (step % 100 == 0) std::printf("step %3d: loss %.3f\n", step, static_cast<double>(loss));
  }
  return loss;
}

int main() try {
  std::mt19937 random(1);
  Retrieval model;
  train(model, random, 0, 300);

  // A checkpoint holds the parameters and all else that training needs: the optimizer's moments, steps, random numbers.
  model.save("retrieval.safetensors");
  std::mt19937 saved = random;
  float loss = train(model, random, 300, 600);

  // From there, another model goes the same way, to the bit.
  Retrieval again;
  again.load("retrieval.safetensors");
  std::printf("continued from the checkpoint: the losses are %s\n",
              train(again, saved, 300, 600) == loss ? "equal" : "different");
  std::printf("accuracy %.2f\n", model.accuracy(Examples(random)));
} catch (const std::exception &error) {
  std::fprintf(stderr, "retrieve: %s\n", error.what());
  return 1;
}
