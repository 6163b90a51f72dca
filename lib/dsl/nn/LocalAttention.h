// Blocks of attention within an image's windows, neighbourhoods and axes, on tokens (b, h, w, width) with constant h
// and w. Queries, keys and values are one product with `qkv.weight` (width, 3 width), in this order.
#pragma once

#include <fovea/LocalAttention.h>
#include <fovea/nn/Heads.h>
#include <fovea/nn/Layers.h>

namespace fovea::nn {

/// Heads of queries, keys and values of tokens (b, .., width), and what comes back as tokens.
class QkvHeads {
public:
  QkvHeads(const Scope &at, int64_t width, int64_t heads, bool bias)
      : width(width), heads(heads), qkv(checked_heads(at, width, heads) / "qkv", width, 3 * width, {bias}),
        projection(at / "projection", width, width) {}

  /// query, key and value, each (b, heads, .., width / heads).
  std::vector<Tensor> split(const Tensor &x) const {
    std::vector<Tensor> parts = fovea::split(qkv(x), {width, width, width}, -1);
    for (Tensor &part : parts) part = split_heads(part, heads);
    return parts;
  }
  Tensor merge(const Tensor &x) const { return projection(merge_heads(x)); }

private:
  int64_t width, heads;
  Linear qkv, projection;
};

struct WindowAttentionOptions {
  Pair2d window = {7, 7}, shift = {0, 0};
  bool bias = true;          // of the queries, keys and values
  bool relative_bias = true; // `relative_bias` ((2 window[0] - 1) (2 window[1] - 1), heads)
};
/// window_attention (Liu et al. 2021, "Swin Transformer"). Swin's blocks alternate between no shift and half a window.
class WindowAttention {
public:
  WindowAttention(const Scope &at, int64_t width, int64_t heads, WindowAttentionOptions options = {})
      : options(options), parts(at, width, heads, options.bias) {
    auto [rows, columns] = options.window;
    if (options.relative_bias)
      table = at.parameter("relative_bias", {(2 * rows - 1) * (2 * columns - 1), heads}, truncated_normal(0.02));
  }

  Tensor operator()(Located x) const {
    Frame frame(x);
    std::vector<Tensor> heads = parts.split(x);
    return parts.merge(window_attention(heads[0], heads[1], heads[2], {options.window, options.shift, table}));
  }

private:
  WindowAttentionOptions options;
  QkvHeads parts;
  std::optional<Tensor> table;
};

struct NeighbourhoodAttentionOptions {
  Pair2d size = {7, 7};
  bool bias = true;          // of the queries, keys and values
  bool relative_bias = true; // `relative_bias` ((2 size[0] - 1) (2 size[1] - 1), heads)
};
/// neighbourhood_attention_2d (Hassani et al. 2023, "Neighborhood Attention Transformer"). A sequence is an image of
/// one row, and of size {1, k}.
class NeighbourhoodAttention {
public:
  NeighbourhoodAttention(const Scope &at, int64_t width, int64_t heads, NeighbourhoodAttentionOptions options = {})
      : options(options), parts(at, width, heads, options.bias) {
    auto [rows, columns] = options.size;
    if (options.relative_bias)
      table = at.parameter("relative_bias", {(2 * rows - 1) * (2 * columns - 1), heads}, truncated_normal(0.02));
  }

  Tensor operator()(Located x) const {
    Frame frame(x);
    std::vector<Tensor> heads = parts.split(x);
    return parts.merge(neighbourhood_attention_2d(heads[0], heads[1], heads[2], options.size, {table}));
  }

private:
  NeighbourhoodAttentionOptions options;
  QkvHeads parts;
  std::optional<Tensor> table;
};

/// Attention along each column of the image, then along each row, each with parameters of its own, `columns` and `rows`
/// (Wang et al. 2020, "Axial-DeepLab", section 3.2, without its positions).
class AxialAttention {
public:
  AxialAttention(const Scope &at, int64_t width, int64_t heads, bool bias = false)
      : columns(at / "columns", width, heads, bias), rows(at / "rows", width, heads, bias) {}

  Tensor operator()(Located x) const {
    Frame frame(x);
    if (x.tensor.rank() != 4)
      frame.fail("axial attention: x has rank " + std::to_string(x.tensor.rank()) + ": it must be (b, h, w, width)");
    std::vector<Tensor> down = columns.split(x);
    std::vector<Tensor> along = rows.split(columns.merge(axial_attention(down[0], down[1], down[2], 2)));
    return rows.merge(axial_attention(along[0], along[1], along[2], 3));
  }

private:
  QkvHeads columns, rows;
};

/// Each place of a video's frames attends to itself in all frames: x (b, frames, .., width), such as (b, frames, h, w,
/// width) or (b, frames, n, width), with constant sizes between (Bertasius et al. 2021, "Is Space-Time Attention All
/// You Need for Video Understanding?", section 3, the temporal half of divided attention).
class TemporalAttention {
public:
  TemporalAttention(const Scope &at, int64_t width, int64_t heads, bool bias = false) : parts(at, width, heads, bias) {}

  Tensor operator()(Located x, AttentionOptions options = {}) const {
    Frame frame(x);
    if (x.tensor.rank() < 4)
      frame.fail("temporal attention: x has rank " + std::to_string(x.tensor.rank()) +
                 ": it must be (b, frames, .., width)");
    std::vector<Tensor> heads = parts.split(x);
    return parts.merge(axial_attention(heads[0], heads[1], heads[2], 2, options));
  }

private:
  QkvHeads parts;
};

} // namespace fovea::nn
