// What tells attention where its tokens are: sinusoids, rotations, and tables by the distance of a key from a query.
// Numbers of positions and channels are constant. Tables of constants hold up to 2^20 numbers; beyond that, and for
// other shapes or options than a function takes, it throws Error with the line of the call.
#pragma once

#include <fovea/Functions.h>

namespace fovea {

//===-- Added to tokens -------------------------------------------------------------------------------------------===//

/// For floats x (.., positions, width) of even width, (positions, width) in x's type: at position p, sin(p / base^(2 i
/// / width)) in channel 2 i and cos of the same in 2 i + 1 (Vaswani et al. 2017, "Attention Is All You Need", section
/// 3.5). To be used as `x + sinusoidal_positions(x)`.
Tensor sinusoidal_positions(Located x, double base = 10000);
/// For x (.., rows, columns, width), of a width that 4 divides, (rows, columns, width): the first half of the channels
/// is sinusoidal_positions of the row in width / 2 channels, the second that of the column.
Tensor sinusoidal_positions_2d(Located x, double base = 10000);

//===-- Turned queries and keys -----------------------------------------------------------------------------------===//

struct RotaryOptions {
  double base = 10000;
  std::optional<int64_t> width = {}; // so many channels, the first ones, are turned; by default all
  bool halves = false; // pairs are channels i and i + width / 2, as in GPT-NeoX and Llama; else 2 i, 2 i + 1
  int64_t first = 0;   // the position of the first token
};
/// Queries or keys x (.., positions, d), each pair i of channels turned by the angle p / base^(2 i / width) at position
/// p, so that products of queries and keys depend on their distance (Su et al. 2021, "RoFormer: Enhanced Transformer
/// with Rotary Position Embedding", equation 34).
Tensor rotary(Located x, RotaryOptions options = {});
/// The same at positions given at run time, numbers of any kind that broadcast to x's shape without its last dimension;
/// `first` is added to them. Angles are computed in x's type, f32 where that is smaller.
Tensor rotary(Located x, Located positions, RotaryOptions options = {});
/// Of an image's tokens x (.., rows * columns, d), row by row, with d a multiple of 4: the first half of the channels
/// is turned by the row, the second by the column, each as rotary does with d / 2 channels (Heo et al. 2024, "Rotary
/// Position Embedding for Vision Transformer": axial).
Tensor rotary_2d(Located x, Pair2d size, double base = 10000);

//===-- Added to scores -------------------------------------------------------------------------------------------===//

// Indices into a table of distances, row-major for each query and key. Positions are aligned at the end, as those of
// causal attention are: the distance is j - i - (keys - queries), of key j from query i.

/// The distance clipped to -reach .. reach, plus reach: rows of a table of 2 reach + 1 (Shaw et al. 2018,
/// "Self-Attention with Relative Position Representations", section 3.2).
std::vector<int64_t> relative_index(int64_t queries, int64_t keys, int64_t reach, Site site = Site::here());
/// Of an image's tokens among themselves, row by row: (i - i' + rows - 1) (2 columns - 1) + j - j' + columns - 1 for
/// the query at (i, j) and the key at (i', j'), in a table of (2 rows - 1) (2 columns - 1) (Liu et al. 2021, "Swin
/// Transformer", section 3.2).
std::vector<int64_t> relative_index_2d(Pair2d size, Site site = Site::here());

struct RelativeBucketsOptions {
  int64_t buckets = 32; // rows of the table; even if not causal
  int64_t reach = 128;  // the distance from which on all are in the last bucket
  bool causal = false;  // keys after the query share bucket 0 with its own; else half of the buckets are theirs
};
/// Buckets of distances, the near ones of one each, others growing with the logarithm (Raffel et al. 2020, "Exploring
/// the Limits of Transfer Learning with a Unified Text-to-Text Transformer", section 2.1, and its code).
std::vector<int64_t> relative_buckets(int64_t queries, int64_t keys, RelativeBucketsOptions options = {},
                                      Site site = Site::here());

/// (heads, queries, keys): the rows of a table (rows, heads) of floats at the indices, one for each query and key. To
/// be added to attention's scores.
Tensor relative_bias(Located table, const std::vector<int64_t> &index, int64_t queries, int64_t keys);

} // namespace fovea
