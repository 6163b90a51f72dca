// Ready score and mask functions for attention. Biases are learned where their table is a parameter.
#pragma once

#include <array>

#include <fovea/Attention.h>

namespace fovea {

/// Both, one after the other; an empty function is left out.
ScoreFunction chain(ScoreFunction first, ScoreFunction second);
/// Keys that both show; an empty function shows all.
MaskFunction both(MaskFunction first, MaskFunction second);

namespace scores {

/// Adds a bias that broadcasts to (b, heads, queries, keys): an additive mask, or an explicit bias. It is read where it
/// lies; one of queries by keys is as large as the scores themselves.
ScoreFunction additive(Located bias);
/// Hides keys where the mask, booleans that broadcast to (b, heads, queries, keys), is false, as scores of -1e9 would:
/// unlike with a mask function, a query that sees no key sees all alike.
ScoreFunction filled(Located mask);
/// Adds slope (j - i), with the slopes 2^(-8 (h + 1) / heads) (Press et al. 2022, "Train Short, Test Long"); `offset`
/// is how many keys stand before query 0.
ScoreFunction alibi(int64_t heads, int64_t offset = 0);
/// cap tanh(score / cap) (Gemma 2, 2024).
ScoreFunction softcap(double cap);
/// table[h, j - i + queries - 1] for a table (heads, queries + keys - 1) (Shaw et al. 2018, with one number for each
/// distance).
ScoreFunction relative(Located table, int64_t queries);
/// table[h, yj - yi + height - 1, xj - xi + width - 1] for tokens of a grid in rows, and a table (heads, 2 height - 1,
/// 2 width - 1) (Liu et al. 2021, "Swin Transformer"). `first` tokens before the grid, such as a class token, get none.
ScoreFunction relative_2d(Located table, std::array<int64_t, 2> grid, int64_t first = 0);
/// table[bucket(j - i), h] for a table (buckets, heads): exact up to half the buckets, then logarithmic up to
/// `max_distance` (Raffel et al. 2020, "T5", section 2.1). Not bidirectional: keys after the query share bucket 0.
ScoreFunction t5(Located table, int64_t max_distance = 128, bool bidirectional = true, int64_t offset = 0);

} // namespace scores

namespace masks {

/// Truths that broadcast to (b, heads, queries, keys).
MaskFunction boolean(Located mask);
/// Queries see keys of their own document, by ids (b, tokens).
MaskFunction document(Located ids);
/// Queries see the first `lengths` (b) keys, and after them no key behind their own.
MaskFunction prefix(Located lengths);
/// Tokens of a grid in rows see those at most `radius` away along both axes (Hassani et al. 2023, "Neighborhood
/// Attention Transformer"; at the border the neighbourhood is cut, not shifted).
MaskFunction neighbourhood_2d(std::array<int64_t, 2> grid, int64_t radius);
/// For windows of a grid that was shifted cyclically by `shift`: tokens see those that were beside them. Items b are
/// (images, windows in rows), tokens those of a window in rows; `window` divides the grid (Liu et al. 2021,
/// section 3.2).
MaskFunction shifted_windows(std::array<int64_t, 2> grid, std::array<int64_t, 2> window, std::array<int64_t, 2> shift);

} // namespace masks

} // namespace fovea
