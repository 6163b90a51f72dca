// Layers: matmul, softmax, normalization, convolution, attention, loss, embedding.
#include "Reference.h"
#include "Require.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fovea::reference {

static const double infinity = std::numeric_limits<double>::infinity();

// The length of the rows that softmax and the like work on.
static int64_t row_size(const Array &input) {
  require(input.rank() > 0 && input.shape.back() > 0, "a last dimension with elements is needed");
  return input.shape.back();
}
static Shape without_last(const Shape &shape) { return Shape(shape.begin(), shape.end() - 1); }

// A NaN wins.
static double maximum(const double *row, int64_t size) {
  double greatest = -infinity;
  for (int64_t i = 0; i < size; ++i)
    if (row[i] > greatest || std::isnan(row[i])) greatest = row[i];
  return greatest;
}

Array matmul(const Array &a, const Array &b, bool transpose_a, bool transpose_b) {
  require(a.rank() >= 2 && b.rank() >= 2, "matmul: an operand has a rank below 2");
  Shape batch_a(a.shape.begin(), a.shape.end() - 2), batch_b(b.shape.begin(), b.shape.end() - 2);
  Shape batch = broadcast_shape(batch_a, batch_b);
  int64_t rows = a.shape[a.rank() - (transpose_a ? 1 : 2)], inner = a.shape[a.rank() - (transpose_a ? 2 : 1)];
  int64_t columns = b.shape[b.rank() - (transpose_b ? 2 : 1)];
  require(inner == b.shape[b.rank() - (transpose_b ? 1 : 2)], "matmul: the inner dimensions differ");

  auto whole = [&](const Array &operand) {
    Shape shape = batch;
    shape.insert(shape.end(), operand.shape.end() - 2, operand.shape.end());
    return reshape(broadcast_to(operand, shape), {element_count(batch), *(shape.end() - 2), shape.back()});
  };
  Array left = whole(a), right = whole(b), result({element_count(batch), rows, columns});
  for (int64_t n = 0; n < element_count(batch); ++n)
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j)
        for (int64_t k = 0; k < inner; ++k)
          result.at({n, i, j}) += (transpose_a ? left.at({n, k, i}) : left.at({n, i, k})) *
                                  (transpose_b ? right.at({n, j, k}) : right.at({n, k, j}));
  batch.insert(batch.end(), {rows, columns});
  return reshape(result, batch);
}

Array softmax(const Array &input) {
  int64_t size = row_size(input);
  Array result = input;
  for (double *row = result.values.data(), *end = row + result.size(); row != end; row += size) {
    double greatest = maximum(row, size), total = 0;
    for (int64_t i = 0; i < size; ++i) total += row[i] = std::exp(row[i] - greatest);
    for (int64_t i = 0; i < size; ++i) row[i] /= total;
  }
  return result;
}

LayerNorm layer_norm(const Array &input, double epsilon) {
  int64_t size = row_size(input);
  LayerNorm result{input, Array(without_last(input.shape)), Array(without_last(input.shape))};
  for (int64_t n = 0; n < result.mean.size(); ++n) {
    double *row = &result.y.values[n * size], mean = 0, variance = 0;
    for (int64_t i = 0; i < size; ++i) mean += row[i];
    mean /= size;
    for (int64_t i = 0; i < size; ++i) variance += (row[i] - mean) * (row[i] - mean);
    double rstd = 1 / std::sqrt(variance / size + epsilon);
    for (int64_t i = 0; i < size; ++i) row[i] = (row[i] - mean) * rstd;
    result.mean.values[n] = mean;
    result.rstd.values[n] = rstd;
  }
  return result;
}

Array conv2d(const Array &input, const Array &weight, Pair stride, Pair padding, Pair dilation, int64_t groups) {
  require(input.rank() == 4 && weight.rank() == 4, "conv2d: input and weight have rank 4");
  int64_t channels = weight.shape[1], outputs = weight.shape[0] / groups;
  require(input.shape[1] == channels * groups, "conv2d: input and weight differ in channels");
  Array padded = pad(input, {0, 0, padding[0], padding[1]}, {0, 0, padding[0], padding[1]}, 0);
  int64_t height = padded.shape[2] - (weight.shape[2] - 1) * dilation[0] - 1,
          width = padded.shape[3] - (weight.shape[3] - 1) * dilation[1] - 1;
  require(height >= 0 && width >= 0 && stride[0] > 0 && stride[1] > 0, "conv2d: the weight is larger than the input");
  Array result({input.shape[0], weight.shape[0], height / stride[0] + 1, width / stride[1] + 1});
  for_each_index(result.shape, [&](const Shape &index) {
    for_each_index({channels, weight.shape[2], weight.shape[3]}, [&](const Shape &tap) {
      int64_t c = index[1] / outputs * channels + tap[0];
      result.at(index) += padded.at({index[0], c, index[2] * stride[0] + tap[1] * dilation[0],
                                     index[3] * stride[1] + tap[2] * dilation[1]}) *
                          weight.at({index[1], tap[0], tap[1], tap[2]});
    });
  });
  return result;
}

