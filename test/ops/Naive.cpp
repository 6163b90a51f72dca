// Plain loops, from the formulas.
#include "test/ops/Naive.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

namespace fovea::ops {

Array product(const Array &x, const Shape &axes, bool keep) {
  Array result(reference::sum(x, axes, keep).shape, 1),
      kept = reference::reshape(result, reference::sum(x, axes, true).shape);
  reference::for_each_index(x.shape, [&](const Shape &index) {
    Shape at = index;
    for (int64_t axis : axes) at[axis] = 0;
    kept.at(at) *= x.at(index);
  });
  return reference::reshape(kept, result.shape);
}

Array logSumExpOf(const Array &x) {
  Array largest = reference::max(x, {x.rank() - 1}, true);
  for (double &value : largest.values) value = std::isinf(value) ? 0 : value;
  Array powers = reference::binary(x, largest, [](double x, double m) { return std::exp(x - m); });
  Array sums = reference::sum(powers, {x.rank() - 1}, true);
  Array result = reference::binary(sums, largest, [](double sum, double m) { return std::log(sum) + m; });
  return reference::reshape(result, Shape(x.shape.begin(), x.shape.end() - 1));
}

Array logSoftmaxOf(const Array &x) {
  Array y = x, sums = logSumExpOf(x);
  for (int64_t at = 0; at < y.size(); ++at) {
    double sum = sums.values[at / x.shape.back()];
    y.values[at] = std::isinf(sum) ? NAN : y.values[at] - sum;
  }
  return y;
}

Array runningSums(const Array &x, bool exclusive, bool reverse) {
  Array result(x.shape);
  int64_t size = x.shape.back();
  for (int64_t row = 0; row < x.size() / size; ++row)
    for (int64_t i = 0; i < size; ++i)
      for (int64_t j = 0; j < size; ++j)
        if (reverse ? j > i || (j == i && !exclusive) : j < i || (j == i && !exclusive))
          result.values[row * size + i] += x.values[row * size + j];
  return result;
}

Arrays layerNormed(const Arrays &a, double epsilon) {
  reference::LayerNorm norm = reference::layer_norm(a[0], epsilon);
  Shape rows = a[0].shape;
  rows.back() = 1;
  Array y = reference::binary(reference::binary(norm.y, a[1], std::multiplies<>()), a[2], std::plus<>());
  return {y, reference::reshape(norm.mean, rows), reference::reshape(norm.rstd, rows)};
}

Arrays rmsNormed(const Arrays &a, double epsilon) {
  Array rstd = reference::mean(reference::unary(a[0], [](double x) { return x * x; }), {a[0].rank() - 1}, true);
  for (double &value : rstd.values) value = 1 / std::sqrt(value + epsilon);
  return {reference::binary(reference::binary(a[0], rstd, std::multiplies<>()), a[1], std::multiplies<>()), rstd};
}

/// Calls visit with every index of the gathered shape and the index in x that it names; out of range ones with none.
static void eachLookUp(const Array &x, const Arrays &indices, int64_t axis, int64_t batch,
                       const std::function<void(const Shape &gathered, const std::optional<Shape> &place)> &visit) {
  const Shape &own = indices[0].shape;
  auto count = (int64_t)indices.size(), rank = (int64_t)own.size() - batch;
  Shape shape(x.shape.begin(), x.shape.begin() + axis);
  shape.insert(shape.end(), own.begin() + batch, own.end());
  shape.insert(shape.end(), x.shape.begin() + axis + count, x.shape.end());
  reference::for_each_index(shape, [&](const Shape &at) {
    Shape index(at.begin(), at.begin() + batch), place(at.begin(), at.begin() + axis);
    index.insert(index.end(), at.begin() + axis, at.begin() + axis + rank);
    bool inside = true;
    for (int64_t d = 0; d < count; ++d) {
      place.push_back((int64_t)indices[d].at(index));
      inside &= place.back() >= 0 && place.back() < x.shape[axis + d];
    }
    place.insert(place.end(), at.begin() + axis + rank, at.end());
    visit(at, inside ? std::optional(place) : std::nullopt);
  });
}

static Arrays drop(const Arrays &from, size_t first, size_t last = 0) {
  return {from.begin() + (int64_t)first, from.end() - (int64_t)last};
}

Array gathered(const Arrays &a, int64_t axis, int64_t batch, double outside) {
  Shape shape;
  std::vector<double> values;
  eachLookUp(a[0], drop(a, 1), axis, batch, [&](const Shape &at, const std::optional<Shape> &place) {
    shape = at;
    values.push_back(place ? a[0].at(*place) : outside);
  });
  for (int64_t &size : shape) ++size; // the last index
  return {shape, values};
}

Array scattered(const Arrays &a, int64_t axis, int64_t batch, Combine combine) {
  Array result = a[0];
  const Array &updates = a.back();
  int64_t next = 0;
  eachLookUp(a[0], drop(a, 1, 1), axis, batch, [&](const Shape &, const std::optional<Shape> &place) {
    double update = updates.values[next++];
    if (place) result.at(*place) = combine(result.at(*place), update);
  });
  return result;
}

Array order(const Array &x, bool descending) {
  Array result(x.shape);
  int64_t size = x.shape.back();
  auto below = [](double a, double b) { return std::isnan(b) ? !std::isnan(a) : a < b; };
  for (int64_t row = 0; row < x.size(); row += size) {
    std::vector<int64_t> places(size);
    std::iota(places.begin(), places.end(), 0);
    std::stable_sort(places.begin(), places.end(), [&](int64_t i, int64_t j) {
      double a = x.values[row + i], b = x.values[row + j];
      return descending ? below(b, a) : below(a, b);
    });
    std::copy(places.begin(), places.end(), result.values.begin() + row);
  }
  return result;
}

Array inOrder(const Array &x, const Array &places) {
  Array result(x.shape);
  int64_t size = x.shape.back();
  for (int64_t at = 0; at < x.size(); ++at) result.values[at] = x.values[at / size * size + (int64_t)places.values[at]];
  return result;
}

Array packed(const Array &x, int64_t axis, int64_t size) {
  Shape cut = x.shape, order;
  cut[axis] /= size;
  cut.insert(cut.begin() + axis + 1, size);
  order.push_back(axis);
  for (int64_t d = 0; d < (int64_t)cut.size(); ++d)
    if (d != axis && d != axis + 1) order.push_back(d);
  order.push_back(axis + 1);
  return reference::transpose(reference::reshape(x, cut), order);
}

Shape Windows::placeOf(const Shape &at) const {
  size_t first = axes[0], count = axes.size();
  Shape place(at.begin(), at.begin() + first);
  place.insert(place.end(), at.begin() + first + count, at.end());
  for (size_t i = 0; i < count; ++i) place[axes[i]] = place[axes[i]] * stride[i] + at[first + i] * dilation[i];
  return place;
}

Shape Windows::shapeOf(const Shape &x) const {
  Shape result = x;
  for (size_t i = 0; i < axes.size(); ++i)
    result[axes[i]] = (x[axes[i]] - (size[i] - 1) * dilation[i] - 1) / stride[i] + 1;
  result.insert(result.begin() + axes[0], size.begin(), size.end());
  return result;
}

Array unfolded(const Array &x, const Windows &windows) {
  Array result(windows.shapeOf(x.shape));
  reference::for_each_index(result.shape, [&](const Shape &at) { result.at(at) = x.at(windows.placeOf(at)); });
  return result;
}

Array folded(const Array &x, const Shape &shape, const Windows &windows) {
  Array result(shape);
  reference::for_each_index(x.shape, [&](const Shape &at) { result.at(windows.placeOf(at)) += x.at(at); });
  return result;
}

} // namespace fovea::ops
