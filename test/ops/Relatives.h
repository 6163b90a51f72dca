// Naive forms of attention and of the blocks around it, in plain loops, for the cases of its relatives.
#pragma once

#include "test/ops/Functions.h"

#include <fovea/Windows.h>

namespace fovea::ops {

/// softmax(q k^T / sqrt d + bias) v of one query over some keys, given by their indices without the channel.
std::vector<double> attended(const Array &q, const Array &k, const Array &v, const Shape &query,
                             const std::vector<Shape> &keys, const std::function<double(size_t)> &bias = {});
/// Every query, by the keys that it sees.
struct Seen {
  std::vector<Shape> keys;
  std::vector<double> bias = {};
};
Array attendedAll(const Array &q, const Array &k, const Array &v, const std::function<Seen(const Shape &query)> &seen);

/// Heads (b, heads, queries, d) that see all keys.
Array attendedFully(const Array &q, const Array &k, const Array &v);
/// Of images' heads (b, heads, h, w, d), with a table of biases or none.
Array windowAttended(const Array &q, const Array &k, const Array &v, const Array *table, Pair2d window, Pair2d shift);
Array neighbourhoodAttended(const Array &q, const Array &k, const Array &v, const Array *table, Pair2d size);
Array axialAttended(const Array &q, const Array &k, const Array &v, int64_t axis);

/// x weight + bias along the last dimension.
Array linear(const Array &x, const Array &weight, const Array *bias = nullptr);
/// Channels from `first` to `last` of tokens (b, .., width) as heads (b, heads, .., d), and back.
Array headsOf(const Array &x, int64_t heads, int64_t first, int64_t last);
Array tokensOf(const Array &x);

} // namespace fovea::ops
