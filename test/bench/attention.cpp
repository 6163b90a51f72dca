// softmax(q k^T / sqrt d) v: plain, with windows, and with biases and masks of the author's.
#include "models.h"

#include <fovea/ScoreFunctions.h>

/// Makes the options of a model that it adds inputs to; those that get gradients join the sources.
using Options = std::function<AttentionOptions(Model &, Sources &)>;

static std::vector<Model> attend(const std::string &name, const Shape &shape, const Options &options) {
  return differentiable("attention_" + name, [=](Model &model, Sources &sources) {
    Tensor q = model.input("q", shape), k = model.input("k", shape), v = model.input("v", shape);
    sources = {{"q", q}, {"k", k}, {"v", v}};
    return attention(q, k, v, options(model, sources));
  });
}

static Options always(AttentionOptions options) {
  return [=](Model &, Sources &) { return options; };
}

/// A learned bias of heads by the two distances in a grid of `size` by `size` tokens.
static Options relative(int64_t heads, int64_t size) {
  return [=](Model &model, Sources &sources) {
    Tensor table = model.input("table", {heads, 2 * size - 1, 2 * size - 1});
    sources.push_back({"table", table});
    return AttentionOptions{.score = scores::relative_2d(table, {size, size})};
  };
}

static Options documents(int64_t tokens) {
  return [=](Model &model, Sources &) {
    return AttentionOptions{.mask = masks::document(model.input("ids", {1, tokens}, i32))};
  };
}

/// What attention_parity.py compares with PyTorch, in small: what its functions and modules can say.
static std::vector<Model> parities() {
  Model grouped("parity_grouped");
  {
    Tensor q = grouped.input("q", {2, 6, 33, 16}), k = grouped.input("k", {2, 2, 33, 16}),
           v = grouped.input("v", {2, 2, 33, 8});
    differentiate(grouped, attention(q, k, v, {.causal = true}), {{"q", q}, {"k", k}, {"v", v}});
  }
  Model masked("parity_masked");
  {
    Tensor q = masked.input("q", {2, 3, 17, 8}), k = masked.input("k", {2, 3, 29, 8}),
           v = masked.input("v", {2, 3, 29, 8}), bias = masked.input("bias", {3, 17, 29}),
           seen = masked.input("seen", {2, 1, 1, 29}, i32);
    AttentionOptions options{.score = scores::additive(bias), .mask = masks::boolean(0 < seen)};
    differentiate(masked, attention(q, k, v, options), {{"q", q}, {"k", k}, {"v", v}, {"bias", bias}});
  }
  Model flex("parity_flex");
  {
    Tensor q = flex.input("q", {2, 4, 37, 16}), k = flex.input("k", {2, 4, 37, 16}),
           v = flex.input("v", {2, 4, 37, 16}), ids = flex.input("ids", {2, 37}, i32);
    AttentionOptions options{.score = chain(scores::softcap(2), scores::alibi(4)), .mask = masks::document(ids)};
    differentiate(flex, attention(q, k, v, options), {{"q", q}, {"k", k}, {"v", v}});
  }
  Model multihead("parity_multihead");
  {
    constexpr int64_t tokens = 19, width = 24, heads = 3;
    Tensor x = multihead.input("x", {2, tokens, width}), qkv = multihead.input("qkv", {width, 3 * width}),
           projection = multihead.input("projection", {width, width});
    std::vector<Tensor> parts = split(matmul(x, qkv), {width, width, width}, -1);
    for (Tensor &part : parts) part = nn::split_heads(part, heads);
    Tensor y = matmul(nn::merge_heads(attention(parts[0], parts[1], parts[2])), projection);
    differentiate(multihead, y, {{"x", x}, {"qkv", qkv}, {"projection", projection}});
  }
  Model low("parity_low", bf16);
  {
    Shape shape = {1, 4, 512, 64};
    Tensor q = low.input("q", shape, f32), k = low.input("k", shape, f32), v = low.input("v", shape, f32);
    Tensor y = cast(attention(cast(q, bf16), cast(k, bf16), cast(v, bf16), {.causal = true}), f32);
    differentiate(low, y, {{"q", q}, {"k", k}, {"v", v}});
  }
  return {grouped, masked, flex, multihead, low};
}

std::vector<Model> attentions() {
  std::vector<Model> models = parities();
  for (const std::vector<Model> &pair :
       {attend("T197", {8, 3, 197, 64}, always({})), attend("T1024", {1, 8, 1024, 64}, always({})),
        attend("T1024_causal", {1, 8, 1024, 64}, always({.causal = true})),
        attend("T4096", {1, 8, 4096, 64}, always({})),
        attend("T4096_causal", {1, 8, 4096, 64}, always({.causal = true})),
        attend("T16384", {1, 2, 16384, 64}, always({})),
        attend("T16384_window", {1, 2, 16384, 64}, always({.causal = true, .window_left = 255})),
        attend("T49_relative", {64, 3, 49, 32}, relative(3, 7)),
        attend("T1024_relative", {1, 8, 1024, 64}, relative(8, 32)), attend("T2048", {1, 8, 2048, 64}, always({})),
        attend("T2048_documents", {1, 8, 2048, 64}, documents(2048))})
    models.insert(models.end(), pair.begin(), pair.end());
  return models;
}
