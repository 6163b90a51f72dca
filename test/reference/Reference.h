// Naive references in double precision, for tests to compare compiled programs with. Plain loops, obviously right,
// slow, and sharing no code with the compiler. NaN, infinities and -0.0 go through the written formula unless a comment
// says otherwise. A misuse (shapes that do not fit, an index out of range) throws std::invalid_argument.
#ifndef FOVEA_TEST_REFERENCE_H
#define FOVEA_TEST_REFERENCE_H

#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <vector>

namespace fovea::reference {

using Shape = std::vector<int64_t>;

// Row-major. Indices, labels and truth values are doubles too.
struct Array {
  Shape shape;
  std::vector<double> values;

  Array() : Array(Shape{}) {} // rank 0, zero
  explicit Array(Shape shape, double fill = 0);
  Array(Shape shape, std::vector<double> values);

  int64_t rank() const { return shape.size(); }
  int64_t size() const { return values.size(); }
  double &at(std::initializer_list<int64_t> index) { return values[offset(index.begin(), index.size())]; }
  double at(std::initializer_list<int64_t> index) const { return values[offset(index.begin(), index.size())]; }
  double &at(const Shape &index) { return values[offset(index.data(), index.size())]; }
  double at(const Shape &index) const { return values[offset(index.data(), index.size())]; }

private:
  int64_t offset(const int64_t *index, size_t count) const;
};

Array scalar(double value);
int64_t element_count(const Shape &shape);

// Calls visit with every index of the shape, the last dimension fastest.
void for_each_index(const Shape &shape, const std::function<void(const Shape &index)> &visit);

// --- Elementwise -----------------------------------------------------------------------------------------------------

// Shapes broadcast as in NumPy: aligned at the last dimension, where 1 or nothing stretches.
Shape broadcast_shape(const Shape &a, const Shape &b);
Array broadcast_to(const Array &input, const Shape &shape);
Array binary(const Array &a, const Array &b, const std::function<double(double, double)> &function);
Array unary(const Array &input, const std::function<double(double)> &function);

// x * P(normal <= x), through erfc: exact far below zero as well. -inf gives NaN, as the formula does (-inf * 0).
double gelu(double x);

// --- Shape -----------------------------------------------------------------------------------------------------------

Array reshape(const Array &input, const Shape &shape);
// Dimension i of the result is dimension permutation[i] of the input.
Array transpose(const Array &input, const Shape &permutation);
// Element i is element starts + i * steps of the input; steps may be negative.
Array slice(const Array &input, const Shape &starts, const Shape &sizes, const Shape &steps);
Array concat(const std::vector<Array> &inputs, int64_t axis);
Array pad(const Array &input, const Shape &low, const Shape &high, double value);

// --- Reductions ------------------------------------------------------------------------------------------------------

// Over nothing: 0, NaN and -inf. In max a NaN wins, and of equal values (0.0 and -0.0 too) the first.
Array sum(const Array &input, const Shape &axes, bool keep_dims = false);
Array mean(const Array &input, const Shape &axes, bool keep_dims = false);
Array max(const Array &input, const Shape &axes, bool keep_dims = false);
// Index of the first element that max would give.
Array argmax(const Array &input, int64_t axis, bool keep_dims = false);

// --- Layers ----------------------------------------------------------------------------------------------------------

// (..., M, K) x (..., K, N); leading dimensions broadcast. A transposed operand is given with its last two dimensions
// exchanged.
Array matmul(const Array &a, const Array &b, bool transpose_a = false, bool transpose_b = false);

// Over the last dimension, less the maximum. A row with +inf or a NaN, or of -inf alone, is all NaN.
Array softmax(const Array &input);

struct LayerNorm {
  Array y;          // (x - mean) * rstd; scale and bias are the caller's
  Array mean, rstd; // without the last dimension
};
LayerNorm layer_norm(const Array &input, double epsilon);

using Pair = std::array<int64_t, 2>; // height, width

// (N, C, H, W) with weight (O, C / groups, KH, KW): cross-correlation over the zero-padded input.
Array conv2d(const Array &input, const Array &weight, Pair stride = {1, 1}, Pair padding = {0, 0},
             Pair dilation = {1, 1}, int64_t groups = 1);

// (N, C, H, W) with weight (C, O / groups, KH, KW): each input element adds its weights to a result of the spatial
// size.
Array conv_transpose2d(const Array &input, const Array &weight, const Shape &size, Pair stride = {1, 1},
                       Pair padding = {0, 0}, Pair dilation = {1, 1}, int64_t groups = 1);

struct AttentionOptions {
  double scale = 1;
  // Query s sees key t where s + offset - left <= t <= s + offset + right; no value, no bound. Causal: right = 0.
  std::optional<int64_t> left, right;
  int64_t offset = 0;
  std::vector<int64_t> kv_lengths; // per batch: keys from here on are masked; empty: none are
  // Applied to the scaled score at (batch, head, query, key); mask says whether the key is seen.
  std::function<double(double score, int64_t b, int64_t h, int64_t s, int64_t t)> score;
  std::function<bool(int64_t b, int64_t h, int64_t s, int64_t t)> mask;
};
struct Attention {
  Array out;         // (B, H, S, E)
  Array log_sum_exp; // (B, H, S)
};
// q (B, H, S, D), k (B, G, T, D), v (B, G, T, E), where G divides H: head h reads k and v of h / (H / G). Masked keys
// are not read at all. A row with no key seen, or only scores of -inf, gives zeros and log-sum-exp -inf.
Attention attention(const Array &q, const Array &k, const Array &v, const AttentionOptions &options);

struct CrossEntropy {
  Array loss, log_sum_exp; // as labels
};
// logits (..., C), labels (...). A row whose label is `ignore` has loss 0.
CrossEntropy cross_entropy(const Array &logits, const Array &labels, std::optional<int64_t> ignore = std::nullopt);

// table (V, D), indices (...) -> (..., D)
Array embedding(const Array &table, const Array &indices);

// --- Random numbers and gradients ------------------------------------------------------------------------------------

// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

// The gradient of function in inputs[which] by central differences; each element x moves by step * max(1, |x|).
Array gradient(const std::function<double(const std::vector<Array> &)> &function, std::vector<Array> inputs,
               size_t which, double step = 1e-5);

} // namespace fovea::reference

#endif
