// Pools over sliding windows, one dimension after another: largest values, sums and counts are separable.
#include "lib/onnx/Compositions.h"
#include "lib/onnx/Registry.h"
#include "lib/onnx/Windows.h"

#include <cmath>
#include <limits>

namespace fovea::onnx {
namespace {

/// x with copies of a number around it along an axis.
Tensor surrounded(Call &call, const Tensor &x, int64_t axis, int64_t low, int64_t high, double value) {
  std::vector<Tensor> parts{x};
  auto part = [&](int64_t size) {
    Shape shape = x.shape();
    shape[(size_t)axis] = size;
    return broadcast_to(call.scalar(value, x.dtype()), shape);
  };
  if (low > 0) parts.insert(parts.begin(), part(low));
  if (high > 0) parts.push_back(part(high));
  return concat(parts, axis);
}

/// What `combine` makes of the elements of every window.
template <typename Combine>
Tensor pooled(Call &call, Tensor x, const Windows &windows, double outside, Combine combine) {
  constexpr int64_t most = 128;
  for (size_t d = 0; d < windows.axes.size(); ++d) {
    const Window &window = windows.axes[d];
    auto axis = (int64_t)d + 2;
    if (window.size > most)
      call.unsupported("a window has " + std::to_string(window.size) + " elements along a dimension: up to " +
                       std::to_string(most) + " are supported");
    Tensor padded = surrounded(call, x, axis, window.low, window.high, outside);
    auto tap = [&](int64_t i) { return slice(padded, axis, i * window.dilation, window.count, window.stride); };
    x = tap(0);
    for (int64_t i = 1; i < window.size; ++i) x = combine(x, tap(i));
  }
  return x;
}

/// Also where the largest element lies in x, counted row by row (or, of the spatial dimensions, column by column): of
/// equal ones the first.
void maxPoolWithPlaces(Call &call, const Tensor &x, const Windows &windows) {
  std::vector<int64_t> shape = numbersOf(x.shape(), "the place of a largest element");
  bool columns = call.integer("storage_order", 0) != 0;
  auto rank = (int64_t)shape.size();
  std::vector<int64_t> order;
  for (int64_t d = 0; d < rank; ++d) order.push_back(columns && d >= 2 ? rank + 1 - d : d);
  Tensor places = broadcast_to(call.scalar(0, i64), x.shape());
  int64_t step = 1;
  for (int64_t d = rank; d-- > 0; step *= shape[(size_t)order[(size_t)d]])
    places = places + iota(call, shape[(size_t)order[(size_t)d]], i64, order[(size_t)d], rank) * (double)step;
  // Values and places go through the windows together.
  Tensor values = x;
  for (size_t d = 0; d < windows.axes.size(); ++d) {
    const Window &window = windows.axes[d];
    auto axis = (int64_t)d + 2;
    Tensor padded = surrounded(call, values, axis, window.low, window.high, -INFINITY);
    Tensor paddedPlaces = surrounded(call, places, axis, window.low, window.high, 0x1p52);
    for (int64_t i = 0; i < window.size; ++i) {
      Tensor value = slice(padded, axis, i * window.dilation, window.count, window.stride);
      Tensor at = slice(paddedPlaces, axis, i * window.dilation, window.count, window.stride);
      if (i == 0) {
        values = value, places = at;
        continue;
      }
      places = where(values < value, at, where(equal(values, value), minimum(places, at), places));
      values = maximum(values, value);
    }
  }
  call.give(values);
  call.give(places, 1);
}

void maxPool(Call &call) {
  Tensor x = call.tensor(0);
  if (!isFloat(x.dtype())) call.unsupported("pools of integers are not supported");
  Windows windows = windowsOf(call, x.shape());
  if (call.wants(1)) return maxPoolWithPlaces(call, x, windows);
  call.give(pooled(call, x, windows, -INFINITY, [](const Tensor &a, const Tensor &b) { return maximum(a, b); }));
}

Tensor summed(Call &call, const Tensor &x, const Windows &windows) {
  return pooled(call, x, windows, 0, [](const Tensor &a, const Tensor &b) { return a + b; });
}

void averagePool(Call &call) {
  Tensor x = call.tensor(0);
  Windows windows = windowsOf(call, x.shape());
  bool padding = call.integer("count_include_pad", 0) != 0;
  Tensor result = summed(call, x, windows);
  for (size_t d = 0; d < windows.axes.size(); ++d) {
    const Window &window = windows.axes[d];
    checkTable(call, window.count);
    Known counts{elementOf(x.dtype()), std::vector<int64_t>((size_t)x.rank(), 1), {}, {}};
    counts.shape[d + 2] = window.count;
    for (int64_t o = 0; o < window.count; ++o) {
      int64_t count = 0;
      for (int64_t i = 0; i < window.size; ++i) {
        int64_t at = o * window.stride + i * window.dilation - window.low;
        count += padding ? at < window.extent + window.askedHigh : at >= 0 && at < window.extent;
      }
      counts.reals.push_back((double)count);
    }
    result = result / call.constant(counts);
  }
  call.give(result);
}

void lpPool(Call &call) {
  Tensor x = call.tensor(0);
  int64_t p = call.integer("p", 2);
  Windows windows = windowsOf(call, x.shape());
  if (p == 1) return call.give(summed(call, abs(x), windows));
  if (p == 2) return call.give(sqrt(summed(call, x * x, windows)));
  call.give(pow(summed(call, pow(abs(x), (double)p), windows), 1.0 / (double)p));
}

} // namespace

void addPools(Registry &registry) {
  registry.add("MaxPool", {1, 8, 10, 11, 12, 22}, maxPool);
  registry.add("AveragePool", {7, 10, 11, 19, 22}, averagePool);
  registry.add("LpPool", {2, 11, 18, 22}, lpPool);
}

} // namespace fovea::onnx
