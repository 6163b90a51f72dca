// Other scores and other sums than those of attention: each composition is a few products that kernels fuse with what
// is around them.
#include "lib/dsl/Attend.h"

#include <fovea/AttentionForms.h>

using namespace mlir;

namespace fovea {

using namespace dsl;

/// Whether a shape broadcasts to another.
static bool broadcasts(const Shape &from, const Shape &to) {
  bool fits = from.size() <= to.size();
  for (size_t d = 1; fits && d <= from.size(); ++d)
    fits = from[from.size() - d] == Dim(1) || from[from.size() - d] == to[to.size() - d];
  return fits;
}

Tensor masked_softmax(Located scores, Located mask) {
  Frame frame(scores);
  Program::of(scores.site, {&scores.tensor, &mask.tensor});
  if (!isFloat(scores.tensor.dtype()) || mask.tensor.dtype() != DType::boolean ||
      !broadcasts(mask.tensor.shape(), scores.tensor.shape()))
    frame.fail("masked_softmax: scores " + textOf(scores) + " and mask " + textOf(mask) +
               ": they must be floats (.., keys) and booleans that broadcast to them");
  Tensor weights = softmax(where(mask.tensor, scores.tensor, lowest(scores.tensor.dtype())));
  return where(mask.tensor, weights, 0);
}

/// Whether a query sees a key, positions aligned at the end: booleans (queries, keys).
static Tensor notAfter(const Located &x, int64_t queries, int64_t keys) {
  return counted(x, keys) - (double)(keys - queries) <= counted(x, queries, 1);
}

/// Whether they are floats of one type, (.., queries, d), (.., keys, d) and (.., keys, d_v).
static bool areRows(const Tensor &q, const Tensor &k, const Tensor &v) {
  Shape queries = q.shape(), keys = k.shape(), values = v.shape();
  bool fits = isFloat(q.dtype()) && q.dtype() == k.dtype() && q.dtype() == v.dtype() && queries.size() >= 2 &&
              keys.size() == queries.size() && values.size() == keys.size() && queries.back() == keys.back();
  for (size_t d = 0; fits && d + 1 < keys.size(); ++d)
    fits = keys[d] == values[d] && (d + 2 == keys.size() || keys[d] == queries[d]);
  return fits;
}

//===-- Scaled products -------------------------------------------------------------------------------------------===//

Weighted dot_product_attention(Located query, Located key, Located value, const DotProductAttentionOptions &options) {
  Frame frame(query);
  const Tensor &q = query, &k = key, &v = value;
  Program::of(query.site, {&q, &k, &v});
  if (!areRows(q, k, v))
    frame.fail("dot_product_attention: query " + textOf(q) + ", key " + textOf(k) + " and value " + textOf(v) +
               ": they must be floats of one type, (.., queries, d), (.., keys, d) and (.., keys, d_v)");
  if (options.temperature && !(*options.temperature > 0))
    frame.fail("dot_product_attention: temperature is " + std::to_string(*options.temperature) +
               ": it must be positive");
  double scale = options.temperature ? 1 / *options.temperature : scaleOf({}, q);
  Tensor scores = matmul(q * scale, k, {.transpose_b = true});
  if (options.mask) {
    const Tensor &mask = *options.mask;
    Program::of(query.site, {&q, &mask});
    if (mask.dtype() != DType::boolean || !broadcasts(mask.shape(), scores.shape()))
      frame.fail("dot_product_attention: mask " + textOf(mask) + " and scores " + textOf(scores) +
                 ": the mask must be booleans that broadcast to them");
    scores = where(mask, scores, std::max(-1e9, lowest(scores.dtype())));
  }
  Tensor weights = softmax(scores);
  if (options.dropout != 0) weights = dropout(weights, options.dropout);
  return {matmul(weights, v), weights};
}

//===-- Additive --------------------------------------------------------------------------------------------------===//

Weighted additive_attention(Located query, Located key, Located value, Located vector,
                            const std::optional<Tensor> &mask) {
  Frame frame(query);
  const Tensor &q = query, &k = key, &v = value;
  Program::of(query.site, {&q, &k, &v, &vector.tensor});
  Shape queries = q.shape(), keys = k.shape();
  if (!areRows(q, k, v) || q.dtype() != vector.tensor.dtype() || vector.tensor.shape() != Shape{queries.back()})
    frame.fail("additive_attention: query " + textOf(q) + ", key " + textOf(k) + ", value " + textOf(v) +
               " and vector " + textOf(vector) +
               ": they must be floats of one type, (.., queries, a), (.., keys, a), (.., keys, d) and (a)");
  queries.insert(queries.end() - 1, Dim(1));
  keys.insert(keys.end() - 2, Dim(1));
  Tensor scores = sum(tanh(reshape(q, queries) + reshape(k, keys)) * vector.tensor, -1);
  Tensor weights = mask ? masked_softmax(scores, *mask) : softmax(scores);
  return {matmul(weights, v), weights};
}

//===-- Talking heads ---------------------------------------------------------------------------------------------===//

/// Heads of weights (b, heads, queries, keys), as sums of others by a matrix (heads, others).
static Tensor mixed(const Tensor &weights, const Tensor &matrix) {
  Shape shape = weights.shape();
  Tensor rows = reshape(weights, {shape[0], shape[1], shape[2] * shape[3]});
  shape[1] = matrix.dim(1);
  return reshape(matmul(matrix, rows, {.transpose_a = true}), shape);
}

Tensor talking_heads_attention(Located query, Located key, Located value, Located before, Located after,
                               const TalkingHeadsOptions &options) {
  Frame frame(query);
  const Tensor &q = query, &k = key, &v = value, &first = before, &second = after;
  Program::of(query.site, {&q, &k, &v, &first, &second});
  bool fits =
      isFloat(q.dtype()) && q.rank() == 4 && k.rank() == 4 && v.rank() == 4 && first.rank() == 2 && second.rank() == 2;
  for (const Tensor *each : {&k, &v, &first, &second}) fits = fits && each->dtype() == q.dtype();
  fits = fits && q.dim(0) == k.dim(0) && q.dim(0) == v.dim(0) && q.dim(1) == k.dim(1) && q.dim(3) == k.dim(3) &&
         k.dim(2) == v.dim(2) && first.dim(0) == q.dim(1) && second.dim(0) == first.dim(1) && second.dim(1) == v.dim(1);
  std::optional<int64_t> queries, keys;
  if (fits) queries = q.dim(2).constant(), keys = k.dim(2).constant();
  if (!queries || !keys)
    frame.fail("talking_heads_attention: query " + textOf(q) + ", key " + textOf(k) + ", value " + textOf(v) +
               ", before " + textOf(first) + " and after " + textOf(second) +
               ": they must be floats of one type, (b, h_k, queries, d), (b, h_k, keys, d), (b, h_v, keys, d_v), (h_k, "
               "h) and (h, h_v), with constant numbers of queries and keys");
  Tensor scores = mixed(matmul(q, k, {.transpose_b = true}) * scaleOf(options.scale, q), first);
  if (options.bias) {
    if (options.bias->dtype() != q.dtype() || !broadcasts(options.bias->shape(), scores.shape()))
      frame.fail("talking_heads_attention: the bias is " + textOf(*options.bias) + ", the scores are " +
                 textOf(scores) + ": it must broadcast to them");
    scores = scores + *options.bias;
  }
  if (options.causal) scores = where(notAfter(query, *queries, *keys), scores, lowest(q.dtype()));
  return matmul(mixed(softmax(scores), second), v);
}

//===-- Linear ----------------------------------------------------------------------------------------------------===//

/// Zeros behind the rows of x, and the rows by chunks: (.., chunks, chunk, d).
static Tensor inChunks(const Tensor &x, int64_t chunks, int64_t chunk) {
  int64_t rows = *x.dim(-2).constant();
  Shape shape = x.shape();
  shape.insert(shape.end() - 1, Dim(chunk));
  shape[shape.size() - 3] = chunks;
  return reshape(rows == chunks * chunk ? x : pad(x, -2, 0, chunks * chunk - rows), shape);
}

/// The sums over j <= i of (q_i k_j) v_j and of q_i k_j, both (.., positions, ..).
static std::pair<Tensor, Tensor> causalSums(const Tensor &q, const Tensor &k, const Tensor &v, int64_t chunk) {
  int64_t positions = *k.dim(-2).constant(), chunks = (positions + chunk - 1) / chunk;
  Tensor qs = inChunks(q, chunks, chunk), ks = inChunks(k, chunks, chunk), vs = inChunks(v, chunks, chunk);
  Tensor within = tril(matmul(qs, ks, {.transpose_b = true}));
  Tensor numerator = matmul(within, vs), denominator = sum(within, -1, true);
  if (chunks > 1) {
    // What each chunk adds to the state f(k) v^T, and the state that each one finds.
    Tensor states = cumsum(matmul(ks, vs, {.transpose_a = true}), -3, {.exclusive = true});
    Tensor totals = cumsum(sum(ks, -2, true), -3, {.exclusive = true});
    numerator = numerator + matmul(qs, states);
    denominator = denominator + sum(qs * totals, -1, true);
  }
  auto flat = [&](const Tensor &x) {
    Shape shape = x.shape();
    shape.erase(shape.end() - 2);
    shape[shape.size() - 2] = chunks * chunk;
    Tensor rows = reshape(x, shape);
    return positions == chunks * chunk ? rows : slice(rows, -2, 0, positions);
  };
  return {flat(numerator), flat(denominator)};
}

Tensor linear_attention(Located query, Located key, Located value, const LinearAttentionOptions &options) {
  Frame frame(query);
  const Tensor &v = value;
  Program::of(query.site, {&query.tensor, &key.tensor, &v});
  auto map = [&](const Tensor &x) { return options.feature_map ? options.feature_map(x) : elu(x) + 1; };
  if (!isFloat(query.tensor.dtype()) || !isFloat(key.tensor.dtype()))
    frame.fail("linear_attention: query " + textOf(query) + " and key " + textOf(key) + ": they must be floats");
  Tensor q = map(query), k = map(key);
  Shape queries = q.shape(), keys = k.shape(), values = v.shape();
  bool fits = q.dtype() == k.dtype() && q.dtype() == v.dtype() && queries.size() >= 2 &&
              keys.size() == queries.size() && values.size() == keys.size() && queries.back() == keys.back();
  for (size_t d = 0; fits && d + 1 < keys.size(); ++d)
    fits = keys[d] == values[d] && (d + 2 == keys.size() ? keys[d].constant() && queries[d].constant() &&
                                                               (!options.causal || keys[d] == queries[d])
                                                         : keys[d] == queries[d]);
  if (!fits)
    frame.fail("linear_attention: query " + textOf(q) + ", key " + textOf(k) + " and value " + textOf(v) +
               ", the first two as mapped: they must be floats of one type, (.., queries, d), (.., keys, d) and (.., "
               "keys, d_v), with constant numbers of queries and keys" +
               (options.causal ? ", which are equal since it is causal" : ""));
  if (options.chunk < 1)
    frame.fail("linear_attention: chunk is " + std::to_string(options.chunk) + ": it must be at least 1");
  if (!(options.epsilon >= 0))
    frame.fail("linear_attention: epsilon is " + std::to_string(options.epsilon) + ": it must not be negative");
  if (options.causal) {
    int64_t positions = *keys[keys.size() - 2].constant();
    auto [numerator, denominator] = causalSums(q, k, v, std::min(options.chunk, positions));
    return numerator / (denominator + options.epsilon);
  }
  Tensor numerator = matmul(q, matmul(k, v, {.transpose_a = true}));
  return numerator / (sum(q * sum(k, -2, true), -1, true) + options.epsilon);
}

} // namespace fovea
