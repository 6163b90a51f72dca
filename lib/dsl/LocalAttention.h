// Attention of tokens to those near them, or in line with them, as compositions of other functions. Heads of images are
// (b, heads, h, w, d), of sequences (b, heads, n, d), with the sizes of queries, keys and values equal but for the d of
// values; sizes of images and sequences are constant. Every function throws Error, with the line of the call, where
// shapes or options do not fit. A table of relative biases is the caller's parameter; it may be left out.
#pragma once

#include <fovea/Functions.h>

namespace fovea {

/// The elements moved by `shift` places along an axis of constant size, those that leave one end entering at the other
/// (numpy's roll).
Tensor roll(Located x, int64_t axis, int64_t shift);

//===-- Windows ---------------------------------------------------------------------------------------------------===//

/// x (.., h, w, c) cut into windows, which divide it, row by row: (.., windows, window[0] * window[1], c).
Tensor window_partition(Located x, Pair2d window);
/// The other way: windows (.., h w / (window[0] * window[1]), window[0] * window[1], c) to (.., h, w, c), of `size`.
Tensor window_merge(Located windows, Pair2d window, Pair2d size);

struct WindowAttentionOptions {
  Pair2d window = {7, 7};
  Pair2d shift = {0, 0};                    // rows and columns, fewer than the window's
  std::optional<Tensor> relative_bias = {}; // ((2 window[0] - 1) (2 window[1] - 1), heads), as relative_index_2d
  std::optional<double> scale = {};         // by default 1 / sqrt(d)
};
/// softmax(scale q k^T + bias) v within each window of an image, which windows divide. With a shift, windows are cut
/// from the image moved up and left by it around its edges, and tokens that only meet around an edge do not see each
/// other (Liu et al. 2021, "Swin Transformer", section 3.2).
Tensor window_attention(Located query, Located key, Located value, const WindowAttentionOptions &options = {});

//===-- Neighbourhoods --------------------------------------------------------------------------------------------===//

struct NeighbourhoodOptions {
  std::optional<Tensor> relative_bias = {}; // a row for each distance, a column for each head: see below
  std::optional<double> scale = {};         // by default 1 / sqrt(d)
  std::optional<int64_t> tile = {};         // see below; by default 8 of images, 32 of sequences
};
/// Every query sees the `size` keys around its own, or the first or last ones near a border: softmax(scale q k^T +
/// bias) v over them. The bias of the key at distance j from the query is row j + size - 1 of (2 size - 1, heads)
/// (Hassani et al. 2023, "Neighborhood Attention Transformer", section 3.1). The size is odd and at most that of the
/// sequence. Queries are multiplied in tiles of `tile`, or `size` if that is more, with the tile + size - 1 keys that
/// one of them sees: time and memory for these products grow with the number of queries.
Tensor neighbourhood_attention(Located query, Located key, Located value, int64_t size,
                               const NeighbourhoodOptions &options = {});
/// The same in images, for the size[0] rows and size[1] columns around each query. The bias of the key at distance (i,
/// j) is row (i + size[0] - 1) (2 size[1] - 1) + j + size[1] - 1 of ((2 size[0] - 1) (2 size[1] - 1), heads).
Tensor neighbourhood_attention_2d(Located query, Located key, Located value, Pair2d size,
                                  const NeighbourhoodOptions &options = {});

//===-- Axes ------------------------------------------------------------------------------------------------------===//

/// attention along one axis of q, k and v (b, heads, .., d), each line by itself: axes go from 2 to the last but one,
/// or are counted from the end (Ho et al. 2019, "Axial Attention in Multidimensional Transformers").
Tensor axial_attention(Located query, Located key, Located value, int64_t axis, AttentionOptions options = {});

} // namespace fovea
