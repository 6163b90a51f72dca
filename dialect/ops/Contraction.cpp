// Matrix products and convolutions: shape rules and gradients.
#include "dialect/ops/Term.h"

using namespace mlir;

#define GET_OP_CLASSES
#include "dialect/ops/Contraction.cpp.inc"

namespace fovea {

void registerContraction(FoveaDialect &dialect) {
  dialect.addFamily<
#define GET_OP_LIST
#include "dialect/ops/Contraction.cpp.inc"
      >();
}

//===-- matmul ----------------------------------------------------------------------------------------------------===//

LogicalResult MatmulOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location, Adaptor operands,
                                         SmallVectorImpl<Type> &results) {
  RankedTensorType a = typeOf(operands.getA()), b = typeOf(operands.getB());
  if (a.getRank() < 2 || b.getRank() < 2)
    return emitOptionalError(location, "matmul: ", shapeText(a), " times ", shapeText(b),
                             ": both need rank 2 or more (c1)");
  Shapes shapes(context);
  auto left = shapes.of(a), right = shapes.of(b);
  if (operands.getTransposeA()) std::swap(left.end()[-1], left.end()[-2]);
  if (operands.getTransposeB()) std::swap(right.end()[-1], right.end()[-2]);
  if (left.back() != right.end()[-2])
    return emitOptionalError(location, "matmul: ", shapes.text(left), " times ", shapes.text(right),
                             ": the sizes summed over are ", shapes.text(left.back()), " and ",
                             shapes.text(right.end()[-2]), ", but must be equal (c2)");
  Type element = a.getElementType();
  RankedTensorType batch = broadcastTypes(
      {shapes.tensor(ArrayRef(left).drop_back(2), element), shapes.tensor(ArrayRef(right).drop_back(2), element)},
      element);
  if (!batch)
    return emitOptionalError(location, "matmul: ", shapes.text(left), " times ", shapes.text(right),
                             ": the leading dimensions do not broadcast (c3)");
  SmallVector<AffineExpr> sizes = shapes.of(batch);
  sizes.append({left.end()[-2], right.back()});
  results.push_back(shapes.tensor(sizes, element));
  return success();
}

// With C = A B: dA = dC B^T, dB = A^T dC; transposed operands get the transposed product.
SmallVector<Value> MatmulOp::vjp(OpBuilder &builder, ValueRange cotangents, ArrayRef<bool> needed) {
  Value g = cotangents[0], a = getA(), b = getB(), da, db;
  if (needed[0])
    da = getTransposeA() ? MatmulOp::create(builder, getLoc(), b, g, getTransposeB(), true)
                         : MatmulOp::create(builder, getLoc(), g, b, false, !getTransposeB());
  if (needed[1])
    db = getTransposeB() ? MatmulOp::create(builder, getLoc(), g, a, true, getTransposeA())
                         : MatmulOp::create(builder, getLoc(), a, g, !getTransposeA(), false);
  return {da, db};
}

//===-- conv2d ----------------------------------------------------------------------------------------------------===//

namespace {
/// Where the windows of a convolution lie.
struct Windows {
  template <typename Op>
  explicit Windows(Op op)
      : stride(op.getStride()), padding(op.getPadding()), dilation(op.getDilation()), groups(op.getGroups()) {}

  ArrayRef<int64_t> stride, padding, dilation;
  int64_t groups;

  bool areValid() const {
    auto within = [](ArrayRef<int64_t> values, int64_t least) {
      return values.size() == 2 && llvm::all_of(values, [=](int64_t v) { return v >= least && v <= maxElements; });
    };
    return within(stride, 1) && within(padding, 0) && within(dilation, 1);
  }
};
} // namespace