Array conv_transpose2d(const Array &input, const Array &weight, const Shape &size, Pair stride, Pair padding,
                       Pair dilation, int64_t groups) {
  require(input.rank() == 4 && weight.rank() == 4, "conv_transpose2d: input and weight have rank 4");
  require(input.shape[1] == weight.shape[0], "conv_transpose2d: input and weight differ in channels");
  int64_t outputs = weight.shape[1], inputs = weight.shape[0] / groups;
  Array result({input.shape[0], outputs * groups, size[0], size[1]});
  for_each_index(input.shape, [&](const Shape &index) {
    for_each_index({outputs, weight.shape[2], weight.shape[3]}, [&](const Shape &tap) {
      int64_t o = index[1] / inputs * outputs + tap[0], y = index[2] * stride[0] + tap[1] * dilation[0] - padding[0],
              x = index[3] * stride[1] + tap[2] * dilation[1] - padding[1];
      if (y < 0 || y >= size[0] || x < 0 || x >= size[1]) return;
      result.at({index[0], o, y, x}) += input.at(index) * weight.at({index[1], tap[0], tap[1], tap[2]});
    });
  });
  return result;
}

Attention attention(const Array &q, const Array &k, const Array &v, const AttentionOptions &options) {
  require(q.rank() == 4 && k.rank() == 4 && v.rank() == 4, "attention: q, k and v have rank 4");
  int64_t batch = q.shape[0], heads = q.shape[1], queries = q.shape[2], head_size = q.shape[3];
  int64_t kv_heads = k.shape[1], keys = k.shape[2], value_size = v.shape[3];
  require(k.shape == Shape({batch, kv_heads, keys, head_size}), "attention: k does not fit q");
  require(v.shape == Shape({batch, kv_heads, keys, value_size}), "attention: v does not fit k");
  require(kv_heads > 0 && heads % kv_heads == 0, "attention: the heads of k do not divide those of q");
  const std::vector<int64_t> &lengths = options.kv_lengths;
  require(lengths.empty() || int64_t(lengths.size()) == batch, "attention: one kv_length per batch is needed");

  Attention result{Array({batch, heads, queries, value_size}), Array({batch, heads, queries})};
  for_each_index({batch, heads, queries}, [&](const Shape &index) {
    int64_t b = index[0], h = index[1], s = index[2], g = h / (heads / kv_heads);
    auto seen = [&](int64_t t) {
      if (options.left && t < s + options.offset - *options.left) return false;
      if (options.right && t > s + options.offset + *options.right) return false;
      if (!lengths.empty() && t >= lengths[b]) return false;
      return !options.mask || options.mask(b, h, s, t);
    };
    std::vector<int64_t> visible;
    std::vector<double> scores;
    for (int64_t t = 0; t < keys; ++t) {
      if (!seen(t)) continue;
      double score = 0;
      for (int64_t d = 0; d < head_size; ++d) score += q.at({b, h, s, d}) * k.at({b, g, t, d});
      score *= options.scale;
      visible.push_back(t);
      scores.push_back(options.score ? options.score(score, b, h, s, t) : score);
    }
    double greatest = maximum(scores.data(), scores.size()), total = 0;
    result.log_sum_exp.at(index) = -infinity;
    if (greatest == -infinity) return;
    for (double score : scores) total += std::exp(score - greatest);
    result.log_sum_exp.at(index) = greatest + std::log(total);
    for (size_t i = 0; i < visible.size(); ++i)
      for (int64_t e = 0; e < value_size; ++e)
        result.out.at({b, h, s, e}) += std::exp(scores[i] - greatest) / total * v.at({b, g, visible[i], e});
  });
  return result;
}

CrossEntropy cross_entropy(const Array &logits, const Array &labels, std::optional<int64_t> ignore) {
  int64_t size = row_size(logits);
  require(labels.shape == without_last(logits.shape), "cross_entropy: one label per row of logits is needed");
  CrossEntropy result{Array(labels.shape), Array(labels.shape)};
  for (int64_t n = 0; n < labels.size(); ++n) {
    const double *row = &logits.values[n * size];
    double greatest = maximum(row, size), total = 0;
    for (int64_t i = 0; i < size; ++i) total += std::exp(row[i] - greatest);
    result.log_sum_exp.values[n] = greatest + std::log(total);
    int64_t label = labels.values[n];
    if (label == ignore) continue;
    require(label >= 0 && label < size, "cross_entropy: label out of range");
    result.loss.values[n] = result.log_sum_exp.values[n] - row[label];
  }
  return result;
}

Array embedding(const Array &table, const Array &indices) {
  require(table.rank() == 2, "embedding: the table has rank 2");
  Shape shape = indices.shape;
  shape.push_back(table.shape[1]);
  Array result(shape);
  for (int64_t n = 0; n < indices.size(); ++n)
    for (int64_t d = 0; d < table.shape[1]; ++d)
      result.values[n * table.shape[1] + d] = table.at({int64_t(indices.values[n]), d});
  return result;
}

} // namespace fovea::reference
