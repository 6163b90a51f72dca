// Random graphs' ops along the last dimension, and attention.
#include "test/ops/Draw.h"
#include "test/ops/Naive.h"

namespace fovea::ops {

namespace {

using Known = Draw::Known;
bool hasRows(const Known &x) { return x.real() && x.rank() && x.shape.back() != batch; }

/// An op on rows of real numbers and, where there are some, vectors of a row's size.
Rule rows(const std::string &name, size_t vectors, std::function<Shape(Draw &)> numbers = {}) {
  Rule rule{name};
  rule.sums = true;
  rule.draw = [=](Draw &draw) -> std::optional<Node> {
    Known x = draw.get(hasRows, draw.shape(draw.between(2, 4)));
    Node node;
    node.inputs = {x.use};
    Shape row{x.shape.back()};
    for (size_t at = 0; at < vectors; ++at)
      node.inputs.push_back(draw.get([&](const Known &v) { return v.real() && v.shape == row; }, row).use);
    if (numbers) node.numbers = numbers(draw);
    return node;
  };
  return rule;
}

template <typename Op> Rule row(const std::string &name, Array (*function)(const Array &), double leastScale = 0) {
  Rule rule = rows(name, 0);
  rule.leastScale = leastScale;
  rule.evaluate = [=](const Node &, const Arrays &a, const Shape &) { return Arrays{function(a[0])}; };
  rule.build = [](const Node &, const Build &build, Values v) { return SmallVector<Value>{build.make<Op>(v[0])}; };
  return rule;
}

Rule cumsum() {
  Rule rule = rows("cumsum", 0, [](Draw &draw) { return Shape{draw.chance(0.5), draw.chance(0.5)}; });
  rule.exact = true;
  rule.evaluate = [](const Node &node, const Arrays &a, const Shape &) {
    return Arrays{runningSums(a[0], node.numbers[0], node.numbers[1])};
  };
  rule.build = [](const Node &node, const Build &build, Values v) {
    return SmallVector<Value>{build.make<CumsumOp>(v[0].getType(), v[0], node.numbers[0] != 0, node.numbers[1] != 0)};
  };
  return rule;
}

constexpr double epsilon = 0.125; // large, so that rows of nearly equal numbers stay as they are

void checkVectors(const Arrays &a) {
  for (size_t at = 1; at < a.size(); ++at)
    if (a[at].shape != Shape{a[0].shape.back()}) throw std::invalid_argument("norm: a vector of another size");
}

Rule layerNorm() {
  Rule rule = rows("layer_norm", 2);
  rule.evaluate = [](const Node &, const Arrays &a, const Shape &) {
    checkVectors(a);
    return layerNormed(a, epsilon);
  };
  rule.build = [](const Node &, const Build &build, Values v) {
    auto norm = build.op<LayerNormOp>(v[0], v[1], v[2], llvm::APFloat(epsilon));
    return SmallVector<Value>{norm.getResult(), norm.getMean(), norm.getRstd()};
  };
  return rule;
}

Rule rmsNorm() {
  Rule rule = rows("rms_norm", 1);
  rule.evaluate = [](const Node &, const Arrays &a, const Shape &) {
    checkVectors(a);
    return rmsNormed(a, epsilon);
  };
  rule.build = [](const Node &, const Build &build, Values v) {
    auto norm = build.op<RmsNormOp>(v[0], v[1], llvm::APFloat(epsilon));
    return SmallVector<Value>{norm.getResult(), norm.getRstd()};
  };
  return rule;
}

Rule crossEntropy() {
  Rule rule{"cross_entropy"};
  rule.sums = true;
  rule.leastScale = 1;
  rule.draw = [](Draw &draw) -> std::optional<Node> {
    Known x = draw.get([](const Known &x) { return hasRows(x) && x.rank() == 2; }, draw.shape(2));
    Shape rows{x.shape[0]};
    int64_t classes = x.shape[1];
    auto wanted = [&](const Known &l) {
      return l.whole() && l.shape == rows && l.least() >= 0 && l.largest() < (double)classes;
    };
    Known labels = draw.get(wanted, rows, draw.any<Kind>({Kind::i32, Kind::i64}), whole(0, classes));
    Node node;
    node.inputs = {x.use, labels.use};
    return node;
  };
  rule.evaluate = [](const Node &, const Arrays &a, const Shape &) {
    reference::CrossEntropy loss = reference::cross_entropy(a[0], a[1]);
    return Arrays{loss.loss, loss.log_sum_exp};
  };
  rule.build = [](const Node &, const Build &build, Values v) {
    auto loss = build.op<CrossEntropyOp>(v[0], v[1]);
    return SmallVector<Value>{loss.getLoss(), loss.getLogSumExp()};
  };
  return rule;
}

//===-- Attention: numbers are the windows, -1 for none, and the offset -------------------------------------------===//

reference::AttentionOptions optionsOf(const Node &node, const Arrays &a) {
  reference::AttentionOptions options;
  options.scale = 0.5;
  if (node.numbers[0] >= 0) options.left = node.numbers[0];
  if (node.numbers[1] >= 0) options.right = node.numbers[1];
  options.offset = node.numbers[2];
  if (a.size() > 3) options.kv_lengths.assign(a[3].values.begin(), a[3].values.end());
  return options;
}

Rule attention() {
  Rule rule{"attention"};
  rule.sums = true;
  rule.draw = [](Draw &draw) -> std::optional<Node> {
    Known q = draw.get([](const Known &x) { return x.real() && x.rank() == 4; }, draw.shape(4));
    for (int64_t axis : {1, 2, 3})
      if (q.shape[axis] == batch) return std::nullopt;
    Shape shape = q.shape;
    if (draw.chance(0.4)) shape[1] = 1;
    if (draw.chance(0.4)) shape[2] = draw.size();
    Known k = draw.get([&](const Known &x) { return x.real() && x.shape == shape; }, shape);
    Shape values = shape;
    if (draw.chance(0.4)) values[3] = draw.size();
    Known v = draw.get([&](const Known &x) { return x.real() && x.shape == values; }, values);
    Node node;
    node.inputs = {q.use, k.use, v.use};
    int64_t most = shape[2] + 1;
    if (draw.chance(0.3)) {
      Shape items{shape[0]};
      auto wanted = [&](const Known &x) { return x.kind == Kind::i32 && x.shape == items && x.least() >= 1; };
      node.inputs.push_back(draw.get(wanted, items, Kind::i32, whole(1, most)).use);
    }
    node.numbers = {draw.chance(0.6) ? -1 : draw.between(0, 4), draw.chance(0.6) ? -1 : draw.between(0, 4),
                    draw.chance(0.6) ? 0 : shape[2] - q.shape[2]};
    return node;
  };
  rule.evaluate = [](const Node &node, const Arrays &a, const Shape &) {
    reference::Attention out = reference::attention(a[0], a[1], a[2], optionsOf(node, a));
    return Arrays{out.out, out.log_sum_exp};
  };
  rule.build = [](const Node &node, const Build &build, Values v) {
    const Shape &n = node.numbers;
    auto op = build.op<AttentionOp>(v[0], v[1], v[2], v.size() > 3 ? v[3] : Value(), Value(), mlir::ValueRange(),
                                    llvm::APFloat(0.5), n[0], n[1], n[2], llvm::APFloat(0.0));
    return SmallVector<Value>{op.getResult(), op.getLogSumExp()};
  };
  return rule;
}

} // namespace

std::vector<Rule> rowRules() {
  return {row<SoftmaxOp>("softmax", reference::softmax),
          row<LogSoftmaxOp>("log_softmax", logSoftmaxOf, 1),
          row<LogSumExpOp>("log_sum_exp", logSumExpOf, 1),
          cumsum(),
          layerNorm(),
          rmsNorm(),
          crossEntropy(),
          attention()};
}

} // namespace fovea::ops
