// Arrays, elementwise functions, changes of shape and reductions.
#include "Reference.h"
#include "Require.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace fovea::reference {

Array::Array(Shape shape, double fill) : shape(std::move(shape)), values(element_count(this->shape), fill) {}

Array::Array(Shape shape, std::vector<double> values) : shape(std::move(shape)), values(std::move(values)) {
  require(element_count(this->shape) == size(), "array: the values do not fill the shape");
}

int64_t Array::offset(const int64_t *index, size_t count) const {
  require(count == shape.size(), "at: the index has another rank than the array");
  int64_t offset = 0;
  for (size_t i = 0; i < count; ++i) {
    require(index[i] >= 0 && index[i] < shape[i], "at: index out of range");
    offset = offset * shape[i] + index[i];
  }
  return offset;
}

Array scalar(double value) { return Array({}, value); }

int64_t element_count(const Shape &shape) {
  int64_t count = 1;
  for (int64_t size : shape) {
    require(size >= 0, "shape: a size is negative");
    count *= size;
  }
  return count;
}

void for_each_index(const Shape &shape, const std::function<void(const Shape &)> &visit) {
  int64_t count = element_count(shape);
  for (int64_t number = 0; number < count; ++number) {
    Shape index(shape.size());
    int64_t rest = number;
    for (size_t i = shape.size(); i-- > 0; rest /= shape[i]) index[i] = rest % shape[i];
    visit(index);
  }
}

// An array whose elements are computed one by one from their index.
static Array generate(const Shape &shape, const std::function<double(const Shape &index)> &element) {
  Array result(shape);
  for_each_index(shape, [&](const Shape &index) { result.at(index) = element(index); });
  return result;
}

Shape broadcast_shape(const Shape &a, const Shape &b) {
  if (a.size() < b.size()) return broadcast_shape(b, a);
  Shape shape = a;
  for (size_t i = 0; i < b.size(); ++i) {
    int64_t &size = shape[a.size() - b.size() + i];
    require(size == b[i] || size == 1 || b[i] == 1, "broadcast: the shapes do not fit");
    if (size == 1) size = b[i];
  }
  return shape;
}

Array broadcast_to(const Array &input, const Shape &shape) {
  require(broadcast_shape(input.shape, shape) == shape, "broadcast: the input is larger than the shape");
  return generate(shape, [&](const Shape &index) {
    Shape source(index.end() - input.rank(), index.end());
    for (size_t i = 0; i < source.size(); ++i)
      if (input.shape[i] == 1) source[i] = 0;
    return input.at(source);
  });
}

Array binary(const Array &a, const Array &b, const std::function<double(double, double)> &function) {
  Shape shape = broadcast_shape(a.shape, b.shape);
  Array result = broadcast_to(a, shape), right = broadcast_to(b, shape);
  for (int64_t i = 0; i < result.size(); ++i) result.values[i] = function(result.values[i], right.values[i]);
  return result;
}

Array unary(const Array &input, const std::function<double(double)> &function) {
  Array result = input;
  for (double &value : result.values) value = function(value);
  return result;
}

double gelu(double x) { return x * 0.5 * std::erfc(-x / std::sqrt(2.0)); }

Array reshape(const Array &input, const Shape &shape) { return Array(shape, input.values); }

Array transpose(const Array &input, const Shape &permutation) {
  require(permutation.size() == input.shape.size(), "transpose: the permutation has another rank than the input");
  std::vector<bool> used(permutation.size());
  Shape shape;
  for (int64_t axis : permutation) {
    require(axis >= 0 && axis < input.rank() && !used[axis], "transpose: not a permutation");
    used[axis] = true;
    shape.push_back(input.shape[axis]);
  }
  return generate(shape, [&](const Shape &index) {
    Shape source(index.size());
    for (size_t i = 0; i < index.size(); ++i) source[permutation[i]] = index[i];
    return input.at(source);
  });
}

Array slice(const Array &input, const Shape &starts, const Shape &sizes, const Shape &steps) {
  size_t rank = input.shape.size();
  require(starts.size() == rank && sizes.size() == rank && steps.size() == rank, "slice: wrong rank");
  return generate(sizes, [&](const Shape &index) {
    Shape source(rank);
    for (size_t i = 0; i < rank; ++i) source[i] = starts[i] + index[i] * steps[i];
    return input.at(source);
  });
}

