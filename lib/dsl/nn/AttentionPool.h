// Many tokens to few by attention of learned queries. x is tokens (b, n, width) or an image (b, width, h, w), whose
// pixels are the tokens.
#pragma once

#include <cmath>

#include <fovea/nn/Heads.h>
#include <fovea/nn/Layers.h>

namespace fovea::nn {

struct AttentionPoolOptions {
  int64_t queries = 1;
  std::optional<int64_t> output = {}; // channels of the result; by default the width
};
/// What learned queries, `seeds` (queries, width), see among the tokens: (b, queries, output) (Lee et al. 2019, "Set
/// Transformer", section 3.2, the attention of PMA; Yu et al. 2022, "CoCa", section 3.2).
class AttentionPool {
public:
  AttentionPool(const Scope &at, int64_t width, int64_t heads, AttentionPoolOptions options = {})
      : width(width), heads(heads), seeds(checked_heads(at, width, heads)
                                              .parameter("seeds", {options.queries, width},
                                                         xavier_uniform((double)options.queries, (double)width))),
        query(at / "query", width, width), keyValue(at / "key_value", width, 2 * width),
        projection(at / "projection", width, options.output.value_or(width)) {}

  Tensor operator()(Located x) const {
    Frame frame(x);
    Tensor tokens = Tokens(frame, "attention pool", x).tokens;
    std::vector<Tensor> parts = split(keyValue(tokens), {width, width}, -1);
    Tensor queries = reshape(query(seeds), {1, seeds.dim(0), width}); // the same for every item
    queries = broadcast_to(queries, {tokens.dim(0), seeds.dim(0), width});
    return projection(merge_heads(
        attention(split_heads(queries, heads), split_heads(parts[0], heads), split_heads(parts[1], heads))));
  }

private:
  int64_t width, heads;
  Tensor seeds;
  Linear query, keyValue, projection;
};

/// What the mean of the tokens sees among itself and them, all with learned positions, `positions` (n + 1, width), the
/// mean's first: (b, output) (Radford et al. 2021, "Learning Transferable Visual Models From Natural Language
/// Supervision", section 2.4).
class MeanAttentionPool {
public:
  MeanAttentionPool(const Scope &at, int64_t tokens, int64_t width, int64_t heads, std::optional<int64_t> output = {})
      : width(width), heads(heads),
        positions(checked_heads(at, width, heads)
                      .parameter("positions", {tokens + 1, width}, normal(1 / std::sqrt((double)width)))),
        query(at / "query", width, width), keyValue(at / "key_value", width, 2 * width),
        projection(at / "projection", width, output.value_or(width)) {}

  Tensor operator()(Located x) const {
    Frame frame(x);
    Tensor tokens = Tokens(frame, "attention pool", x).tokens;
    if (tokens.dim(1) + 1 != positions.dim(0) || tokens.dim(2) != positions.dim(1))
      frame.fail("attention pool: x must have the " + std::to_string(*positions.dim(0).constant() - 1) + " tokens of " +
                 std::to_string(width) + " channels that have positions");
    tokens = concat({mean(tokens, 1, true), tokens}, 1) + positions;
    std::vector<Tensor> parts = split(keyValue(tokens), {width, width}, -1);
    Tensor mixed = attention(split_heads(query(slice(tokens, 1, 0, 1)), heads), split_heads(parts[0], heads),
                             split_heads(parts[1], heads));
    Tensor one = merge_heads(mixed);
    return projection(reshape(one, {one.dim(0), width}));
  }

private:
  int64_t width, heads;
  Tensor positions;
  Linear query, keyValue, projection;
};

} // namespace fovea::nn
