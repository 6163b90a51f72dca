// Tokens as heads, and back: what blocks of attention begin and end with.
#pragma once

#include <fovea/Functions.h>
#include <fovea/Model.h>

namespace fovea::nn {

/// Fails unless heads divide channels.
inline const Scope &checked_heads(const Scope &at, int64_t width, int64_t heads) {
  if (heads < 1 || width % heads)
    at.fail("attention: " + std::to_string(heads) + " heads do not divide " + std::to_string(width) + " channels");
  return at;
}

/// Tokens (b, .., width) as (b, heads, .., width / heads); heads divide the width, which is constant.
inline Tensor split_heads(Located x, int64_t heads) {
  Frame frame(x);
  Shape shape = x.tensor.shape();
  std::optional<int64_t> width = shape.size() < 2 ? std::nullopt : shape.back().constant();
  if (!width || heads < 1 || *width % heads)
    frame.fail("split_heads: x has rank " + std::to_string(shape.size()) +
               (width ? " and " + std::to_string(*width) + " channels" : "") +
               ": it must be (b, .., width), with a constant width that " + std::to_string(heads) + " heads divide");
  shape.back() = heads;
  shape.push_back(*width / heads);
  std::vector<int64_t> order{0, (int64_t)shape.size() - 2};
  for (int64_t d = 1; d < (int64_t)shape.size(); ++d)
    if (d != order[1]) order.push_back(d);
  return transpose(reshape(x.tensor, shape), order);
}

/// Heads (b, heads, .., d) as tokens (b, .., heads * d).
inline Tensor merge_heads(Located x) {
  Frame frame(x);
  Shape shape = x.tensor.shape();
  if (shape.size() < 3)
    frame.fail("merge_heads: x has rank " + std::to_string(shape.size()) + ": it must be (b, heads, .., d)");
  std::vector<int64_t> order{0};
  for (int64_t d = 2; d + 1 < (int64_t)shape.size(); ++d) order.push_back(d);
  order.insert(order.end(), {1, (int64_t)shape.size() - 1});
  Dim width = shape[1] * shape.back();
  shape.erase(shape.begin() + 1);
  shape.back() = width;
  return reshape(transpose(x.tensor, order), shape);
}

/// What blocks take as tokens: (b, n, width) as they are, or the pixels of an image (b, width, h, w), row by row.
class Tokens {
public:
  /// `block` is the name in messages. With `runs`, an image is only reshaped, so that a token is a run of pixels of one
  /// channel or several.
  Tokens(const Frame &frame, const std::string &block, const Tensor &x, bool runs = false)
      : shape(x.shape()), runs(runs) {
    if (shape.size() != 3 && shape.size() != 4)
      frame.fail(block + ": x has rank " + std::to_string(shape.size()) +
                 ": it must be (b, n, width) or (b, width, h, w)");
    tokens = shape.size() == 3 ? x
             : runs            ? reshape(x, {shape[0], shape[2] * shape[3], shape[1]})
                               : transpose(reshape(x, {shape[0], shape[1], shape[2] * shape[3]}), {0, 2, 1});
  }

  /// As x came in: y (b, n, channels) itself, or an image (b, channels, h, w).
  Tensor back(const Tensor &y) const {
    if (shape.size() == 3) return y;
    return reshape(runs ? y : transpose(y, {0, 2, 1}), {shape[0], y.dim(2), shape[2], shape[3]});
  }
  /// Numbers of tokens (b, n) as x came in: themselves, or (b, h, w).
  Tensor map(const Tensor &numbers) const {
    return shape.size() == 3 ? numbers : reshape(numbers, {shape[0], shape[2], shape[3]});
  }

  Tensor tokens; // (b, n, width)

private:
  Shape shape;
  bool runs;
};

} // namespace fovea::nn