Array concat(const std::vector<Array> &inputs, int64_t axis) {
  require(!inputs.empty(), "concat: no inputs");
  require(axis >= 0 && axis < inputs[0].rank(), "concat: no such axis");
  Shape shape = inputs[0].shape;
  shape[axis] = 0;
  for (const Array &input : inputs) {
    Shape others = input.shape;
    require(input.rank() == inputs[0].rank(), "concat: the ranks differ");
    others[axis] = shape[axis];
    require(others == shape, "concat: the shapes differ beside the axis");
    shape[axis] += input.shape[axis];
  }
  Array result(shape);
  int64_t start = 0;
  for (const Array &input : inputs) {
    for_each_index(input.shape, [&](Shape index) {
      double value = input.at(index);
      index[axis] += start;
      result.at(index) = value;
    });
    start += input.shape[axis];
  }
  return result;
}

Array pad(const Array &input, const Shape &low, const Shape &high, double value) {
  size_t rank = input.shape.size();
  require(low.size() == rank && high.size() == rank, "pad: wrong rank");
  Shape shape = input.shape;
  for (size_t i = 0; i < rank; ++i) {
    require(low[i] >= 0 && high[i] >= 0, "pad: negative padding");
    shape[i] += low[i] + high[i];
  }
  Array result(shape, value);
  for_each_index(input.shape, [&](Shape index) {
    double inner = input.at(index);
    for (size_t i = 0; i < rank; ++i) index[i] += low[i];
    result.at(index) = inner;
  });
  return result;
}

// Folds every element, with its index, into the result element that it is reduced to.
static Array reduce(const Array &input, const Shape &axes, bool keep_dims, double start,
                    const std::function<void(double &result, double value)> &fold) {
  Shape kept = input.shape, dropped;
  for (int64_t axis : axes) {
    require(axis >= 0 && axis < input.rank(), "reduce: no such axis");
    kept[axis] = 1;
  }
  for (int64_t i = 0; i < input.rank(); ++i)
    if (std::find(axes.begin(), axes.end(), i) == axes.end()) dropped.push_back(input.shape[i]);
  Array result(kept, start);
  for_each_index(input.shape, [&](Shape index) {
    double value = input.at(index);
    for (int64_t axis : axes) index[axis] = 0;
    fold(result.at(index), value);
  });
  return keep_dims ? result : reshape(result, dropped);
}

// Whether max takes the value in place of the greatest so far.
static bool exceeds(double value, double greatest) {
  return value > greatest || (std::isnan(value) && !std::isnan(greatest));
}

Array sum(const Array &input, const Shape &axes, bool keep_dims) {
  return reduce(input, axes, keep_dims, 0, [](double &result, double value) { result += value; });
}

Array mean(const Array &input, const Shape &axes, bool keep_dims) {
  double count = 1;
  for (int64_t axis : axes) count *= input.shape.at(axis);
  return unary(sum(input, axes, keep_dims), [&](double total) { return total / count; });
}

Array max(const Array &input, const Shape &axes, bool keep_dims) {
  double lowest = -std::numeric_limits<double>::infinity();
  return reduce(input, axes, keep_dims, lowest, [](double &result, double value) {
    if (exceeds(value, result)) result = value;
  });
}

Array argmax(const Array &input, int64_t axis, bool keep_dims) {
  require(axis >= 0 && axis < input.rank() && input.shape[axis] > 0, "argmax: no such axis, or an empty one");
  Shape shape = input.shape;
  shape[axis] = 1;
  Array result = generate(shape, [&](Shape index) {
    int64_t best = 0;
    double greatest = input.at(index);
    for (int64_t i = 1; i < input.shape[axis]; ++i) {
      index[axis] = i;
      if (!exceeds(input.at(index), greatest)) continue;
      best = i;
      greatest = input.at(index);
    }
    return double(best);
  });
  if (keep_dims) return result;
  shape.erase(shape.begin() + axis);
  return reshape(result, shape);
}

} // namespace fovea::reference
