// Random graphs' matrix products, convolutions and windows.
#include "test/ops/Draw.h"
#include "test/ops/Naive.h"

namespace fovea::ops {

namespace {

using Known = Draw::Known;

/// A value scaled so that products of it and sums of them stay small.
Fill small() { return uniform(-0.75, 0.75); }

Rule matmul() {
  Rule rule{"matmul"};
  rule.exact = rule.sums = true;
  rule.draw = [](Draw &draw) -> std::optional<Node> {
    Known a = draw.get([](const Known &x) { return x.real() && x.rank() >= 2; }, draw.shape(draw.between(2, 3)));
    bool transposeA = draw.chance(0.3), transposeB = draw.chance(0.3);
    int64_t inner = a.shape[a.rank() - (transposeA ? 2 : 1)];
    if (inner == batch) return std::nullopt;
    auto wanted = [&](const Known &x) {
      if (!x.real() || x.rank() < 2 || x.shape[x.rank() - (transposeB ? 1 : 2)] != inner) return false;
      for (int64_t d = 3; d <= std::min(a.rank(), x.rank()); ++d) {
        int64_t one = a.shape[a.rank() - d], other = x.shape[x.rank() - d];
        if (one != other && one != 1 && other != 1) return false;
      }
      return true;
    };
    Shape shape{inner, draw.size()};
    if (transposeB) std::swap(shape[0], shape[1]);
    if (a.rank() > 2 && draw.chance(0.3)) shape.insert(shape.begin(), a.shape.begin(), a.shape.end() - 2);
    Known b = draw.get(wanted, shape, Kind::real, small());
    Node node;
    node.inputs = {a.use, b.use};
    node.numbers = {transposeA, transposeB};
    return node;
  };
  rule.evaluate = [](const Node &node, const Arrays &a, const Shape &) {
    return Arrays{reference::matmul(a[0], a[1], node.numbers[0], node.numbers[1])};
  };
  rule.build = [](const Node &node, const Build &build, Values v) {
    return SmallVector<Value>{build.make<MatmulOp>(v[0], v[1], node.numbers[0] != 0, node.numbers[1] != 0)};
  };
  return rule;
}

//===-- Convolutions: numbers are strides, paddings, dilations and groups -----------------------------------------===//

Rule convolution(const std::string &name) {
  Rule rule{name};
  rule.exact = rule.sums = true;
  return rule;
}

struct Attributes {
  reference::Pair stride, padding, dilation;
  int64_t groups;
  explicit Attributes(const Node &node)
      : stride{node.numbers[0], node.numbers[1]}, padding{node.numbers[2], node.numbers[3]}, dilation{node.numbers[4],
                                                                                                      node.numbers[5]},
        groups(node.numbers[6]) {}
};

Known drawImage(Draw &draw) {
  return draw.get([](const Known &x) { return x.real() && x.rank() == 4; }, draw.shape(4));
}

/// The numbers, and weights for an image; nothing where the image has B at an odd place.
std::optional<Node> drawConvolution(Draw &draw, const Known &x, bool transposed) {
  if (!x.real() || x.rank() != 4) return std::nullopt;
  Shape window, numbers;
  for (int64_t d : {0, 1}) {
    int64_t padding = draw.chance(0.6) ? 0 : draw.between(0, 2), dilation = draw.chance(0.8) ? 1 : 2;
    int64_t size = draw.between(1, 3);
    if (!transposed && (size - 1) * dilation + 1 > x.shape[2 + d] + 2 * padding) size = 1, dilation = 1;
    window.push_back(size);
    numbers.push_back(draw.chance(0.7) ? 1 : draw.between(1, 3));
    numbers.insert(numbers.end(), {padding, dilation});
  }
  int64_t channels = x.shape[1], groups = draw.chance(0.3) ? channels : 1, others = draw.between(1, 3);
  Shape weight = transposed ? Shape{channels, others} : Shape{groups * others, channels / groups};
  weight.insert(weight.end(), window.begin(), window.end());
  Known w = draw.get([&](const Known &v) { return v.real() && v.shape == weight; }, weight, Kind::real, small());
  Node node;
  node.inputs = {x.use, w.use};
  node.numbers = {numbers[0], numbers[3], numbers[1], numbers[4], numbers[2], numbers[5], groups};
  if (!transposed) return node;
  node.shape = {x.shape[0], others * groups};
  for (int64_t d : {0, 1}) {
    int64_t stride = numbers[3 * d], most = (x.shape[2 + d] - 1) * stride + (window[d] - 1) * numbers[3 * d + 2] + 1 -
                                            2 * numbers[3 * d + 1] + draw.between(0, stride - 1);
    if (most < 1) return std::nullopt;
    node.shape.push_back(most);
  }
  return node;
}

Rule conv2d() {
  Rule rule = convolution("conv2d");
  rule.draw = [](Draw &draw) { return drawConvolution(draw, drawImage(draw), false); };
  rule.evaluate = [](const Node &node, const Arrays &a, const Shape &) {
    Attributes n(node);
    if (a[1].shape.at(0) % n.groups) throw std::invalid_argument("conv2d: the groups do not divide the channels");
    return Arrays{reference::conv2d(a[0], a[1], n.stride, n.padding, n.dilation, n.groups)};
  };
  rule.build = [](const Node &node, const Build &build, Values v) {
    Attributes n(node);
    return SmallVector<Value>{build.make<Conv2dOp>(v[0], v[1], ArrayRef<int64_t>(n.stride),
                                                   ArrayRef<int64_t>(n.padding), ArrayRef<int64_t>(n.dilation),
                                                   n.groups)};
  };
  return rule;
}

/// Only with a result whose own convolution has the cotangent's shape.
Rule conv2dInputGrad() {
  Rule rule = convolution("conv2d_input_grad");
  rule.draw = [](Draw &draw) { return drawConvolution(draw, drawImage(draw), true); };
  rule.evaluate = [](const Node &node, const Arrays &a, const Shape &shape) {
    Attributes n(node);
    if (a[1].shape.at(0) % n.groups) throw std::invalid_argument("conv2d: the groups do not divide the channels");
    Array result =
        reference::conv_transpose2d(a[0], a[1], {shape[2], shape[3]}, n.stride, n.padding, n.dilation, n.groups);
    Array back = reference::conv2d(result, a[1], n.stride, n.padding, n.dilation, n.groups);
    if (back.shape != a[0].shape || result.shape != shape)
      throw std::invalid_argument("conv2d_input_grad: not the shape of a result");
    return Arrays{result};
  };
  rule.build = [](const Node &node, const Build &build, Values v) {
    Attributes n(node);
    return SmallVector<Value>{build.make<Conv2dInputGradOp>(build.type(node.shape), v[0], v[1],
                                                            ArrayRef<int64_t>(n.stride), ArrayRef<int64_t>(n.padding),
                                                            ArrayRef<int64_t>(n.dilation), n.groups)};
  };
  return rule;
}

//===-- Windows: numbers are the first axis and, for each axis, size, stride and dilation -------------------------===//

Windows windowsOf(const Node &node) {
  Windows windows;
  for (size_t at = 1; at < node.numbers.size(); at += 3) {
    windows.axes.push_back(node.numbers[0] + (int64_t)windows.axes.size());
    windows.size.push_back(node.numbers[at]);
    windows.stride.push_back(node.numbers[at + 1]);
    windows.dilation.push_back(node.numbers[at + 2]);
  }
  return windows;
}

void checkFit(const Shape &x, const Windows &windows) {
  for (size_t at = 0; at < windows.axes.size(); ++at)
    if ((windows.size[at] - 1) * windows.dilation[at] + 1 > x.at(windows.axes[at]))
      throw std::invalid_argument("unfold: the window does not fit");
}

Rule unfold() {
  Rule rule{"unfold"};
  rule.exact = true;
  rule.draw = [](Draw &draw) -> std::optional<Node> {
    Known x =
        draw.get([](const Known &x) { return !x.axes().empty() && x.rank() <= 4; }, draw.shape(draw.between(2, 3)));
    if (x.axes().empty()) return std::nullopt;
    int64_t axis = draw.any(x.axes()), count = axis + 1 < x.rank() && x.rank() < 4 && draw.chance(0.4) ? 2 : 1;
    Node node;
    node.inputs = {x.use};
    node.kind = x.kind;
    node.numbers = {axis};
    for (int64_t d = 0; d < count; ++d) {
      int64_t size = draw.between(1, std::min<int64_t>(3, x.shape[axis + d]));
      int64_t dilation = (size - 1) * 2 + 1 <= x.shape[axis + d] && draw.chance(0.3) ? 2 : 1;
      node.numbers.insert(node.numbers.end(), {size, draw.between(1, 2), dilation});
    }
    return node;
  };
  rule.evaluate = [](const Node &node, const Arrays &a, const Shape &) {
    checkFit(a[0].shape, windowsOf(node));
    return Arrays{unfolded(a[0], windowsOf(node))};
  };
  rule.build = [](const Node &node, const Build &build, Values v) {
    Windows w = windowsOf(node);
    return SmallVector<Value>{build.make<UnfoldOp>(v[0], w.axes, w.size, w.stride, w.dilation)};
  };
  return rule;
}

/// Along one axis: two neighbouring dimensions of any value are windows of something.
Rule fold() {
  Rule rule{"fold"};
  rule.exact = rule.sums = true;
  rule.draw = [](Draw &draw) -> std::optional<Node> {
    auto wanted = [](const Known &x) { return x.number() && x.axes().size() >= 2; };
    Known x = draw.get(wanted, draw.shape(draw.between(2, 4)));
    if (!wanted(x)) return std::nullopt;
    int64_t axis = draw.between(x.shape[0] == batch, x.rank() - 2), size = x.shape[axis], count = x.shape[axis + 1];
    int64_t stride = draw.between(1, 2), dilation = draw.between(1, 2);
    Node node;
    node.inputs = {x.use};
    node.kind = x.kind;
    node.numbers = {axis, size, stride, dilation};
    node.shape = x.shape;
    node.shape.erase(node.shape.begin() + axis);
    node.shape[axis] = (count - 1) * stride + (size - 1) * dilation + 1 + draw.between(0, stride - 1);
    return node;
  };
  rule.evaluate = [](const Node &node, const Arrays &a, const Shape &shape) {
    checkFit(shape, windowsOf(node));
    if (windowsOf(node).shapeOf(shape) != a[0].shape) throw std::invalid_argument("fold: not windows of the shape");
    return Arrays{folded(a[0], shape, windowsOf(node))};
  };
  rule.build = [](const Node &node, const Build &build, Values v) {
    Windows w = windowsOf(node);
    RankedTensorType type = build.type(node.shape, typeOf(v[0]).getElementType());
    return SmallVector<Value>{build.make<FoldOp>(type, v[0], w.axes, w.size, w.stride, w.dilation)};
  };
  return rule;
}

} // namespace

std::vector<Rule> contractionRules() { return {matmul(), conv2d(), conv2dInputGrad(), unfold(), fold()}; }

} // namespace fovea::ops
