// Random graphs' elementwise ops and reductions.
#include "test/ops/Draw.h"
#include "test/ops/Naive.h"

#include <cmath>

namespace fovea::ops {

namespace {

using Known = Draw::Known;
bool anything(const Known &) { return true; }

//===-- Of one operand --------------------------------------------------------------------------------------------===//

struct Domain {
  double least = -64, most = 64;
  bool integers = false, exact = false;
};

template <typename Op> Rule unary(const std::string &name, double (*function)(double), Domain domain = {}) {
  Rule rule{name};
  rule.draw = [=](Draw &draw) -> std::optional<Node> {
    Known x = draw.get(
        [=](const Known &x) {
          return (x.real() || (domain.integers && x.whole())) && (x.exact || !domain.exact) &&
                 x.least() >= domain.least && x.largest() <= domain.most;
        },
        draw.shape(draw.between(0, 4)), Kind::real, uniform(std::max(domain.least, -2.0), std::min(domain.most, 2.0)));
    Node node;
    node.inputs = {x.use};
    node.kind = x.kind;
    return node;
  };
  rule.evaluate = [=](const Node &, const Arrays &a, const Shape &) {
    return Arrays{reference::unary(a[0], function)};
  };
  rule.build = [](const Node &, const Build &build, Values v) { return SmallVector<Value>{build.make<Op>(v[0])}; };
  return rule;
}

/// Far below zero, of 1 plus nearly -1.
Rule cancelling(Rule rule) {
  rule.leastScale = 1;
  return rule;
}

Rule exact(Rule rule, size_t jumps = SIZE_MAX) {
  rule.exact = true;
  rule.jumps = jumps;
  return rule;
}

std::vector<Rule> unaryRules() {
  Domain numbers{.integers = true}, steep{.least = -64, .most = 4}, apart{.exact = true};
  return {
      exact(unary<NegOp>(
          "neg", [](double x) { return -x; }, numbers)),
      exact(unary<AbsOp>(
          "abs", [](double x) { return std::abs(x); }, numbers)),
      exact(unary<FloorOp>(
                "floor", [](double x) { return std::floor(x); }, apart),
            0),
      exact(unary<RoundOp>(
                "round", [](double x) { return std::nearbyint(x); }, apart),
            0),
      unary<ExpOp>(
          "exp", [](double x) { return std::exp(x); }, steep),
      unary<LogOp>("log", [](double x) { return std::log(x); }, {.least = 0.05}),
      unary<SqrtOp>("sqrt", [](double x) { return std::sqrt(x); }, {.least = 0.05}),
      unary<SinOp>("sin", [](double x) { return std::sin(x); }),
      unary<CosOp>("cos", [](double x) { return std::cos(x); }),
      unary<TanhOp>("tanh", [](double x) { return std::tanh(x); }),
      unary<ErfOp>("erf", [](double x) { return std::erf(x); }),
      unary<SigmoidOp>("sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }),
      exact(unary<ReluOp>("relu", [](double x) { return std::max(x, 0.0); })),
      cancelling(unary<GeluOp>("gelu", reference::gelu)),
      cancelling(unary<GeluSlopeOp>(
          "gelu_slope",
          [](double x) { return std::erfc(-x * M_SQRT1_2) / 2 + x * std::exp(-x * x / 2) / std::sqrt(2 * M_PI); })),
      cancelling(unary<GeluTanhOp>(
          "gelu_tanh",
          [](double x) { return x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))) / 2; })),
      unary<SoftplusOp>("softplus", [](double x) { return std::log1p(std::exp(x)); }),
  };
}

//===-- Of several, which broadcast -------------------------------------------------------------------------------===//

bool broadcasts(const Shape &a, const Shape &b) {
  for (size_t i = 1; i <= std::min(a.size(), b.size()); ++i) {
    int64_t x = a[a.size() - i], y = b[b.size() - i];
    if (x != y && x != 1 && y != 1) return false;
  }
  return true;
}
/// A shape that broadcasts with this one: without some leading sizes, and 1 in place of others.
Shape broadcastable(Draw &draw, const Shape &shape) {
  Shape result(shape.begin() + (draw.chance(0.5) ? 0 : draw.between(0, shape.size())), shape.end());
  for (int64_t &size : result)
    if (draw.chance(0.2)) size = 1;
  return result;
}

