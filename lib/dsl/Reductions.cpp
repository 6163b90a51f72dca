// Reductions, as ops or short compositions of them, and what works along one axis.
#include "lib/dsl/Build.h"

#include <fovea/Functions.h>
#include <fovea/Model.h>

#include <cmath>

using namespace mlir;

namespace fovea {

using namespace dsl;

static SmallVector<int64_t> frontAxes(const char *op, const Located &x, const Axes &axes) {
  Program &program = Program::of(x);
  SmallVector<int64_t> result;
  if (axes.listed)
    for (int64_t axis : *axes.listed) result.push_back(frontAxis(op, x, axis));
  else
    for (int64_t axis = 0; axis < Program::typeOf(x).getRank(); ++axis) result.push_back(axis);
  llvm::sort(result);
  if (std::adjacent_find(result.begin(), result.end()) != result.end())
    program.fail(x.site,
                 Twine(op) + ": an axis of " + shapeText(Program::typeOf(x)) + " is named twice: name each once");
  return result;
}

Tensor sum(Located x, const Axes &axes, bool keep) {
  return apply<SumOp>(Program::of(x), x.site, valueOf(x), frontAxes("sum", x, axes), keep);
}
Tensor max(Located x, const Axes &axes, bool keep) {
  return apply<MaxOp>(Program::of(x), x.site, valueOf(x), frontAxes("max", x, axes), keep);
}

Tensor prod(Located x, const Axes &axes, bool keep) {
  return apply<ProdOp>(Program::of(x), x.site, valueOf(x), frontAxes("prod", x, axes), keep);
}

Tensor argmax(Located x, int64_t axis, bool keep) {
  return apply<ArgmaxOp>(Program::of(x), x.site, valueOf(x), frontAxis("argmax", x, axis), keep);
}

Tensor mean(Located x, const Axes &axes, bool keep) {
  Program &program = Program::of(x);
  auto sizes = program.shapes.of(Program::typeOf(x));
  AffineExpr count = program.shapes.one();
  for (int64_t axis : frontAxes("mean", x, axes)) count = count * sizes[axis];
  Tensor total = sum(x, axes, keep);
  DimsAttr dims = program.shapes.dims({program.shapes.normal(count)});
  Tensor divisor = program.tensor(
      program.makeAs<SizeOp>(x.site, RankedTensorType::get({}, Program::typeOf(x).getElementType()), dims));
  return Located(total, x.site) / divisor;
}

//===-- Compositions ----------------------------------------------------------------------------------------------===//

Tensor min(Located x, const Axes &axes, bool keep) {
  Frame frame(x);
  return -max(-x.tensor, axes, keep);
}

Tensor argmin(Located x, int64_t axis, bool keep) {
  Frame frame(x);
  return argmax(-x.tensor, axis, keep);
}

Tensor any(Located x, const Axes &axes, bool keep) {
  Frame frame(x);
  return max(cast(x.tensor, i32), axes, keep) > 0;
}

Tensor all(Located x, const Axes &axes, bool keep) {
  Frame frame(x);
  return min(cast(x.tensor, i32), axes, keep) > 0;
}

Tensor norm(Located x, double p, const Axes &axes, bool keep) {
  Frame frame(x);
  if (!(p > 0)) frame.fail("norm: p is " + std::to_string(p) + ": it must be positive");
  Tensor size = abs(x.tensor);
  if (std::isinf(p)) return max(size, axes, keep);
  if (p == 1) return sum(size, axes, keep);
  Tensor total = sum(p == 2 ? x.tensor * x.tensor : pow(size, p), axes, keep);
  // The root of 0 has an infinite slope: there the sum itself passes, whose gradient is 0.
  Tensor zero = equal(total, 0), positive = where(zero, 1, total);
  return where(zero, total, p == 2 ? sqrt(positive) : pow(positive, 1 / p));
}

//===-- Along one axis --------------------------------------------------------------------------------------------===//

Tensor dsl::exchange(const Located &x, int64_t axis) {
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, Program::typeOf(x).getRank()));
  if (axis == (int64_t)order.size() - 1) return x;
  std::swap(order[axis], order.back());
  return apply<TransposeOp>(Program::of(x), x.site, valueOf(x), order);
}

template <typename Op> static Tensor alongAxis(const char *name, const Located &x, int64_t axis) {
  int64_t front = frontAxis(name, x, axis);
  return exchange({unary<Op>({exchange(x, front), x.site}), x.site}, front);
}
Tensor softmax(Located x, int64_t axis) { return alongAxis<SoftmaxOp>("softmax", x, axis); }
Tensor log_softmax(Located x, int64_t axis) { return alongAxis<LogSoftmaxOp>("log_softmax", x, axis); }

Tensor log_sum_exp(Located x, int64_t axis, bool keep) {
  int64_t front = frontAxis("log_sum_exp", x, axis);
  Shape shape = x.tensor.shape();
  if (keep)
    shape[front] = 1;
  else
    shape.erase(shape.begin() + front);
  Tensor last = exchange(x, front);
  Program &program = Program::of(x);
  Tensor sums = apply<LogSumExpOp>(program, x.site, valueOf(last));
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, Program::typeOf(sums).getRank()));
  if (front < (int64_t)order.size()) { // there stands the last axis, which goes back to the end
    std::rotate(order.begin() + front, order.begin() + front + 1, order.end());
    sums = apply<TransposeOp>(program, x.site, valueOf(sums), order);
  }
  return keep ? reshape({sums, x.site}, shape) : sums;
}

Sorted sort(Located x, int64_t axis, bool descending) {
  int64_t front = frontAxis("sort", x, axis);
  Program &program = Program::of(x);
  auto op = program.make<SortOp>(x.site, valueOf(exchange(x, front)), descending);
  return {exchange({program.tensor(op.getResult()), x.site}, front),
          exchange({program.tensor(op.getIndices()), x.site}, front)};
}
Tensor argsort(Located x, int64_t axis, bool descending) { return sort(x, axis, descending).indices; }

Sorted top_k(Located x, int64_t k, int64_t axis, bool largest) {
  int64_t size = constantSize("top_k", x, frontAxis("top_k", x, axis));
  if (k < 1 || k > size)
    Program::of(x).fail(x.site, "top_k: " + llvm::Twine(k) + " elements of an axis of " + llvm::Twine(size) +
                                    ": k must be from 1 to " + llvm::Twine(size));
  Sorted sorted = sort(x, axis, largest);
  return {slice({sorted.values, x.site}, axis, 0, k), slice({sorted.indices, x.site}, axis, 0, k)};
}

Tensor cumsum(Located x, int64_t axis, CumsumOptions options) {
  int64_t front = frontAxis("cumsum", x, axis);
  Tensor last = exchange(x, front);
  Program &program = Program::of(x);
  Tensor sums = program.tensor(
      program.makeAs<CumsumOp>(x.site, Program::typeOf(last), valueOf(last), options.exclusive, options.reverse));
  return exchange({sums, x.site}, front);
}

} // namespace fovea
