// softmax(q k^T / sqrt d) v: plain, with windows, and with biases and masks of the author's.
#include "models.h"

#include <fovea/ScoreFunctions.h>

/// Makes the options of a model that it adds inputs to; the names of those that get gradients join `inputs`.
using Options = std::function<AttentionOptions(Model &, std::vector<std::string> &inputs)>;

static Model attend(const std::string &name, Shape shape, const Options &options) {
  Model model("attention_" + name);
  Tensor q = model.input("q", shape), k = model.input("k", shape), v = model.input("v", shape);
  std::vector<std::string> inputs = {"q", "k", "v"};
  Tensor y = attention(q, k, v, options(model, inputs));
  differentiate(model, y, inputs);
  return model;
}

static Options always(AttentionOptions options) {
  return [=](Model &, std::vector<std::string> &) { return options; };
}

/// A learned bias of heads by the two distances in a grid of `size` by `size` tokens.
static Options relative(int64_t heads, int64_t size) {
  return [=](Model &model, std::vector<std::string> &inputs) {
    inputs.push_back("table");
    Tensor table = model.input("table", {heads, 2 * size - 1, 2 * size - 1});
    return AttentionOptions{.score = scores::relative_2d(table, {size, size})};
  };
}

static Options documents(int64_t tokens) {
  return [=](Model &model, std::vector<std::string> &) {
    return AttentionOptions{.mask = masks::document(model.input("ids", {1, tokens}, i32))};
  };
}

std::vector<Model> attentions() {
  return {attend("T197", {8, 3, 197, 64}, always({})),
          attend("T1024", {1, 8, 1024, 64}, always({})),
          attend("T1024_causal", {1, 8, 1024, 64}, always({.causal = true})),
          attend("T4096", {1, 8, 4096, 64}, always({})),
          attend("T4096_causal", {1, 8, 4096, 64}, always({.causal = true})),
          attend("T16384", {1, 2, 16384, 64}, always({})),
          attend("T16384_window", {1, 2, 16384, 64}, always({.causal = true, .window_left = 255})),
          attend("T49_relative", {64, 3, 49, 32}, relative(3, 7)),
          attend("T1024_relative", {1, 8, 1024, 64}, relative(8, 32)),
          attend("T2048", {1, 8, 2048, 64}, always({})),
          attend("T2048_documents", {1, 8, 2048, 64}, documents(2048))};
}