struct Second {
  bool reals = true;
  Fill fill = uniform(-2, 2);
  double least = -64, most = 64, apart = 0; // of the second operand; its smallest size
  double first = -64;                       // the least of the first
  bool integers = true, exact = false;
};

std::optional<std::vector<Known>> drawPair(Draw &draw, const Second &second) {
  Known a = draw.get(
      [&](const Known &x) {
        return ((x.real() && second.reals) || (second.integers && x.whole())) && (!second.exact || x.exact) &&
               (!x.real() || x.least() >= second.first);
      },
      draw.shape(draw.between(0, 4)), second.reals ? Kind::real : Kind::i32,
      second.reals ? uniform(std::max(second.first, -2.0), 2) : whole(-9, 10));
  std::optional<Fill> fill;
  if (a.real()) fill = second.fill;
  Known b = draw.get(
      [&](const Known &x) {
        return x.kind == a.kind && broadcasts(a.shape, x.shape) && (!second.exact || x.exact) &&
               x.smallestSize() >= second.apart &&
               (!x.real() || (x.least() >= second.least && x.largest() <= second.most));
      },
      broadcastable(draw, a.shape), a.kind, fill);
  if (second.apart && b.smallestSize() < second.apart) return std::nullopt;
  if (second.apart || second.first > -64 || draw.chance(0.5)) return std::vector<Known>{a, b};
  return std::vector<Known>{b, a};
}

template <typename Op> Rule binary(const std::string &name, double (*function)(double, double), Second second = {}) {
  Rule rule{name};
  rule.draw = [=](Draw &draw) -> std::optional<Node> {
    auto both = drawPair(draw, second);
    if (!both) return std::nullopt;
    Node node;
    node.inputs = {both->front().use, both->back().use};
    node.kind = both->front().kind;
    return node;
  };
  rule.evaluate = [=](const Node &, const Arrays &a, const Shape &) {
    return Arrays{reference::binary(a[0], a[1], function)};
  };
  rule.build = [](const Node &, const Build &build, Values v) {
    return SmallVector<Value>{build.make<Op>(v[0], v[1])};
  };
  return rule;
}

double remainderOf(double a, double b) { return a - std::floor(a / b) * b; }

std::vector<Rule> binaryRules() {
  auto quotient = [](double a, double b) { return b == 0 ? 0 : std::floor(a / b); };
  Fill eighths = [](int64_t, double draw) { return std::floor(draw * 8) / 8 + 0.5; };
  return {
      exact(binary<AddOp>("add", [](double a, double b) { return a + b; })),
      exact(binary<SubOp>("sub", [](double a, double b) { return a - b; })),
      exact(binary<MulOp>("mul", [](double a, double b) { return a * b; })),
      binary<DivOp>("div", [](double a, double b) { return a / b; },
                    {.fill = uniform(0.5, 2), .apart = 0.2, .integers = false}),
      binary<PowOp>("pow", [](double a, double b) { return std::pow(a, b); },
                    {.least = -3, .most = 3, .first = 0.2, .integers = false}),
      exact(binary<MaximumOp>("maximum", [](double a, double b) { return std::max(a, b); })),
      exact(binary<MinimumOp>("minimum", [](double a, double b) { return std::min(a, b); })),
      exact(binary<RemainderOp>("remainder", remainderOf, {.fill = eighths, .apart = 0.125, .exact = true}), 0),
      exact(binary<FloorDivOp>("floor_div", quotient, {.reals = false})),
  };
}

