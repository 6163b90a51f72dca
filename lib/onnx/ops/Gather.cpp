// Look-ups and updates by index, triangles, padding, dropout.
#include "lib/onnx/Compositions.h"
#include "lib/onnx/Registry.h"

#include <algorithm>
#include <map>

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

void gather(Call &call) {
  Tensor x = call.tensor(0);
  int64_t axis = frontAxis(call.integer("axis", 0), x.rank());
  constexpr int64_t few = 16;
  if (const Known *known = call.known(1); known && known->count() > 0 && known->count() <= few)
    return call.give(gatherKnown(call, x, axis, *known));
  call.give(fovea::gather(x, fromFront(call.tensor(1), x.dim(axis), call), axis));
}

/// x without what lies beyond the indices in the other dimensions.
Tensor withinIndices(Tensor x, const Tensor &indices, int64_t axis) {
  if (x.rank() != indices.rank()) throw Unsupported{"the indices have another rank than the data"};
  for (int64_t d = 0; d < x.rank(); ++d)
    if (d != axis && x.dim(d) != indices.dim(d)) x = slice(x, d, 0, numbersOf({indices.dim(d)}, "a look-up")[0]);
  return x;
}

void gatherElements(Call &call) {
  Tensor x = call.tensor(0), indices = call.tensor(1);
  int64_t axis = frontAxis(call.integer("axis", 0), x.rank());
  Tensor places = fromFront(indices, x.dim(axis), call);
  call.give(gather_elements(withinIndices(x, indices, axis), places, axis));
}

/// Coordinates in the last dimension, each from the front.
Tensor coordinatesFromFront(Call &call, const Tensor &indices, const Shape &shape, size_t batch) {
  int64_t count = numbersOf({indices.dim(-1)}, "the number of coordinates")[0];
  if (batch + (size_t)count > shape.size()) call.unsupported("the indices have more coordinates than the data");
  Known sizes{Element::i64, {count}, {}, {}};
  for (int64_t size : numbersOf({shape.begin() + (int64_t)batch, shape.begin() + (int64_t)batch + count}, "a look-up"))
    sizes.integers.push_back(size);
  Tensor wide = indices.dtype() == i64 ? indices : cast(indices, i64);
  return where(wide < 0, wide + call.constant(sizes), wide);
}

void gatherNd(Call &call) {
  Tensor x = call.tensor(0);
  int64_t batch = call.integer("batch_dims", 0);
  if (batch < 0 || batch > x.rank()) call.unsupported("batch_dims is " + std::to_string(batch));
  call.give(gather_nd(x, coordinatesFromFront(call, call.tensor(1), x.shape(), (size_t)batch), batch));
}

//===-- Updates ---------------------------------------------------------------------------------------------------===//

Scatter reductionOf(Call &call) {
  std::string name = call.text("reduction", "none");
  static const std::map<std::string, Scatter> known = {{"none", Scatter::assign},
                                                       {"add", Scatter::add},
                                                       {"mul", Scatter::multiply},
                                                       {"max", Scatter::maximum},
                                                       {"min", Scatter::minimum}};
  auto found = known.find(name);
  if (found == known.end()) call.unsupported("reduction is '" + name + "'");
  return found->second;
}

void scatterElements(Call &call) {
  Tensor x = call.tensor(0), indices = call.tensor(1);
  int64_t axis = frontAxis(call.integer("axis", 0), x.rank());
  Tensor places = fromFront(indices, x.dim(axis), call), inside = withinIndices(x, indices, axis);
  Tensor result = scatter_elements(inside, places, call.tensor(2), axis, reductionOf(call));
  // What lies beyond the indices stays.
  for (int64_t d = 0; d < x.rank(); ++d) {
    if (result.dim(d) == x.dim(d)) continue;
    int64_t part = *result.dim(d).constant(), whole = numbersOf({x.dim(d)}, "an update")[0];
    Tensor rest = slice(x, d, part, whole - part);
    for (int64_t e = d + 1; e < x.rank(); ++e)
      if (result.dim(e) != rest.dim(e)) rest = slice(rest, e, 0, *result.dim(e).constant());
    result = concat({result, rest}, d);
  }
  call.give(result);
}

void scatterNd(Call &call) {
  Tensor x = call.tensor(0);
  call.give(
      scatter_nd(x, coordinatesFromFront(call, call.tensor(1), x.shape(), 0), call.tensor(2), 0, reductionOf(call)));
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
  int64_t k = call.has(1) ? call.integer(1, "diagonal") : 0;
  Shape shape = call.shape(0);
  for (size_t d = shape.size() < 2 ? 0 : shape.size() - 2; d < shape.size(); ++d)
    checkTable(call, shape[d].constant().value_or(1));
  call.give(call.integer("upper", 1) ? triu(call.tensor(0), k) : tril(call.tensor(0), k));
}

//===-- Padding ---------------------------------------------------------------------------------------------------===//

/// A value that is computed goes where there is no element.
Tensor paddedWith(const Tensor &x, int64_t axis, int64_t low, int64_t high, const Tensor &value) {
  std::vector<Tensor> parts{x};
  for (bool front : {true, false}) {
    Shape shape = x.shape();
    shape[(size_t)axis] = front ? low : high;
    if (front ? low : high)
      parts.insert(front ? parts.begin() : parts.end(), broadcast_to(value.rank() ? reshape(value, {}) : value, shape));
  }
  return concat(parts, axis);
}

PadMode padModeOf(Call &call) {
  std::string mode = call.text("mode", "constant");
  static const std::map<std::string, PadMode> known = {
      {"constant", PadMode::constant}, {"reflect", PadMode::reflect}, {"edge", PadMode::edge}, {"wrap", PadMode::wrap}};
  auto found = known.find(mode);
  if (found == known.end()) call.unsupported("mode is '" + mode + "'");
  return found->second;
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
  PadMode mode = padModeOf(call);
  std::optional<Tensor> value;
  double number = inputs ? 0 : call.number("value", 0);
  if (inputs && call.has(2)) value = call.tensor(2);
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
    low = std::max<int64_t>(low, 0), high = std::max<int64_t>(high, 0);
    x = value && mode == PadMode::constant ? paddedWith(x, axis, low, high, *value)
                                           : fovea::pad(x, axis, low, high, mode, number);
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
  registry.add("GatherND", {11, 12, 13}, gatherNd);
  registry.add("Scatter", {9, 11}, scatterElements);
  registry.add("ScatterElements", {11, 13, 16, 18}, scatterElements);
  registry.add("ScatterND", {11, 13, 16, 18}, scatterNd);
  registry.add("OneHot", {9, 11, 28}, oneHot);
  registry.add("Trilu", {14}, trilu);
  registry.add("Pad", {2, 11, 13, 18, 19, 21, 23, 24, 25}, pad);
  registry.add("Dropout", {7, 10, 12, 13, 22}, dropout);
}

} // namespace fovea::onnx
