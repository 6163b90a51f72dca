// Look-ups by index, triangles, padding, dropout.
#include "lib/onnx/Compositions.h"
#include "lib/onnx/Registry.h"

#include <algorithm>

namespace fovea::onnx {
namespace {

/// Indices from the end made ones from the front.
Tensor fromFront(const Tensor &indices, const Dim &size, Call &call) {
  Tensor wide = indices.dtype() == i64 ? indices : cast(indices, i64);
  if (!size.constant()) call.unsupported("it looks up along an axis of open size");
  return where(wide < 0, wide + (double)*size.constant(), wide);
}

/// Along an axis, at few indices that are known: slices.
Tensor gatherKnown(Call &call, const Tensor &x, int64_t axis, const Known &indices) {
  int64_t size = numbersOf({x.dim(axis)}, "a look-up")[0];
  std::vector<Tensor> parts;
  for (const Dim &index : indices.integers) {
    int64_t at = index.constant().value_or(-size - 1), front = at < 0 ? at + size : at;
    if (front < 0 || front >= size)
      call.unsupported("index " + std::to_string(at) + " is outside an axis of " + std::to_string(size));
    parts.push_back(slice(x, axis, front, 1));
  }
  Shape shape = x.shape(), result(shape.begin(), shape.begin() + axis);
  for (int64_t each : indices.shape) result.push_back(each);
  result.insert(result.end(), shape.begin() + axis + 1, shape.end());
  return reshape(concat(parts, axis), result);
}

/// Each index against all positions of the axis: the sum has one term.
Tensor gatherCompared(Call &call, const Tensor &x, int64_t axis) {
  Tensor indices = fromFront(call.tensor(1), x.dim(axis), call), row = toLast(x, axis);
  auto count = indices.rank();
  int64_t size = *x.dim(axis).constant(), others = x.rank() - 1, rank = others + count + 1;
  // (others.., 1.., n) against (1.., indices.., 1)
  Shape across = row.shape(), down(others, Dim(1));
  for (int64_t d = 0; d < count; ++d) across.insert(across.end() - 1, Dim(1)), down.push_back(indices.dim(d));
  down.push_back(1);
  Tensor hit = equal(reshape(indices, down), iota(call, size, i64, rank - 1, rank));
  Tensor result = sum(where(hit, reshape(row, across), 0), -1);
  std::vector<int64_t> order;
  for (int64_t d = 0; d < axis; ++d) order.push_back(d);
  for (int64_t d = 0; d < count; ++d) order.push_back(others + d);
  for (int64_t d = axis; d < others; ++d) order.push_back(d);
  return transpose(result, order);
}

void gather(Call &call) {
  Tensor x = call.tensor(0);
  int64_t axis = frontAxis(call.integer("axis", 0), x.rank());
  constexpr int64_t few = 16;
  if (const Known *known = call.known(1); known && known->count() > 0 && known->count() <= few)
    return call.give(gatherKnown(call, x, axis, *known));
  // Integers that f64 does not hold go by comparison.
  DType dtype = x.dtype();
  if (dtype == i64) return call.give(gatherCompared(call, x, axis));
  if (!isFloat(dtype)) x = cast(x, f64);
  // The axis first, the others as one: a table whose rows are looked up.
  Shape shape = x.shape(), indexShape = call.shape(1);
  std::vector<int64_t> order{axis}, back;
  for (int64_t d = 0; d < x.rank(); ++d)
    if (d != axis) order.push_back(d);
  Dim width = 1;
  for (int64_t d = 0; d < x.rank(); ++d)
    if (d != axis) width = width * shape[(size_t)d];
  Tensor rows = embedding(reshape(transpose(x, order), {shape[(size_t)axis], width}),
                          fromFront(call.tensor(1), shape[(size_t)axis], call));
  Shape apart = indexShape;
  for (int64_t d = 0; d < x.rank(); ++d)
    if (d != axis) apart.push_back(shape[(size_t)d]);
  auto count = (int64_t)indexShape.size();
  for (int64_t d = 0; d < axis; ++d) back.push_back(count + d);
  for (int64_t d = 0; d < count; ++d) back.push_back(d);
  for (int64_t d = axis; d + 1 < x.rank(); ++d) back.push_back(count + d);
  Tensor result = transpose(reshape(rows, apart), back);
  if (dtype == DType::boolean) return call.give(not_equal(result, 0));
  call.give(isFloat(dtype) ? result : cast(result, dtype));
}

/// Each index against all positions of the axis: the sum has one term.
void gatherElements(Call &call) {
  Tensor x = call.tensor(0), indices = call.tensor(1);
  int64_t axis = frontAxis(call.integer("axis", 0), x.rank()), size = numbersOf({x.dim(axis)}, "a look-up")[0];
  bool boolean = x.dtype() == DType::boolean;
  if (boolean) x = cast(x, i32);
  for (int64_t d = 0; d < x.rank(); ++d)
    if (d != axis && x.dim(d) != indices.dim(d)) x = slice(x, d, 0, numbersOf({indices.dim(d)}, "a look-up")[0]);
  Tensor row = toLast(x, axis), wanted = toLast(fromFront(indices, size, call), axis);
  Shape across = row.shape(), down = wanted.shape();
  across.insert(across.end() - 1, Dim(1));
  down.push_back(1);
  int64_t rank = (int64_t)down.size();
  Tensor found = equal(reshape(wanted, down), iota(call, size, i64, rank - 1, rank));
  Tensor result = fromLast(sum(where(found, reshape(row, across), 0), -1), axis);
  call.give(boolean ? not_equal(result, 0) : result);
}

void oneHot(Call &call) {
  Tensor indices = cast(call.tensor(0), i64), values = call.tensor(2);
  std::vector<double> depths = call.numbers(1, "depth");
  if (depths.size() != 1 || !(depths[0] >= 1 && depths[0] <= 1 << 24))
    call.unsupported("depth must be one number of at least 1");
  auto depth = (int64_t)depths[0];
  int64_t rank = indices.rank() + 1, axis = frontAxis(call.integer("axis", -1), rank);
  Shape column = indices.shape();
  column.push_back(1);
  Tensor wanted = reshape(fromFront(indices, depth, call), column);
  Tensor hit = equal(wanted, iota(call, depth, i64, rank - 1, rank));
  call.give(fromLast(where(hit, pick(values, 0, 1), pick(values, 0, 0)), axis));
}

void trilu(Call &call) {
  Tensor x = call.tensor(0);
  if (x.rank() < 2) call.unsupported("its input has rank " + std::to_string(x.rank()) + ", not 2 or more");
  double k = call.has(1) ? (double)call.integer(1, "diagonal") : 0;
  int64_t rank = x.rank();
  std::vector<int64_t> sizes = numbersOf({x.dim(-2), x.dim(-1)}, "a triangle");
  Tensor row = iota(call, sizes[0], i64, rank - 2, rank) + k, column = iota(call, sizes[1], i64, rank - 1, rank);
  call.give(where(call.integer("upper", 1) ? row <= column : column <= row, x, call.scalar(0, x.dtype())));
}

//===-- Padding ---------------------------------------------------------------------------------------------------===//

Tensor filled(Call &call, const Tensor &value, const Tensor &x, int64_t axis, int64_t size) {
  Shape shape = x.shape();
  shape[(size_t)axis] = size;
  return broadcast_to(value.rank() ? reshape(value, {}) : value, shape);
}

/// x from its end to its front.
Tensor reversed(Call &call, const Tensor &x, int64_t axis) {
  constexpr int64_t most = 256;
  int64_t size = *x.dim(axis).constant();
  if (size > most) call.unsupported("more than " + std::to_string(most) + " elements are reflected");
  std::vector<Tensor> parts;
  for (int64_t index = size; index-- > 0;) parts.push_back(slice(x, axis, index, 1));
  return concat(parts, axis);
}

Tensor padded(Call &call, const Tensor &x, int64_t axis, int64_t low, int64_t high, const std::string &mode,
              const std::optional<Tensor> &value) {
  int64_t size = numbersOf({x.dim(axis)}, "padding")[0];
  std::vector<Tensor> parts{x};
  auto add = [&](bool front, const Tensor &part) { parts.insert(front ? parts.begin() : parts.end(), part); };
  for (bool front : {true, false}) {
    int64_t count = front ? low : high;
    if (count <= 0) continue;
    if (mode == "constant") {
      add(front, filled(call, value ? *value : call.scalar(0, x.dtype()), x, axis, count));
    } else if (mode == "edge") {
      Shape shape = x.shape();
      shape[(size_t)axis] = count;
      add(front, broadcast_to(slice(x, axis, front ? 0 : size - 1, 1), shape));
    } else if (mode == "reflect" && count < size) {
      add(front, reversed(call, slice(x, axis, front ? 1 : size - 1 - count, count), axis));
    } else if (mode == "wrap" && count <= size) {
      add(front, slice(x, axis, front ? size - count : 0, count));
    } else {
      call.unsupported("padding of " + std::to_string(count) + " in mode '" + mode + "' around " +
                       std::to_string(size) + " elements is not supported");
    }
  }
  return concat(parts, axis);
}

void pad(Call &call) {
  Tensor x = call.tensor(0);
  bool inputs = call.version >= 11;
  std::vector<int64_t> pads = inputs ? call.integers(1, "pads") : call.integers("pads"), axes;
  if (inputs && call.has(3)) axes = frontAxes(call.integers(3, "axes"), x.rank());
  if (axes.empty())
    for (int64_t d = 0; d < x.rank(); ++d) axes.push_back(d);
  if (pads.size() != 2 * axes.size())
    call.unsupported("pads has " + std::to_string(pads.size()) + " values for " + std::to_string(axes.size()) +
                     " axes");
  std::optional<Tensor> value;
  if (inputs && call.has(2)) value = call.tensor(2);
  if (!inputs) value = call.scalar(call.number("value", 0), x.dtype());
  for (size_t i = 0; i < axes.size(); ++i) {
    int64_t low = pads[i], high = pads[i + axes.size()], axis = axes[i];
    if (low == 0 && high == 0) continue;
    // Negative padding takes elements away.
    if (low < 0 || high < 0) {
      int64_t size = numbersOf({x.dim(axis)}, "padding")[0], start = std::max<int64_t>(-low, 0),
              rest = size - start - std::max<int64_t>(-high, 0);
      if (start >= size || rest < 1) call.unsupported("negative padding leaves no element");
      x = slice(x, axis, start, rest);
    }
    x = padded(call, x, axis, low, high, call.text("mode", "constant"), value);
  }
  call.give(x);
}

/// In inference it does nothing.
void dropout(Call &call) {
  bool training = call.version >= 12 && call.has(2) && call.integer(2, "training_mode") != 0;
  std::vector<double> ratios{call.version < 12 ? call.number("ratio", 0.5) : training ? 0.5 : 0};
  if (training && call.has(1)) ratios = call.numbers(1, "ratio");
  if (ratios.size() != 1) call.unsupported("ratio must be one number, but are " + std::to_string(ratios.size()));
  if (training && ratios[0] != 0)
    call.unsupported("dropout in training mode draws random numbers, which no other program repeats");
  Tensor x = call.tensor(0);
  call.give(x);
  if (call.wants(1)) call.give(broadcast_to(call.scalar(1, DType::boolean), x.shape()), 1);
}

} // namespace

void addGather(Registry &registry) {
  registry.add("Gather", {1, 11, 13}, gather);
  registry.add("GatherElements", {11, 13}, gatherElements);
  registry.add("OneHot", {9, 11, 28}, oneHot);
  registry.add("Trilu", {14}, trilu);
  registry.add("Pad", {2, 11, 13, 18, 19, 21, 23, 24, 25}, pad);
  registry.add("Dropout", {7, 10, 12, 13, 22}, dropout);
}

} // namespace fovea::onnx