Rule compare() {
  Rule rule{"compare"};
  rule.draw = [](Draw &draw) -> std::optional<Node> {
    auto both =
        drawPair(draw, {.fill = [](int64_t, double draw) { return std::floor(draw * 16) / 8 - 1; }, .exact = true});
    Node node;
    node.inputs = {both->front().use, both->back().use};
    node.word = draw.any<std::string>({"eq", "ne", "lt", "le"});
    node.kind = Kind::boolean;
    return node;
  };
  rule.evaluate = [](const Node &node, const Arrays &a, const Shape &) {
    return Arrays{reference::binary(a[0], a[1], [&](double a, double b) -> double {
      return node.word == "eq" ? a == b : node.word == "ne" ? a != b : node.word == "lt" ? a < b : a <= b;
    })};
  };
  rule.build = [](const Node &node, const Build &build, Values v) {
    return SmallVector<Value>{build.make<CompareOp>(v[0], v[1], StringRef(node.word))};
  };
  return exact(rule, 0);
}

Rule select() {
  Rule rule{"select"};
  rule.draw = [](Draw &draw) -> std::optional<Node> {
    Known a = draw.get(anything, draw.shape(draw.between(0, 4)));
    Known b = draw.get([&](const Known &x) { return x.kind == a.kind && broadcasts(a.shape, x.shape); },
                       broadcastable(draw, a.shape), a.kind);
    Known c = draw.get(
        [&](const Known &x) {
          return x.kind == Kind::boolean && broadcasts(a.shape, x.shape) && broadcasts(b.shape, x.shape);
        },
        broadcastable(draw, a.shape), Kind::boolean);
    Node node;
    node.inputs = {c.use, a.use, b.use};
    node.kind = a.kind;
    return node;
  };
  rule.evaluate = [](const Node &, const Arrays &v, const Shape &) {
    Shape shape = reference::broadcast_shape(reference::broadcast_shape(v[0].shape, v[1].shape), v[2].shape);
    Array c = reference::broadcast_to(v[0], shape), a = reference::broadcast_to(v[1], shape),
          result = reference::broadcast_to(v[2], shape);
    for (int64_t at = 0; at < result.size(); ++at)
      if (c.values[at]) result.values[at] = a.values[at];
    return Arrays{result};
  };
  rule.build = [](const Node &, const Build &build, Values v) {
    return SmallVector<Value>{build.make<SelectOp>(v[0], v[1], v[2])};
  };
  return exact(rule);
}

//===-- Other element types, constants ----------------------------------------------------------------------------===//

mlir::Type elementOf(const Build &build, Kind kind) {
  mlir::Type elements[] = {build.real, build.builder.getI32Type(), build.builder.getI64Type(),
                           build.builder.getI1Type()};
  return elements[(int)kind];
}

/// To whole numbers and truth values only from what is exact.
Rule cast() {
  Rule rule{"cast"};
  rule.draw = [](Draw &draw) -> std::optional<Node> {
    std::optional<Known> x = draw.find([](const Known &x) { return x.exact; });
    if (!x) return std::nullopt;
    Node node;
    node.inputs = {x->use};
    node.kind = draw.any<Kind>({Kind::real, Kind::real, Kind::i32, Kind::i64, Kind::boolean});
    if (node.kind == x->kind) return std::nullopt;
    return node;
  };
  rule.evaluate = [](const Node &node, const Arrays &a, const Shape &) {
    return Arrays{reference::unary(a[0], [&](double x) -> double {
      return node.kind == Kind::real ? x : node.kind == Kind::boolean ? x != 0 : std::trunc(x);
    })};
  };
  rule.build = [](const Node &node, const Build &build, Values v) {
    return SmallVector<Value>{build.make<CastOp>(typeOf(v[0]).clone(elementOf(build, node.kind)), v[0])};
  };
  return exact(rule, 0);
}

Rule constant() {
  Rule rule{"constant"};
  rule.draw = [](Draw &draw) -> std::optional<Node> {
    Shape shape = draw.shape(draw.between(0, 3));
    if (llvm::is_contained(shape, batch)) return std::nullopt;
    Node node;
    node.kind = draw.any<Kind>({Kind::real, Kind::real, Kind::i64, Kind::i32});
    node.constant = Array(shape, draw.between(-2, 3));
    if (draw.chance(0.5))
      for (double &value : node.constant.values)
        value = node.kind == Kind::real ? draw.eighth(-2, 2) : (double)draw.between(-4, 4);
    return node;
  };
  rule.evaluate = [](const Node &node, const Arrays &, const Shape &) { return Arrays{node.constant}; };
  rule.build = [](const Node &node, const Build &build, Values) {
    RankedTensorType type = build.type(node.constant.shape, elementOf(build, node.kind));
    SmallVector<mlir::Attribute> values;
    for (double value : node.constant.values)
      values.push_back(node.kind == Kind::real ? mlir::Attribute(build.builder.getFloatAttr(build.real, value))
                                               : build.builder.getIntegerAttr(type.getElementType(), (int64_t)value));
    return SmallVector<Value>{build.make<ConstantOp>(mlir::DenseElementsAttr::get(type, values))};
  };
  return exact(rule);
}

