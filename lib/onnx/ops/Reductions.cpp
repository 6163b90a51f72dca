// Reductions, positions of largest elements, running sums, and softmax.
#include "lib/onnx/Compositions.h"
#include "lib/onnx/Registry.h"

#include <cmath>

namespace fovea::onnx {
namespace {

using Reduction = Tensor (*)(Call &call, const Tensor &x, const Axes &axes, bool keep);

Tensor sumOf(Call &, const Tensor &x, const Axes &axes, bool keep) { return sum(x, axes, keep); }
Tensor meanOf(Call &, const Tensor &x, const Axes &axes, bool keep) { return mean(x, axes, keep); }
Tensor maxOf(Call &, const Tensor &x, const Axes &axes, bool keep) { return max(x, axes, keep); }
Tensor minOf(Call &, const Tensor &x, const Axes &axes, bool keep) { return smallest(x, axes, keep); }
Tensor sumSquare(Call &, const Tensor &x, const Axes &axes, bool keep) { return sum(x * x, axes, keep); }
Tensor norm1(Call &, const Tensor &x, const Axes &axes, bool keep) { return sum(absolute(x), axes, keep); }
Tensor norm2(Call &, const Tensor &x, const Axes &axes, bool keep) { return sqrt(sum(x * x, axes, keep)); }
Tensor logSum(Call &, const Tensor &x, const Axes &axes, bool keep) { return log(sum(x, axes, keep)); }
Tensor logSumExp(Call &, const Tensor &x, const Axes &axes, bool keep) {
  // Infinite maxima are not subtracted: the sum is right as it is, and nothing becomes NaN.
  auto finite = [](const Tensor &most) { return where(absolute(most) < INFINITY, most, 0); };
  return log(sum(exp(x - finite(max(x, axes, true))), axes, keep)) + finite(max(x, axes, keep));
}

/// i32 and booleans are reduced in f64, which holds them all.
template <Reduction function> void reduce(Call &call, int64_t asInput) {
  Tensor x = call.tensor(0);
  DType dtype = x.dtype();
  if (dtype == i64) call.unsupported("reductions of int64 tensors that are computed are not supported yet");
  std::vector<int64_t> axes = call.version < asInput ? call.integers("axes")
                              : call.has(1)          ? call.integers(1, "axes")
                                                     : std::vector<int64_t>();
  axes = frontAxes(axes, x.rank());
  if (axes.empty() && !call.integer("noop_with_empty_axes", 0))
    for (int64_t d = 0; d < x.rank(); ++d) axes.push_back(d);
  if (!isFloat(dtype)) x = cast(x, f64);
  Tensor result = axes.empty() && function == maxOf ? x : function(call, x, listed(axes), call.integer("keepdims", 1) != 0);
  if (dtype == DType::boolean) return call.give(not_equal(result, 0));
  call.give(isFloat(dtype) ? result : cast(result, dtype));
}
template <Reduction function> void since13(Call &call) { reduce<function>(call, 13); }
template <Reduction function> void since18(Call &call) { reduce<function>(call, 18); }

/// The first, or the last, position of the largest element; NaN counts as largest.
void argmax(Call &call, const Tensor &x) {
  int64_t axis = frontAxis(call.integer("axis", 0), x.rank()), size = numbersOf({x.dim(axis)}, "an axis")[0];
  bool keep = call.integer("keepdims", 1) != 0, last = call.integer("select_last_index", 0) != 0;
  Tensor place = iota(call, size, f64, axis, x.rank()), found = not_equal(x, x);
  if (!last) place = (double)(size - 1) - place;
  Tensor largest = max(x, axis, true);
  Tensor position = max(where(equal(x, largest), place, where(found, place, -1.0)), axis, keep);
  call.give(cast(last ? position : (double)(size - 1) - position, i64));
}
Tensor comparable(Call &call) {
  Tensor x = call.tensor(0);
  if (x.dtype() == i64) call.unsupported("it looks for the largest of int64 elements, which is not supported yet");
  return isFloat(x.dtype()) ? x : cast(x, f64);
}
void argMax(Call &call) { argmax(call, comparable(call)); }
void argMin(Call &call) { argmax(call, -comparable(call)); }

void cumSum(Call &call) {
  Tensor x = call.tensor(0);
  int64_t axis = frontAxis(call.integer(1, "axis"), x.rank()), size = numbersOf({x.dim(axis)}, "a running sum")[0];
  if (x.dtype() == i64) call.unsupported("running sums of int64 are not supported yet");
  DType dtype = x.dtype();
  Tensor last = toLast(isFloat(dtype) ? x : cast(x, f64), axis);
  // Each element is the sum of those that its own row of a triangle lets through.
  Shape wide = last.shape();
  wide.insert(wide.end() - 1, Dim(1));
  int64_t rank = (int64_t)wide.size();
  Tensor to = iota(call, size, i32, rank - 2, rank), from = iota(call, size, i32, rank - 1, rank);
  if (call.integer("reverse", 0)) std::swap(to, from);
  Tensor counts = call.integer("exclusive", 0) ? from < to : from <= to;
  Tensor result = fromLast(sum(where(counts, reshape(last, wide), 0), -1), axis);
  call.give(isFloat(dtype) ? result : cast(result, dtype));
}

template <Tensor (*function)(const Tensor &, int64_t)> void along(Call &call) {
  Tensor x = call.tensor(0);
  call.give(function(x, frontAxis(call.integer("axis", -1), x.rank())));
}
/// Before opset 13 all axes from the named one on are one.
template <Tensor (*function)(const Tensor &, int64_t)> void flattened(Call &call) {
  Tensor x = call.tensor(0);
  Shape shape = x.shape();
  int64_t axis = frontAxis(call.integer("axis", 1), x.rank());
  Dim outer = 1, inner = 1;
  for (int64_t d = 0; d < (int64_t)shape.size(); ++d) (d < axis ? outer : inner) = (d < axis ? outer : inner) * shape[(size_t)d];
  call.give(reshape(function(reshape(x, {outer, inner}), 1), shape));
}

/// 1 at the first largest element along the axis, else 0.
Tensor hardmaxOver(Call &call, const Tensor &x, int64_t axis) {
  int64_t size = numbersOf({x.dim(axis)}, "an axis")[0];
  Tensor place = iota(call, size, f64, axis, x.rank());
  Tensor first = smallest(where(equal(x, max(x, axis, true)), place, (double)size), axis, true);
  return cast(equal(place, first), x.dtype());
}
void hardmax(Call &call) {
  Tensor x = call.tensor(0);
  call.give(hardmaxOver(call, x, frontAxis(call.integer("axis", -1), x.rank())));
}

/// How many elements come before each one in order is its place in it; the k-th is the one whose place is k. NaN counts as
/// largest.
void topK(Call &call) {
  Tensor x = call.tensor(0);
  int64_t axis = frontAxis(call.integer("axis", -1), x.rank()), size = numbersOf({x.dim(axis)}, "an axis")[0];
  int64_t k = call.version < 10 ? call.integer("k", 1) : call.integer(1, "k");
  constexpr int64_t most = 4096;
  if (k < 1 || k > size || size > most) call.unsupported("it takes " + std::to_string(k) + " of " + std::to_string(size) + " elements: 1 to all of up to " + std::to_string(most) + " are supported");
  if (x.dtype() == i64) call.unsupported("it sorts int64 elements, which is not supported yet");
  DType dtype = x.dtype();
  Tensor row = toLast(isFloat(dtype) ? x : cast(x, f64), axis);
  Shape across = row.shape(), down = row.shape();
  across.insert(across.end() - 1, Dim(1)), down.push_back(1);
  auto rank = (int64_t)down.size();
  auto number = [](const Tensor &condition) { return cast(condition, i32); };
  Tensor other = reshape(row, across), own = reshape(row, down); // [.., i, j]: is x[j] before x[i]?
  Tensor ahead = call.integer("largest", 1) ? own < other : other < own;
  Tensor otherNan = not_equal(other, other), ownNan = not_equal(own, own), earlier = iota(call, size, i64, rank - 1, rank) < iota(call, size, i64, rank - 2, rank);
  Tensor nanAhead = call.integer("largest", 1) ? number(otherNan) - number(ownNan) : number(ownNan) - number(otherNan);
  Tensor same = number(equal(own, other)) + number(otherNan) * number(ownNan);
  Tensor before = 0 < maximum(nanAhead, 0) + number(ahead) + same * number(earlier);
  Tensor place = cast(sum(cast(before, f64), -1), i64); // (.., n)
  Tensor hit = equal(reshape(place, across), iota(call, k, i64, rank - 2, rank)); // [.., k, i]
  Tensor values = fromLast(sum(where(hit, other, 0), -1), axis);
  call.give(isFloat(dtype) ? values : cast(values, dtype));
  if (call.wants(1)) call.give(fromLast(cast(sum(where(hit, iota(call, size, f64, rank - 1, rank), 0.0), -1), i64), axis), 1);
}

void globalAverage(Call &call) {
  Tensor x = call.tensor(0);
  std::vector<int64_t> axes;
  for (int64_t d = 2; d < x.rank(); ++d) axes.push_back(d);
  call.give(mean(x, listed(axes), true));
}
void globalMax(Call &call) {
  Tensor x = call.tensor(0);
  std::vector<int64_t> axes;
  for (int64_t d = 2; d < x.rank(); ++d) axes.push_back(d);
  call.give(max(x, listed(axes), true));
}

} // namespace

void addReductions(Registry &registry) {
  registry.add("ReduceSum", {1, 11, 13}, since13<sumOf>);
  registry.add("ReduceMean", {1, 11, 13, 18}, since18<meanOf>);
  registry.add("ReduceMax", {1, 11, 12, 13, 18, 20}, since18<maxOf>);
  registry.add("ReduceMin", {1, 11, 12, 13, 18, 20}, since18<minOf>);
  registry.add("ReduceSumSquare", {1, 11, 13, 18}, since18<sumSquare>);
  registry.add("ReduceL1", {1, 11, 13, 18}, since18<norm1>);
  registry.add("ReduceL2", {1, 11, 13, 18}, since18<norm2>);
  registry.add("ReduceLogSum", {1, 11, 13, 18, 28}, since18<logSum>);
  registry.add("ReduceLogSumExp", {1, 11, 13, 18, 28}, since18<logSumExp>);
  registry.add("ArgMax", {1, 11, 12, 13}, argMax);
  registry.add("ArgMin", {1, 11, 12, 13}, argMin);
  registry.add("CumSum", {11, 14}, cumSum);
  registry.add("Softmax", {1, 11}, flattened<softmaxOver>);
  registry.add("Softmax", {13}, along<softmaxOver>);
  registry.add("LogSoftmax", {1, 11}, flattened<logSoftmaxOver>);
  registry.add("LogSoftmax", {13}, along<logSoftmaxOver>);
  registry.add("Hardmax", {13}, hardmax);
  registry.add("TopK", {1, 10, 11, 24}, topK);
  registry.add("GlobalAveragePool", {1, 22}, globalAverage);
  registry.add("GlobalMaxPool", {1, 22}, globalMax);
}

} // namespace fovea::onnx
