// Plain loops: every query lists the keys that it sees.
#include "test/ops/Relatives.h"

#include <cmath>

namespace fovea::ops {

static Shape with(Shape index, int64_t channel) {
  index.push_back(channel);
  return index;
}

std::vector<double> attended(const Array &q, const Array &k, const Array &v, const Shape &query,
                             const std::vector<Shape> &keys, const std::function<double(size_t)> &bias) {
  int64_t width = q.shape.back();
  double largest = -INFINITY, total = 0;
  std::vector<double> scores, result(v.shape.back());
  for (size_t n = 0; n < keys.size(); ++n) {
    double score = 0;
    for (int64_t c = 0; c < width; ++c) score += q.at(with(query, c)) * k.at(with(keys[n], c));
    scores.push_back(score / std::sqrt((double)width) + (bias ? bias(n) : 0));
    largest = std::max(largest, scores.back());
  }
  for (double &score : scores) total += score = std::exp(score - largest);
  for (size_t n = 0; n < keys.size(); ++n)
    for (size_t c = 0; c < result.size(); ++c) result[c] += scores[n] / total * v.at(with(keys[n], (int64_t)c));
  return result;
}

Array attendedAll(const Array &q, const Array &k, const Array &v, const std::function<Seen(const Shape &query)> &seen) {
  Shape queries(q.shape.begin(), q.shape.end() - 1);
  Array result(with(queries, v.shape.back()));
  reference::for_each_index(queries, [&](const Shape &query) {
    Seen keys = seen(query);
    auto biasAt = [&](size_t n) { return keys.bias.empty() ? 0 : keys.bias[n]; };
    std::vector<double> row = attended(q, k, v, query, keys.keys, biasAt);
    for (size_t c = 0; c < row.size(); ++c) result.at(with(query, (int64_t)c)) = row[c];
  });
  return result;
}

Array attendedFully(const Array &q, const Array &k, const Array &v) {
  return attendedAll(q, k, v, [&](const Shape &at) {
    Seen seen;
    for (int64_t key = 0; key < k.shape[2]; ++key) seen.keys.push_back({at[0], at[1], key});
    return seen;
  });
}

Array windowAttended(const Array &q, const Array &k, const Array &v, const Array *table, Pair2d window, Pair2d shift) {
  int64_t h = q.shape[2], w = q.shape[3];
  return attendedAll(q, k, v, [&](const Shape &at) {
    // Where a token of the image stands once it is moved, and whether it went around an edge.
    auto moved = [&](int64_t row, int64_t column) {
      int64_t r = row - shift[0], c = column - shift[1];
      return std::array<int64_t, 4>{(r + h) % h, (c + w) % w, r < 0, c < 0};
    };
    auto query = moved(at[2], at[3]);
    Seen seen;
    for (int64_t row = 0; row < h; ++row)
      for (int64_t column = 0; column < w; ++column) {
        auto key = moved(row, column);
        bool together = key[0] / window[0] == query[0] / window[0] && key[1] / window[1] == query[1] / window[1];
        if (!together || key[2] != query[2] || key[3] != query[3]) continue;
        seen.keys.push_back({at[0], at[1], row, column});
        if (table)
          seen.bias.push_back(table->at(
              {(query[0] - key[0] + window[0] - 1) * (2 * window[1] - 1) + query[1] - key[1] + window[1] - 1, at[1]}));
      }
    return seen;
  });
}

Array neighbourhoodAttended(const Array &q, const Array &k, const Array &v, const Array *table, Pair2d size) {
  int64_t h = q.shape[2], w = q.shape[3];
  auto first = [](int64_t place, int64_t count, int64_t extent) {
    int64_t start = place - count / 2;
    return start < 0 ? 0 : start + count > extent ? extent - count : start;
  };
  return attendedAll(q, k, v, [&](const Shape &at) {
    Seen seen;
    for (int64_t i = 0; i < size[0]; ++i)
      for (int64_t j = 0; j < size[1]; ++j) {
        int64_t row = first(at[2], size[0], h) + i, column = first(at[3], size[1], w) + j;
        seen.keys.push_back({at[0], at[1], row, column});
        if (table)
          seen.bias.push_back(
              table->at({(row - at[2] + size[0] - 1) * (2 * size[1] - 1) + column - at[3] + size[1] - 1, at[1]}));
      }
    return seen;
  });
}

Array axialAttended(const Array &q, const Array &k, const Array &v, int64_t axis) {
  return attendedAll(q, k, v, [&](const Shape &at) {
    Seen seen;
    for (int64_t place = 0; place < q.shape[axis]; ++place) {
      seen.keys.push_back(at);
      seen.keys.back()[axis] = place;
    }
    return seen;
  });
}

Array linear(const Array &x, const Array &weight, const Array *bias) {
  int64_t inputs = weight.shape[0], outputs = weight.shape[1], rows = x.size() / inputs;
  Shape shape = x.shape;
  shape.back() = outputs;
  Array result(shape);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t to = 0; to < outputs; ++to) {
      double &y = result.values[row * outputs + to] = bias ? bias->values[to] : 0;
      for (int64_t from = 0; from < inputs; ++from)
        y += x.values[row * inputs + from] * weight.values[from * outputs + to];
    }
  return result;
}

Array headsOf(const Array &x, int64_t heads, int64_t first, int64_t last) {
  int64_t width = (last - first) / heads, rank = x.rank();
  Shape shape = x.shape;
  shape.insert(shape.begin() + 1, heads);
  shape[rank] = width;
  Array result(shape);
  reference::for_each_index(shape, [&](const Shape &at) {
    Shape from = at;
    from[rank] += first + at[1] * width;
    from.erase(from.begin() + 1);
    result.at(at) = x.at(from);
  });
  return result;
}

Array tokensOf(const Array &x) {
  int64_t width = x.shape.back();
  Shape shape = x.shape;
  shape.back() *= shape[1];
  shape.erase(shape.begin() + 1);
  Array result(shape);
  reference::for_each_index(shape, [&](const Shape &at) {
    Shape from = at;
    from.back() = at.back() % width;
    from.insert(from.begin() + 1, at.back() / width);
    result.at(at) = x.at(from);
  });
  return result;
}

} // namespace fovea::ops
