// Reductions, positions of largest elements, running sums, and softmax.
#include "lib/onnx/Compositions.h"
#include "lib/onnx/Registry.h"

#include <cmath>

namespace fovea::onnx {
namespace {

using Reduction = Tensor (*)(const Tensor &x, const Axes &axes, bool keep);

Tensor sumOf(const Tensor &x, const Axes &axes, bool keep) { return sum(x, axes, keep); }
Tensor productOf(const Tensor &x, const Axes &axes, bool keep) { return prod(x, axes, keep); }
Tensor meanOf(const Tensor &x, const Axes &axes, bool keep) { return mean(x, axes, keep); }
Tensor maxOf(const Tensor &x, const Axes &axes, bool keep) {
  return x.dtype() == DType::boolean ? any(x, axes, keep) : max(x, axes, keep);
}
Tensor minOf(const Tensor &x, const Axes &axes, bool keep) {
  return x.dtype() == DType::boolean ? all(x, axes, keep) : min(x, axes, keep);
}
Tensor sumSquare(const Tensor &x, const Axes &axes, bool keep) { return sum(x * x, axes, keep); }
Tensor norm1(const Tensor &x, const Axes &axes, bool keep) { return sum(abs(x), axes, keep); }
Tensor norm2(const Tensor &x, const Axes &axes, bool keep) { return sqrt(sum(x * x, axes, keep)); }
Tensor logSum(const Tensor &x, const Axes &axes, bool keep) { return log(sum(x, axes, keep)); }
Tensor logSumExp(const Tensor &x, const Axes &axes, bool keep) {
  // Infinite maxima are not subtracted: the sum is right as it is, and nothing becomes NaN.
  auto finite = [](const Tensor &most) { return where(abs(most) < INFINITY, most, 0); };
  return log(sum(exp(x - finite(max(x, axes, true))), axes, keep)) + finite(max(x, axes, keep));
}

template <Reduction function> void reduce(Call &call, int64_t asInput) {
  Tensor x = call.tensor(0);
  std::vector<int64_t> axes = call.version < asInput ? call.integers("axes")
                              : call.has(1)          ? call.integers(1, "axes")
                                                     : std::vector<int64_t>();
  axes = frontAxes(axes, x.rank());
  if (axes.empty() && !call.integer("noop_with_empty_axes", 0))
    for (int64_t d = 0; d < x.rank(); ++d) axes.push_back(d);
  call.give(function(x, listed(axes), call.integer("keepdims", 1) != 0));
}
template <Reduction function> void since13(Call &call) { reduce<function>(call, 13); }
template <Reduction function> void since18(Call &call) { reduce<function>(call, 18); }

/// The last position of the largest element; NaN counts as largest.
Tensor lastLargest(Call &call, const Tensor &x, int64_t axis, bool keep) {
  int64_t size = numbersOf({x.dim(axis)}, "an axis")[0];
  Tensor place = iota(call, size, i64, axis, x.rank()), largest = max(x, axis, true);
  return max(where(logical_or(equal(x, largest), is_nan(x)), place, -1), axis, keep);
}
void argMax(Call &call) {
  Tensor x = call.tensor(0);
  int64_t axis = frontAxis(call.integer("axis", 0), x.rank());
  bool keep = call.integer("keepdims", 1) != 0;
  call.give(call.integer("select_last_index", 0) ? lastLargest(call, x, axis, keep) : argmax(x, axis, keep));
}
void argMin(Call &call) {
  Tensor x = call.tensor(0);
  int64_t axis = frontAxis(call.integer("axis", 0), x.rank());
  bool keep = call.integer("keepdims", 1) != 0;
  call.give(call.integer("select_last_index", 0) ? lastLargest(call, -x, axis, keep) : argmin(x, axis, keep));
}

void cumSum(Call &call) {
  Tensor x = call.tensor(0);
  int64_t axis = frontAxis(call.integer(1, "axis"), x.rank());
  call.give(cumsum(x, axis, {call.integer("exclusive", 0) != 0, call.integer("reverse", 0) != 0}));
}

using Along = Tensor (*)(Call &, const Tensor &, int64_t axis);
Tensor softmaxOver(Call &, const Tensor &x, int64_t axis) { return softmax(x, axis); }
Tensor logSoftmaxOver(Call &, const Tensor &x, int64_t axis) { return log_softmax(x, axis); }
/// 1 at the first largest element along the axis, else 0.
Tensor hardmaxOver(Call &call, const Tensor &x, int64_t axis) {
  Tensor place = iota(call, numbersOf({x.dim(axis)}, "an axis")[0], i64, axis, x.rank());
  return cast(equal(place, argmax(x, axis, true)), x.dtype());
}
template <Along function> void along(Call &call) {
  Tensor x = call.tensor(0);
  call.give(function(call, x, frontAxis(call.integer("axis", -1), x.rank())));
}
/// Before opset 13 all axes from the named one on are one.
template <Along function> void flattened(Call &call) {
  Tensor x = call.tensor(0);
  Shape shape = x.shape();
  int64_t axis = frontAxis(call.integer("axis", 1), x.rank());
  Dim outer = 1, inner = 1;
  for (int64_t d = 0; d < (int64_t)shape.size(); ++d)
    (d < axis ? outer : inner) = (d < axis ? outer : inner) * shape[(size_t)d];
  call.give(reshape(function(call, reshape(x, {outer, inner}), 1), shape));
}

/// How many elements come before each one in order is its place in it; the k-th is the one whose place is k. NaN counts
/// as largest.
void topK(Call &call) {
  Tensor x = call.tensor(0);
  int64_t axis = frontAxis(call.integer("axis", -1), x.rank()), size = numbersOf({x.dim(axis)}, "an axis")[0];
  int64_t k = call.version < 10 ? call.integer("k", 1) : call.integer(1, "k");
  if (k < 1 || k > size)
    call.unsupported("it takes " + std::to_string(k) + " of " + std::to_string(size) + " elements: at least 1 of them");
  Sorted top = top_k(x, k, axis, call.integer("largest", 1) != 0);
  call.give(top.values);
  if (call.wants(1)) call.give(top.indices, 1);
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
  registry.add("ReduceProd", {1, 11, 13, 18}, since18<productOf>);
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
  registry.add("Hardmax", {1, 11}, flattened<hardmaxOver>);
  registry.add("Hardmax", {13}, along<hardmaxOver>);
  registry.add("TopK", {1, 10, 11, 24}, topK);
  registry.add("GlobalAveragePool", {1, 22}, globalAverage);
  registry.add("GlobalMaxPool", {1, 22}, globalMax);
}

} // namespace fovea::onnx
