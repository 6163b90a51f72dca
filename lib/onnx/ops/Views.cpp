// Ops that move elements.
#include "lib/onnx/Registry.h"
#include "lib/onnx/Slices.h"

#include <algorithm>
#include <limits>

namespace fovea::onnx {

std::vector<SliceRange> sliceRanges(Call &call, const Shape &shape) {
  bool inputs = call.version >= 10;
  std::vector<int64_t> starts = inputs ? call.integers(1, "starts") : call.integers("starts");
  std::vector<int64_t> ends = inputs ? call.integers(2, "ends") : call.integers("ends");
  std::vector<int64_t> axes = inputs ? std::vector<int64_t>() : call.integers("axes"), steps;
  if (inputs && call.has(3)) axes = call.integers(3, "axes");
  if (inputs && call.has(4)) steps = call.integers(4, "steps");
  if (axes.empty())
    for (size_t i = 0; i < starts.size(); ++i) axes.push_back((int64_t)i);
  if (steps.empty()) steps.assign(starts.size(), 1);
  axes = frontAxes(axes, (int64_t)shape.size());
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size())
    call.unsupported("starts, ends, axes and steps differ in number");
  std::vector<SliceRange> result;
  for (size_t i = 0; i < starts.size(); ++i) {
    int64_t start = starts[i], end = ends[i], step = std::max(steps[i], std::numeric_limits<int64_t>::min() + 1);
    if (step == 0) call.unsupported("a step is 0");
    std::optional<int64_t> size = shape[(size_t)axes[i]].constant();
    if (!size) {
      if (start == 0 && step == 1 && end >= std::numeric_limits<int32_t>::max()) continue;
      call.unsupported("it cuts an axis of open size: only axes of known size can be cut");
    }
    auto clamped = [&](int64_t at, int64_t low, int64_t high) {
      return std::clamp(at < 0 ? at + *size : at, low, high);
    };
    // Backwards, the end may lie before the first element.
    start = step > 0 ? clamped(start, 0, *size) : clamped(start, 0, *size - 1);
    end = step > 0 ? clamped(end, 0, *size) : clamped(std::max(end, -*size - 1), -1, *size - 1);
    int64_t length = step > 0 ? end - start : start - end, stride = std::abs(step);
    result.push_back({axes[i], start, step, length <= 0 ? 0 : (length - 1) / stride + 1});
  }
  return result;
}

