// Pools over sliding windows.
#include "lib/onnx/Compositions.h"
#include "lib/onnx/Registry.h"
#include "lib/onnx/Windows.h"

#include <cmath>
#include <limits>

namespace fovea::onnx {
namespace {

/// Every window of x, whose coordinates are the dimensions after the second.
Tensor windowed(const Tensor &x, const Windows &windows, double outside) {
  Tensor padded = x;
  fovea::Windows slides;
  for (size_t d = 0; d < windows.axes.size(); ++d) {
    const Window &window = windows.axes[d];
    auto axis = (int64_t)d + 2;
    if (window.low || window.high) padded = pad(padded, axis, window.low, window.high, PadMode::constant, outside);
    slides.axes.push_back(axis);
    slides.size.push_back(window.size);
    slides.stride.push_back(window.stride);
    slides.dilation.push_back(window.dilation);
  }
  return unfold(padded, slides);
}

Axes coordinates(const Windows &windows) {
  std::vector<int64_t> axes;
  for (size_t d = 0; d < windows.axes.size(); ++d) axes.push_back((int64_t)d + 2);
  return listed(axes);
}

/// Also where the largest element lies in x, counted row by row, or, of the spatial dimensions, column by column: of
/// equal ones the first.
void maxPoolWithPlaces(Call &call, const Tensor &x, const Windows &windows) {
  std::vector<int64_t> shape = numbersOf(x.shape(), "the place of a largest element");
  bool columns = call.integer("storage_order", 0) != 0;
  auto rank = (int64_t)shape.size();
  std::vector<int64_t> order;
  for (int64_t d = 0; d < rank; ++d) order.push_back(columns && d >= 2 ? rank + 1 - d : d);
  Tensor places = broadcast_to(call.scalar(0, i64), x.shape());
  int64_t step = 1, size = 1;
  for (int64_t d = rank; d-- > 0; step *= shape[(size_t)order[(size_t)d]])
    places = places + iota(call, shape[(size_t)order[(size_t)d]], i64, order[(size_t)d], rank) * (double)step;
  for (const Window &window : windows.axes) size *= window.size;
  // (n, c, elements of a window, windows..)
  auto flat = [&](const Tensor &of, double outside) {
    Tensor all = windowed(of, windows, outside);
    Shape result = all.shape();
    result.erase(result.begin() + 2, result.begin() + 2 + (int64_t)windows.axes.size());
    result.insert(result.begin() + 2, Dim(size));
    return reshape(all, result);
  };
  Tensor elements = flat(x, -INFINITY), place = argmax(elements, 2, true);
  Tensor at = gather_elements(flat(places, 0), place, 2);
  call.give(max(elements, 2));
  Shape result = at.shape();
  result.erase(result.begin() + 2);
  call.give(reshape(at, result), 1);
}

void maxPool(Call &call) {
  Tensor x = call.tensor(0);
  if (!isFloat(x.dtype())) call.unsupported("pools of integers are not supported");
  Windows windows = windowsOf(call, x.shape());
  if (call.wants(1)) return maxPoolWithPlaces(call, x, windows);
  call.give(max(windowed(x, windows, -INFINITY), coordinates(windows)));
}

/// How many elements of window `o` are averaged: those in x, or with the padding that was asked for.
int64_t countOf(const Window &window, int64_t o, bool padding) {
  int64_t low = padding ? window.low : 0, high = padding ? window.askedHigh : 0;
  return elements_within(o * window.stride - window.low + low, window.size, window.dilation,
                         low + window.extent + high);
}

void averagePool(Call &call) {
  Tensor x = call.tensor(0);
  Windows windows = windowsOf(call, x.shape());
  bool padding = call.integer("count_include_pad", 0) != 0;
  Tensor result = sum(windowed(x, windows, 0), coordinates(windows));
  for (size_t d = 0; d < windows.axes.size(); ++d) {
    const Window &window = windows.axes[d];
    checkTable(call, window.count);
    Known counts{elementOf(x.dtype()), std::vector<int64_t>((size_t)x.rank(), 1), {}, {}};
    counts.shape[d + 2] = window.count;
    for (int64_t o = 0; o < window.count; ++o) counts.reals.push_back((double)countOf(window, o, padding));
    result = result / call.constant(counts);
  }
  call.give(result);
}

void lpPool(Call &call) {
  Tensor x = call.tensor(0);
  Windows windows = windowsOf(call, x.shape());
  call.give(norm(windowed(x, windows, 0), (double)call.integer("p", 2), coordinates(windows)));
}

/// Windows in columns, (n, c block.., windows): what unfolds to them, added up.
void col2Im(Call &call) {
  Tensor x = call.tensor(0);
  std::vector<int64_t> image = call.integers(1, "image_shape"), block = call.integers(2, "block_shape");
  size_t spatial = image.size();
  auto list = [&](const char *name, size_t count, int64_t otherwise) {
    std::vector<int64_t> values = call.integers(name, std::vector<int64_t>(count, otherwise));
    if (values.size() != count) call.unsupported(std::string(name) + " has another number of values than the image");
    return values;
  };
  std::vector<int64_t> strides = list("strides", spatial, 1), dilations = list("dilations", spatial, 1),
                       pads = list("pads", 2 * spatial, 0);
  if (block.size() != spatial || x.rank() != 3) call.unsupported("its blocks and image do not fit");
  fovea::Windows windows{{}, block, strides, dilations};
  int64_t elements = 1;
  for (int64_t size : block) elements *= size;
  int64_t channels = numbersOf({x.dim(1)}, "the channels")[0] / std::max<int64_t>(1, elements);
  Shape columns{x.dim(0), channels}, padded{x.dim(0), channels};
  columns.insert(columns.end(), block.begin(), block.end());
  for (size_t d = 0; d < spatial; ++d) {
    windows.axes.push_back((int64_t)d + 2);
    int64_t size = image[d] + pads[d] + pads[d + spatial], reach = (block[d] - 1) * dilations[d] + 1;
    if (strides[d] < 1 || size < reach) call.unsupported("a block is larger than the padded image");
    padded.push_back(size);
    columns.push_back((size - reach) / strides[d] + 1);
  }
  Tensor result = fold(reshape(x, columns), padded, windows);
  for (size_t d = 0; d < spatial; ++d) result = slice(result, (int64_t)d + 2, pads[d], image[d]);
  call.give(result);
}

} // namespace

void addPools(Registry &registry) {
  registry.add("MaxPool", {1, 8, 10, 11, 12, 22}, maxPool);
  registry.add("AveragePool", {7, 10, 11, 19, 22}, averagePool);
  registry.add("LpPool", {2, 11, 18, 22}, lpPool);
  registry.add("Col2Im", {18}, col2Im);
}

} // namespace fovea::onnx