static LogicalResult inferConv2d(std::optional<Location> location, RankedTensorType x, RankedTensorType weight,
                                 const Windows &windows, SmallVectorImpl<Type> &results) {
  std::string facts = "conv2d: image " + shapeText(x) + " and weight " + shapeText(weight);
  if (x.getRank() != 4 || weight.getRank() != 4)
    return emitOptionalError(location, facts, ": both need rank 4, (n, c, h, w) and (o, c / groups, kh, kw) (c1)");
  int64_t groups = windows.groups;
  if (groups < 1 || x.isDynamicDim(1) || weight.isDynamicDim(0) || weight.isDynamicDim(1) ||
      weight.getDimSize(1) > maxElements / groups || x.getDimSize(1) != weight.getDimSize(1) * groups ||
      weight.getDimSize(0) % groups)
    return emitOptionalError(
        location, facts, " in ", groups,
        " groups: the image's channels must be the weight's times the groups, and the groups divide "
        "its outputs (c2)");
  if (!weight.hasStaticShape() || x.isDynamicDim(2) || x.isDynamicDim(3))
    return emitOptionalError(location, facts, ": only the batch may have a symbolic size (c3)");
  if (!windows.areValid())
    return emitOptionalError(location, "conv2d: stride [", windows.stride, "], padding [", windows.padding,
                             "] and dilation [", windows.dilation,
                             "]: two strides and dilations of at least 1 and two paddings of at least 0 (c4)");
  Shapes shapes(x.getContext());
  auto sizes = shapes.of(x);
  for (int d : {0, 1}) {
    int64_t reach = (weight.getDimSize(2 + d) - 1) * windows.dilation[d] + 1;
    int64_t room = x.getDimSize(2 + d) + 2 * windows.padding[d] - reach;
    if (reach < 1 || room < 0)
      return emitOptionalError(location, facts, ": the kernel is empty, or larger than the padded image (c5)");
    sizes[2 + d] = shapes.constant(room / windows.stride[d] + 1);
  }
  sizes[1] = shapes.constant(weight.getDimSize(0));
  results.push_back(shapes.tensor(sizes, x.getElementType()));
  return success();
}

LogicalResult Conv2dOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor operands,
                                         SmallVectorImpl<Type> &results) {
  return inferConv2d(location, typeOf(operands.getX()), typeOf(operands.getWeight()), Windows(operands), results);
}

template <typename Op> static LogicalResult verifyConv2dGrad(Op op, RankedTensorType x, RankedTensorType weight) {
  SmallVector<Type> forward;
  if (failed(inferConv2d(op.getLoc(), x, weight, Windows(op), forward))) return failure();
  RankedTensorType cotangent = op.getCotangent().getType();
  if (cotangent == forward[0]) return success();
  return op.emitOpError("has a cotangent ")
         << shapeText(cotangent) << " of a conv2d with result " << shapeText(cast<RankedTensorType>(forward[0]))
         << ": they must be equal (c1)";
}
LogicalResult Conv2dInputGradOp::verify() { return verifyConv2dGrad(*this, getType(), getWeight().getType()); }
LogicalResult Conv2dWeightGradOp::verify() { return verifyConv2dGrad(*this, getX().getType(), getType()); }

/// The gradient for the image or the weight, of its type, with the windows of `op`.
template <typename Grad, typename Op> static Value gradient(OpBuilder &builder, Op op, Value of, Value g, Value other) {
  return Grad::create(builder, op.getLoc(), of.getType(), g, other, op.getStride(), op.getPadding(), op.getDilation(),
                      op.getGroups());
}

SmallVector<Value> Conv2dOp::vjp(OpBuilder &builder, ValueRange cotangents, ArrayRef<bool> needed) {
  Value g = cotangents[0], dx, dw;
  if (needed[0]) dx = gradient<Conv2dInputGradOp>(builder, *this, getX(), g, getWeight());
  if (needed[1]) dw = gradient<Conv2dWeightGradOp>(builder, *this, getWeight(), g, getX());
  return {dx, dw};
}

// Linear in both: what goes back through a transposed convolution is convolved.
SmallVector<Value> Conv2dInputGradOp::vjp(OpBuilder &builder, ValueRange cotangents, ArrayRef<bool> needed) {
  Value g = cotangents[0], dy, dw;
  if (needed[0])
    dy = Conv2dOp::create(builder, getLoc(), getCotangent().getType(), g, getWeight(), getStride(), getPadding(),
                          getDilation(), getGroups());
  if (needed[1]) dw = gradient<Conv2dWeightGradOp>(builder, *this, getWeight(), getCotangent(), g);
  return {dy, dw};
}

} // namespace fovea