Rule sizeOf() {
  Rule rule{"size"};
  rule.draw = [](Draw &draw) -> std::optional<Node> {
    Node node;
    node.kind = draw.any<Kind>({Kind::real, Kind::real, Kind::i64});
    node.shape = {draw.batched() ? batch : 5};
    return node;
  };
  rule.evaluate = [](const Node &, const Arrays &, const Shape &shape) {
    return Arrays{reference::scalar((double)shape[0])};
  };
  rule.build = [](const Node &node, const Build &build, Values) {
    return SmallVector<Value>{
        build.make<SizeOp>(build.type({}, elementOf(build, node.kind)), dimsOf(build.type(node.shape)))};
  };
  return exact(rule);
}

//===-- Reductions ------------------------------------------------------------------------------------------------===//

template <typename Op>
Rule reduce(const std::string &name, Array (*function)(const Array &, const Shape &, bool), double most = 64) {
  Rule rule{name};
  rule.draw = [=](Draw &draw) -> std::optional<Node> {
    Known x =
        draw.get([=](const Known &x) { return x.number() && x.rank() && x.largest() <= most && x.least() >= -most; },
                 draw.shape(draw.between(1, 4)));
    Node node;
    node.inputs = {x.use};
    node.kind = x.kind;
    node.numbers = {draw.chance(0.3)}; // keep, then the axes
    for (int64_t axis = 0; axis < x.rank(); ++axis)
      if (draw.chance(0.5) && (x.shape[axis] != batch || draw.chance(0.2))) node.numbers.push_back(axis);
    return node;
  };
  rule.evaluate = [=](const Node &node, const Arrays &a, const Shape &) {
    return Arrays{function(a[0], Shape(node.numbers.begin() + 1, node.numbers.end()), node.numbers[0])};
  };
  rule.build = [](const Node &node, const Build &build, Values v) {
    return SmallVector<Value>{build.make<Op>(v[0], ArrayRef(node.numbers).drop_front(), node.numbers[0] != 0)};
  };
  rule.sums = true;
  return rule;
}

Rule argmax() {
  Rule rule{"argmax"};
  rule.draw = [](Draw &draw) -> std::optional<Node> {
    auto x = draw.find([](const Known &x) { return x.number() && x.exact && !x.axes().empty(); });
    if (!x) return std::nullopt;
    Node node;
    node.inputs = {x->use};
    node.kind = Kind::i64;
    node.numbers = {draw.any(x->axes()), draw.chance(0.3)};
    return node;
  };
  rule.evaluate = [](const Node &node, const Arrays &a, const Shape &) {
    return Arrays{reference::argmax(a[0], node.numbers[0], node.numbers[1])};
  };
  rule.build = [](const Node &node, const Build &build, Values v) {
    return SmallVector<Value>{build.make<ArgmaxOp>(v[0], node.numbers[0], node.numbers[1] != 0)};
  };
  return exact(rule, 0);
}

} // namespace

std::vector<Rule> elementwiseRules() {
  std::vector<Rule> all = unaryRules();
  for (Rule &rule : binaryRules()) all.push_back(rule);
  for (Rule rule : {compare(), select(), cast(), constant(), sizeOf(), exact(reduce<SumOp>("sum", reference::sum)),
                    reduce<ProdOp>("prod", product, 4), exact(reduce<MaxOp>("max", reference::max)), argmax()})
    all.push_back(rule);
  return all;
}

} // namespace fovea::ops
