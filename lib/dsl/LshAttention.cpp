// Attention within buckets of a hash. A round sorts positions by bucket and attends within chunks of what is sorted;
// its results go back to their places, and rounds are merged by their log-sum-exps.
#include "lib/dsl/Attend.h"

#include <fovea/AttentionForms.h>

using namespace mlir;

namespace fovea {

using namespace dsl;

namespace {

/// How one round sorts: bucket of each position, the position at each place, and the place of each position, all (b,
/// heads, n) of i64.
struct Order {
  Tensor bucket, position, place;
};

class Lsh {
public:
  Lsh(const Located &query, const Located &value, const Located &rotations, const LshAttentionOptions &options)
      : query(query), value(value), rotations(rotations), options(options), chunk(options.chunk),
        b(query.tensor.dim(0)), heads(query.tensor.dim(1)), n(*query.tensor.dim(2).constant()), chunks(n / chunk),
        d(query.tensor.dim(3)) {}

  Tensor compute() {
    Tensor key = query / maximum(norm(query, 2, -1, true), 1e-6);
    int64_t rounds = *rotations.dim(0).constant();
    for (int64_t round = 0; round < rounds; ++round) orders.push_back(orderOf(pick(rotations, 0, round)));
    std::vector<Tensor> results, logarithms;
    for (const Order &order : orders) {
      auto [result, logarithm] = attended(order, key);
      results.push_back(back(result, order)), logarithms.push_back(back(logarithm, order));
    }
    if (rounds == 1) return results[0];
    Tensor shares = softmax(concat(logarithms, -1)), merged;
    for (int64_t round = 0; round < rounds; ++round) {
      Tensor part = slice(shares, -1, round, 1) * results[round];
      merged = round ? merged + part : part;
    }
    return merged;
  }

private:
  Order orderOf(const Tensor &rotation) {
    Tensor turned = matmul(query, rotation);
    Tensor bucket = argmax(concat({turned, -turned}, -1), -1);
    Tensor position = argsort(bucket * (double)n + counted(query, n));
    return {bucket, position, argsort(position)};
  }

  /// Rows of x (b, heads, n, ..) as they are sorted, in chunks: (b, heads, chunks, chunk, ..).
  Tensor sorted(const Tensor &x, const Order &order) const {
    return reshape(gather_nd(x, reshape(order.position, {b, heads, n, 1}), 2), {b, heads, chunks, chunk, x.dim(-1)});
  }
  /// Each chunk with the one before.
  Tensor withBefore(const Tensor &x) const {
    if (chunks == 1) return x;
    Tensor before = concat({slice(x, 2, chunks - 1, 1), slice(x, 2, 0, chunks - 1)}, 2);
    return concat({before, x}, 3);
  }
  Tensor back(const Tensor &x, const Order &order) const {
    return gather_nd(reshape(x, {b, heads, n, x.dim(-1)}), reshape(order.place, {b, heads, n, 1}), 2);
  }

  /// For a number at each position, those of a chunk's queries and of the keys that they may see, which broadcast to
  /// (b, heads, chunks, queries, keys).
  std::pair<Tensor, Tensor> pair(const Tensor &numbers, const Order &order) const {
    Tensor rows = sorted(reshape(numbers, {b, heads, n, 1}), order);
    Tensor keys = withBefore(rows);
    return {rows, reshape(keys, {b, heads, chunks, 1, keys.dim(3)})};
  }

  /// Whether queries see keys in a round, apart from what is causal, by the order of another.
  Tensor seen(const Order &round, const Order &order) const {
    auto [bucket, keyBucket] = pair(round.bucket, order);
    Tensor seen = equal(bucket, keyBucket);
    if (chunks <= 2) return seen; // all chunks are neighbours
    auto [place, keyPlace] = pair(round.place, order);
    auto start = [&](const Tensor &at) { return at - remainder(at, (double)chunk); };
    Tensor behind = start(place) - start(keyPlace), around = equal(behind, double(chunk - n));
    return logical_and(seen, logical_or(around, logical_or(equal(behind, 0), equal(behind, (double)chunk))));
  }

  /// A round's results and log-sum-exps, as it sorts: (b, heads, chunks, chunk, d_v) and (.., 1).
  std::pair<Tensor, Tensor> attended(const Order &order, const Tensor &key) const {
    Tensor scores = matmul(sorted(query, order), withBefore(sorted(key, order)), {.transpose_b = true});
    scores = scores * scaleOf(options.scale, query);
    DType dtype = scores.dtype();
    if (orders.size() > 1) { // a key that is seen in several rounds has a part in each
      Tensor count;
      for (const Order &round : orders) {
        Tensor times = cast(seen(round, order), dtype);
        count = &round == &orders[0] ? times : count + times;
      }
      scores = scores - log(maximum(count, 1));
    }
    auto [place, keyPlace] = pair(broadcast_to(counted(query, n), {b, heads, n}), order);
    Tensor sees = seen(order, order);
    if (options.causal) sees = logical_and(sees, keyPlace <= place);
    scores = where(sees, where(equal(place, keyPlace), lowest(dtype) / 2, scores), lowest(dtype));
    Tensor logarithm = log_sum_exp(scores, -1, true);
    return {matmul(exp(scores - logarithm), withBefore(sorted(value, order))), logarithm};
  }

  Tensor query, value, rotations;
  const LshAttentionOptions &options;
  int64_t chunk;
  Dim b, heads;
  int64_t n, chunks;
  Dim d;
  std::vector<Order> orders;
};

} // namespace

Tensor lsh_attention(Located query, Located value, Located rotations, const LshAttentionOptions &options) {
  Frame frame(query);
  checkHeads(frame, "lsh_attention", "(b, heads, n, d)", 4, query, query, value);
  const Tensor &turns = rotations;
  Program::of(query.site, {&query.tensor, &turns});
  int64_t n = *query.tensor.dim(2).constant();
  bool fits = turns.rank() == 3 && turns.dtype() == query.tensor.dtype() && turns.dim(0).constant().value_or(0) > 0 &&
              turns.dim(1) == query.tensor.dim(3) && turns.dim(2).constant();
  if (!fits)
    frame.fail("lsh_attention: rotations " + textOf(turns) + " and query " + textOf(query) +
               ": rotations must be (rounds, d, buckets / 2) in the type of the query (b, heads, n, d)");
  if (options.chunk < 1 || n % options.chunk)
    frame.fail("lsh_attention: chunks of " + std::to_string(options.chunk) + " do not divide " + std::to_string(n) +
               " positions: pad the query and value, or set .chunk");
  return Lsh(query, value, rotations, options).compute();
}

} // namespace fovea