namespace {

/// Axes, an attribute before an opset and an input since.
std::vector<int64_t> axesOf(Call &call, int64_t asInput) {
  if (call.version < asInput) return call.integers("axes");
  return call.has(1) ? call.integers(1, "axes") : std::vector<int64_t>();
}

void reshapeOf(Call &call) {
  Tensor x = call.tensor(0);
  Shape from = x.shape(), to = call.sizes(1, "shape");
  bool zero = call.integer("allowzero", 0) != 0;
  for (size_t d = 0; d < to.size(); ++d) {
    if (to[d] != Dim(0) || zero) continue;
    if (d >= from.size())
      call.unsupported("size " + std::to_string(d) + " of the new shape is taken from an input of rank " +
                       std::to_string(from.size()));
    to[d] = from[d];
  }
  call.give(reshape(x, to));
}

void flatten(Call &call) {
  Tensor x = call.tensor(0);
  Shape shape = x.shape();
  int64_t axis = call.integer("axis", 1), rank = (int64_t)shape.size();
  if (axis < -rank || axis > rank)
    call.unsupported("axis " + std::to_string(axis) + " is outside a tensor of rank " + std::to_string(rank));
  if (axis < 0) axis += rank;
  Dim outer = 1, inner = 1;
  for (int64_t d = 0; d < rank; ++d) (d < axis ? outer : inner) = (d < axis ? outer : inner) * shape[(size_t)d];
  call.give(reshape(x, {outer, inner}));
}

void squeeze(Call &call) {
  Tensor x = call.tensor(0);
  Shape from = x.shape(), to;
  std::vector<int64_t> axes = frontAxes(axesOf(call, 13), (int64_t)from.size());
  bool named = call.version < 13 ? call.hasAttribute("axes") : call.has(1);
  for (size_t d = 0; d < from.size(); ++d) {
    bool drop = named ? std::count(axes.begin(), axes.end(), (int64_t)d) > 0 : from[d] == Dim(1);
    if (drop && from[d] != Dim(1))
      call.unsupported("it drops axis " + std::to_string(d) + " of " + shapeText(from) + ", whose size is not 1");
    if (!drop) to.push_back(from[d]);
  }
  call.give(reshape(x, to));
}

void unsqueeze(Call &call) {
  Tensor x = call.tensor(0);
  Shape shape = x.shape();
  std::vector<int64_t> axes = axesOf(call, 13);
  axes = frontAxes(axes, (int64_t)(shape.size() + axes.size()));
  std::sort(axes.begin(), axes.end());
  for (int64_t axis : axes) shape.insert(shape.begin() + axis, Dim(1));
  call.give(reshape(x, shape));
}

void transposeOf(Call &call) {
  Tensor x = call.tensor(0);
  std::vector<int64_t> order = call.integers("perm");
  if (order.empty())
    for (int64_t d = x.rank(); d-- > 0;) order.push_back(d);
  call.give(transpose(x, order));
}

void concatOf(Call &call) {
  std::vector<Tensor> parts;
  for (size_t index = 0; index < call.inputCount(); ++index) parts.push_back(call.tensor(index));
  call.give(concat(parts, call.integer("axis", call.version < 4 ? 1 : 0)));
}

void sliceOf(Call &call) {
  Tensor x = call.tensor(0);
  for (const SliceRange &range : sliceRanges(call, x.shape())) {
    if (range.size == 0) {
      x = slice(x, range.axis, 0, 0);
    } else if (range.step > 0) {
      x = slice(x, range.axis, range.start, range.size, range.step);
    } else {
      int64_t last = range.start + (range.size - 1) * range.step;
      x = flip(slice(x, range.axis, last, range.size, -range.step), range.axis);
    }
  }
  call.give(x);
}

void split(Call &call) {
  Tensor x = call.tensor(0);
  int64_t axis = frontAxis(call.integer("axis", 0), x.rank());
  std::vector<int64_t> sizes = call.version < 13 ? call.integers("split")
                               : call.has(1)     ? call.integers(1, "split")
                                                 : std::vector<int64_t>();
  int64_t total = numbersOf({x.dim(axis)}, "splitting")[0], start = 0, parts = (int64_t)call.outputCount();
  if (call.hasAttribute("num_outputs")) parts = call.integer("num_outputs", parts);
  if (parts < 1 || parts > (int64_t)call.outputCount()) call.unsupported("num_outputs is " + std::to_string(parts));
  if (sizes.empty()) // equal parts, the last one smaller
    for (int64_t part = (total + parts - 1) / parts, i = 0; i < parts; ++i)
      sizes.push_back(std::min(part, total - std::min(total, part * i)));
  for (size_t index = 0; index < sizes.size() && index < call.outputCount(); ++index) {
    if (sizes[index] < 0 || sizes[index] > total - start)
      call.unsupported("its parts have more than the " + std::to_string(total) + " elements");
    call.give(slice(x, axis, start, sizes[index]), index);
    start += sizes[index];
  }
}

void expand(Call &call) {
  Tensor x = call.tensor(0);
  Shape from = x.shape(), to = call.sizes(1, "shape");
  while (to.size() < from.size()) to.insert(to.begin(), Dim(1));
  for (size_t d = 0; d < from.size(); ++d) {
    Dim &size = to[to.size() - from.size() + d];
    if (size == Dim(1)) size = from[d];
  }
  call.give(broadcast_to(x, to));
}

void tile(Call &call) {
  Tensor x = call.tensor(0);
  std::vector<int64_t> repeats = call.integers(1, "repeats");
  call.give(fovea::tile(x, repeats));
}

int64_t blockSize(Call &call) {
  int64_t size = call.integer("blocksize", 0);
  if (size < 1 || call.shape(0).size() != 4)
    call.unsupported("blocksize is " + std::to_string(size) + " for " + shapeText(call.shape(0)));
  return size;
}
void depthToSpace(Call &call) {
  int64_t size = blockSize(call);
  Tensor x = call.tensor(0);
  std::vector<int64_t> s = numbersOf({x.dim(1), x.dim(2), x.dim(3)}, "blocks");
  Dim n = x.dim(0), depth = s[0] / (size * size);
  Tensor result = call.text("mode", "DCR") == "DCR"
                      ? transpose(reshape(x, {n, size, size, depth, s[1], s[2]}), {0, 3, 4, 1, 5, 2})
                      : transpose(reshape(x, {n, depth, size, size, s[1], s[2]}), {0, 1, 4, 2, 5, 3});
  call.give(reshape(result, {n, depth, s[1] * size, s[2] * size}));
}
void spaceToDepth(Call &call) {
  int64_t size = blockSize(call);
  Tensor x = call.tensor(0);
  std::vector<int64_t> s = numbersOf({x.dim(1), x.dim(2), x.dim(3)}, "blocks");
  Tensor apart = reshape(x, {x.dim(0), s[0], s[1] / size, size, s[2] / size, size});
  bool first = call.text("mode", "DCR") == "DCR"; // where in the depth a block's elements go
  Tensor result =
      transpose(apart, first ? std::vector<int64_t>{0, 3, 5, 1, 2, 4} : std::vector<int64_t>{0, 1, 3, 5, 2, 4});
  call.give(reshape(result, {x.dim(0), s[0] * size * size, s[1] / size, s[2] / size}));
}

} // namespace

void addViews(Registry &registry) {
  registry.add("Reshape", {5, 13, 14, 19, 21, 23, 24, 25}, reshapeOf);
  registry.add("Flatten", {1, 9, 11, 13, 21, 23, 24, 25}, flatten);
  registry.add("Squeeze", {1, 11, 13, 21, 23, 24, 25}, squeeze);
  registry.add("Unsqueeze", {1, 11, 13, 21, 23, 24, 25}, unsqueeze);
  registry.add("Transpose", {1, 13, 21, 23, 24, 25}, transposeOf);
  registry.add("Concat", {4, 11, 13}, concatOf);
  registry.add("Slice", {1, 10, 11, 13}, sliceOf);
  registry.add("Split", {2, 11, 13, 18}, split);
  registry.add("Expand", {8, 13}, expand);
  registry.add("Tile", {6, 13}, tile);
  registry.add("DepthToSpace", {1, 11, 13, 28}, depthToSpace);
  registry.add("SpaceToDepth", {1, 13, 28}, spaceToDepth);
}

} // namespace fovea::onnx
