// Random graphs' views, look-ups, updates and sorting.
#include "test/ops/Draw.h"
#include "test/ops/Naive.h"

#include <cmath>

namespace fovea::ops {

namespace {

using Known = Draw::Known;
bool anything(const Known &) { return true; }
bool hasAxis(const Known &x) { return !x.axes().empty(); }

/// A rule for an op on any value with an axis of constant size, whose attributes `numbers` draws.
Rule view(const std::string &name, bool (*wanted)(const Known &), std::function<Shape(Draw &, const Known &)> numbers) {
  Rule rule{name};
  rule.exact = true;
  rule.draw = [=](Draw &draw) -> std::optional<Node> {
    Known x = draw.get(wanted, draw.shape(draw.between(2, 4)));
    if (!wanted(x)) return std::nullopt;
    Node node;
    node.inputs = {x.use};
    node.kind = x.kind;
    node.numbers = numbers(draw, x);
    return node;
  };
  return rule;
}

Rule broadcast() {
  Rule rule{"broadcast"};
  rule.exact = true;
  rule.draw = [](Draw &draw) -> std::optional<Node> {
    Known x = draw.get([](const Known &x) { return x.rank() < 4 || llvm::is_contained(x.shape, 1); },
                       draw.shape(draw.between(0, 3)));
    Node node;
    node.inputs = {x.use};
    node.kind = x.kind;
    node.shape = x.shape;
    for (int64_t &size : node.shape)
      if (size == 1 && draw.chance(0.7)) size = draw.size();
    while (node.shape.size() < 4 && draw.chance(0.4))
      node.shape.insert(node.shape.begin(), draw.batched() && draw.chance(0.5) ? batch : draw.size());
    return node;
  };
  rule.evaluate = [](const Node &, const Arrays &a, const Shape &shape) {
    return Arrays{reference::broadcast_to(a[0], shape)};
  };
  rule.build = [](const Node &node, const Build &build, Values v) {
    return SmallVector<Value>{build.make<BroadcastOp>(build.type(node.shape, typeOf(v[0]).getElementType()), v[0])};
  };
  return rule;
}

/// Joins neighbouring sizes, splits them into factors, adds and drops ones. B stays first.
Rule reshape() {
  Rule rule{"reshape"};
  rule.exact = true;
  rule.draw = [](Draw &draw) -> std::optional<Node> {
    Known x = draw.get(anything, draw.shape(draw.between(1, 4)));
    Node node;
    node.inputs = {x.use};
    node.kind = x.kind;
    for (int64_t size : x.shape) {
      bool joins = !node.shape.empty() && node.shape.back() != batch && size != batch && draw.chance(0.4);
      if (joins) {
        node.shape.back() *= size;
        continue;
      }
      if (size == 1 && draw.chance(0.3)) continue;
      int64_t factor = size > 3 && draw.chance(0.5) ? draw.any<int64_t>({2, 3, 5, 7}) : 1;
      if (size > factor && factor > 1 && size % factor == 0) node.shape.push_back(factor), size /= factor;
      node.shape.push_back(size);
    }
    if (draw.chance(0.2) && node.shape.size() < 4) node.shape.push_back(1);
    return node;
  };
  rule.evaluate = [](const Node &, const Arrays &a, const Shape &shape) {
    return Arrays{reference::reshape(a[0], shape)};
  };
  rule.build = [](const Node &node, const Build &build, Values v) {
    return SmallVector<Value>{build.make<ReshapeOp>(build.type(node.shape, typeOf(v[0]).getElementType()), v[0])};
  };
  return rule;
}

Rule transpose() {
  Rule rule = view(
      "transpose", [](const Known &x) { return x.rank() >= 2; },
      [](Draw &draw, const Known &x) {
        Shape order;
        for (int64_t axis = 0; axis < x.rank(); ++axis) order.push_back(axis);
        int64_t first = x.shape[0] == batch;
        for (int64_t at = x.rank() - 1; at > first; --at) std::swap(order[at], order[draw.between(first, at)]);
        return order;
      });
  rule.evaluate = [](const Node &node, const Arrays &a, const Shape &) {
    return Arrays{reference::transpose(a[0], node.numbers)};
  };
  rule.build = [](const Node &node, const Build &build, Values v) {
    return SmallVector<Value>{build.make<TransposeOp>(v[0], node.numbers)};
  };
  return rule;
}

Rule slice() {
  Rule rule = view("slice", hasAxis, [](Draw &draw, const Known &x) {
    int64_t axis = draw.any(x.axes()), start = draw.between(0, x.shape[axis] - 1), step = draw.between(1, 3),
            most = (x.shape[axis] - 1 - start) / step + 1;
    return Shape{axis, start, draw.chance(0.5) ? most : draw.between(1, most), step};
  });
  rule.evaluate = [](const Node &node, const Arrays &a, const Shape &) {
    Shape starts(a[0].rank()), sizes = a[0].shape, steps(a[0].rank(), 1);
    int64_t axis = node.numbers[0];
    starts.at(axis) = node.numbers[1], sizes[axis] = node.numbers[2], steps[axis] = node.numbers[3];
    return Arrays{reference::slice(a[0], starts, sizes, steps)};
  };
  rule.build = [](const Node &node, const Build &build, Values v) {
    const Shape &n = node.numbers;
    return SmallVector<Value>{build.make<SliceOp>(v[0], n[0], n[1], n[2], n[3])};
  };
  return rule;
}

/// The padding is in eighths, so that numbers can tell it.
Rule pad() {
  Rule rule = view("pad", hasAxis, [](Draw &draw, const Known &x) {
    int64_t value = draw.chance(0.5) ? 0 : x.real() ? draw.between(-16, 16) : x.whole() ? 8 * draw.between(-3, 3) : 8;
    return Shape{draw.any(x.axes()), draw.between(0, 2), draw.between(0, 2), draw.chance(0.7) ? 1 : draw.between(2, 3),
                 value};
  });
  rule.evaluate = [](const Node &node, const Arrays &a, const Shape &) {
    const Shape &n = node.numbers;
    Shape shape = a[0].shape;
    shape[n[0]] = n[1] + (shape[n[0]] - 1) * n[3] + 1 + n[2];
    Array result(shape, (double)n[4] / 8);
    reference::for_each_index(a[0].shape, [&](Shape index) {
      double value = a[0].at(index);
      index[n[0]] = n[1] + index[n[0]] * n[3];
      result.at(index) = value;
    });
    return Arrays{result};
  };
  rule.build = [](const Node &node, const Build &build, Values v) {
    const Shape &n = node.numbers;
    return SmallVector<Value>{build.make<PadOp>(v[0], n[0], n[1], n[2], n[3], llvm::APFloat((double)n[4] / 8))};
  };
  return rule;
}

Rule concat() {
  Rule rule{"concat"};
  rule.exact = true;
  rule.draw = [](Draw &draw) -> std::optional<Node> {
    Known x = draw.get(hasAxis, draw.shape(draw.between(2, 4)));
    if (!hasAxis(x)) return std::nullopt;
    int64_t axis = draw.any(x.axes());
    Node node;
    node.kind = x.kind;
    node.numbers = {axis};
    node.inputs = {x.use};
    auto fits = [&](const Known &y) {
      if (y.kind != x.kind || y.rank() != x.rank() || y.shape[axis] == batch) return false;
      Shape other = y.shape;
      other[axis] = x.shape[axis];
      return other == x.shape;
    };
    while (node.inputs.size() < 3 && (node.inputs.size() < 2 || draw.chance(0.3))) {
      Shape other = x.shape;
      other[axis] = draw.size();
      Use use = draw.get(fits, other, x.kind).use;
      node.inputs.insert(node.inputs.begin() + draw.between(0, node.inputs.size()), use);
    }
    return node;
  };
  rule.evaluate = [](const Node &node, const Arrays &a, const Shape &) {
    return Arrays{reference::concat(a, node.numbers[0])};
  };
  rule.build = [](const Node &node, const Build &build, Values v) {
    return SmallVector<Value>{build.make<ConcatOp>(mlir::ValueRange(v), node.numbers[0])};
  };
  return rule;
}

PanelsAttr panels(const Node &node, const Build &build) {
  return PanelsAttr::get(build.builder.getContext(), node.numbers[0], node.numbers[1]);
}

/// Only into full panels: nothing says what fills up others.
Rule pack() {
  Rule rule = view(
      "pack", [](const Known &x) { return hasAxis(x) && x.number() && x.shape[0] != batch; },
      [](Draw &draw, const Known &x) {
        int64_t axis = draw.any(x.axes()), size = draw.between(1, 6);
        return Shape{axis, x.shape[axis] % size ? x.shape[axis] : size};
      });
  rule.evaluate = [](const Node &node, const Arrays &a, const Shape &) {
    return Arrays{packed(a[0], node.numbers[0], node.numbers[1])};
  };
  rule.build = [](const Node &node, const Build &build, Values v) {
    return SmallVector<Value>{build.make<PackOp>(v[0], panels(node, build))};
  };
  return rule;
}

/// Only from full panels: what fills up others has no gradient.
Rule unpack() {
  Rule rule{"unpack"};
  rule.exact = true;
  rule.draw = [](Draw &draw) -> std::optional<Node> {
    Known x = draw.get([](const Known &x) { return x.number() && x.rank() >= 2 && x.shape[0] != batch; },
                       draw.shape(draw.between(2, 4)));
    if (x.shape[0] == batch || x.rank() < 2) return std::nullopt;
    Node node;
    node.inputs = {x.use};
    node.kind = x.kind;
    int64_t axis = draw.between(0, x.rank() - 2), size = x.shape.back();
    node.numbers = {axis, size};
    node.shape.assign(x.shape.begin() + 1, x.shape.end() - 1);
    node.shape.insert(node.shape.begin() + axis, x.shape[0] * size);
    return node;
  };
  rule.evaluate = [](const Node &node, const Arrays &a, const Shape &shape) {
    Array result(shape);
    int64_t axis = node.numbers[0], size = node.numbers[1];
    reference::for_each_index(shape, [&](const Shape &index) {
      Shape place = index;
      place.erase(place.begin() + axis);
      place.insert(place.begin(), index[axis] / size);
      place.push_back(index[axis] % size);
      result.at(index) = a[0].at(place);
    });
    return Arrays{result};
  };
  rule.build = [](const Node &node, const Build &build, Values v) {
    RankedTensorType type = build.type(node.shape, typeOf(v[0]).getElementType());
    return SmallVector<Value>{build.make<UnpackOp>(type, v[0], panels(node, build))};
  };
  return rule;
}

//===-- By index --------------------------------------------------------------------------------------------------===//

/// Where a gather or scatter looks, and the shape of what is there.
struct Places {
  Known x;
  int64_t axis, common;
  std::vector<Use> indices;
  Shape shape;
};

std::optional<Places> drawPlaces(Draw &draw, bool outside, bool distinct) {
  Known x = draw.get(hasAxis, draw.shape(draw.between(2, 3)));
  if (!hasAxis(x)) return std::nullopt;
  Places places{x, draw.any(x.axes()), 0, {}, {}};
  int64_t count = !distinct && places.axis + 1 < x.rank() && draw.chance(0.2) ? 2 : 1, size = x.shape[places.axis];
  if (!distinct && places.axis) places.common = draw.chance(0.4);
  Shape own = draw.shape(draw.between(distinct, 2));
  if (llvm::is_contained(own, batch)) own[0] = 3;
  if (distinct) own = {draw.between(1, size)};
  Shape shape(x.shape.begin(), x.shape.begin() + places.common);
  shape.insert(shape.end(), own.begin(), own.end());
  for (int64_t d = 0; d < count; ++d) {
    int64_t size = x.shape[places.axis + d];
    Fill fill = outside ? whole(-1, size + 1) : whole(0, size);
    int64_t first = draw.between(0, size - 1);
    if (distinct) fill = [=](int64_t at, double) { return (at + first) % size; };
    auto wanted = [&](const Known &i) {
      return !distinct && i.whole() && i.shape == shape && i.least() >= (outside ? -1 : 0) &&
             i.largest() <= (outside ? size : size - 1);
    };
    places.indices.push_back(draw.get(wanted, shape, draw.any<Kind>({Kind::i32, Kind::i64}), fill).use);
  }
  places.shape.assign(x.shape.begin(), x.shape.begin() + places.axis);
  places.shape.insert(places.shape.end(), own.begin(), own.end());
  places.shape.insert(places.shape.end(), x.shape.begin() + places.axis + count, x.shape.end());
  return places;
}

Rule gather() {
  Rule rule{"gather"};
  rule.exact = true;
  rule.draw = [](Draw &draw) -> std::optional<Node> {
    bool outside = draw.chance(0.3);
    auto places = drawPlaces(draw, outside, false);
    if (!places) return std::nullopt;
    Node node;
    node.inputs = {places->x.use};
    node.inputs.insert(node.inputs.end(), places->indices.begin(), places->indices.end());
    node.kind = places->x.kind;
    node.numbers = {places->axis, places->common, outside};
    return node;
  };
  rule.evaluate = [](const Node &node, const Arrays &a, const Shape &) {
    double outside = node.kind == Kind::real && !node.numbers[2] ? NAN : 0;
    return Arrays{gathered(a, node.numbers[0], node.numbers[1], outside)};
  };
  rule.build = [](const Node &node, const Build &build, Values v) {
    const Shape &n = node.numbers;
    return SmallVector<Value>{build.make<GatherOp>(v[0], mlir::ValueRange(v.drop_front()), n[0], n[1], n[2] != 0)};
  };
  return rule;
}

Combine combineOf(const std::string &word) {
  if (word == "add") return [](double old, double update) { return old + update; };
  if (word == "multiply") return [](double old, double update) { return old * update; };
  if (word == "maximum") return [](double old, double update) { return std::max(old, update); };
  if (word == "minimum") return [](double old, double update) { return std::min(old, update); };
  return [](double, double update) { return update; };
}

Rule scatter() {
  Rule rule{"scatter"};
  rule.exact = rule.sums = true;
  rule.draw = [](Draw &draw) -> std::optional<Node> {
    Node node;
    node.word = draw.any<std::string>({"assign", "add"});
    if (!draw.gradient() && draw.chance(0.5)) node.word = draw.any<std::string>({"multiply", "maximum", "minimum"});
    auto places = drawPlaces(draw, draw.chance(0.3), draw.gradient() && node.word == "assign");
    if (!places || places->x.kind == Kind::boolean) return std::nullopt;
    auto wanted = [&](const Known &y) { return y.kind == places->x.kind && y.shape == places->shape; };
    Known updates = draw.get(wanted, places->shape, places->x.kind);
    node.inputs = {places->x.use};
    node.inputs.insert(node.inputs.end(), places->indices.begin(), places->indices.end());
    node.inputs.push_back(updates.use);
    node.kind = places->x.kind;
    node.numbers = {places->axis, places->common};
    return node;
  };
  rule.evaluate = [](const Node &node, const Arrays &a, const Shape &) {
    Arrays look(a.begin(), a.end() - 1);
    if (gathered(look, node.numbers[0], node.numbers[1], 0).shape != a.back().shape)
      throw std::invalid_argument("scatter: the updates have another shape");
    return Arrays{scattered(a, node.numbers[0], node.numbers[1], combineOf(node.word))};
  };
  rule.build = [](const Node &node, const Build &build, Values v) {
    mlir::ValueRange indices(v.drop_front().drop_back());
    return SmallVector<Value>{build.make<ScatterOp>(v[0].getType(), v[0], indices, v.back(), node.numbers[0],
                                                    node.numbers[1], StringRef(node.word))};
  };
  return rule;
}

Rule oneHot() {
  Rule rule{"one_hot"};
  rule.exact = true;
  rule.draw = [](Draw &draw) -> std::optional<Node> {
    Known indices = draw.get([](const Known &x) { return x.whole() && x.rank() < 4; }, draw.shape(draw.between(0, 3)),
                             Kind::i32, whole(-1, 6));
    Node node;
    node.inputs = {indices.use};
    node.kind = draw.any<Kind>({Kind::real, Kind::real, Kind::i64});
    node.shape = indices.shape;
    node.shape.push_back(draw.size());
    return node;
  };
  rule.evaluate = [](const Node &, const Arrays &a, const Shape &shape) {
    Array hot(shape);
    for (int64_t at = 0; at < hot.size(); ++at)
      hot.values[at] = a[0].values.at(at / shape.back()) == (double)(at % shape.back());
    return Arrays{hot};
  };
  rule.build = [](const Node &node, const Build &build, Values v) {
    mlir::Type element = node.kind == Kind::real ? build.real : build.builder.getI64Type();
    return SmallVector<Value>{build.make<OneHotOp>(build.type(node.shape, element), v[0])};
  };
  return rule;
}

/// The indices jump, and near ties the values' gradient does.
Rule sort() {
  Rule rule = view(
      "sort", [](const Known &x) { return x.number() && hasAxis(x) && x.shape.back() != batch; },
      [](Draw &draw, const Known &x) {
        if (draw.gradient() && x.smallestGap() < 1e-3) throw std::invalid_argument("sort: there are ties");
        return Shape{draw.chance(0.5)};
      });
  rule.jumps = 1;
  rule.others = Kind::i64;
  rule.evaluate = [](const Node &node, const Arrays &a, const Shape &) {
    Array places = order(a[0], node.numbers[0]);
    return Arrays{inOrder(a[0], places), places};
  };
  rule.build = [](const Node &node, const Build &build, Values v) {
    auto op = build.op<SortOp>(v[0], node.numbers[0] != 0);
    return SmallVector<Value>{op.getResult(), op.getIndices()};
  };
  return rule;
}

} // namespace

std::vector<Rule> viewRules() {
  return {broadcast(), reshape(), transpose(), slice(),   pad(),    concat(),
          pack(),      unpack(),  gather(),    scatter(), oneHot(), sort()};
}

} // namespace fovea::ops
