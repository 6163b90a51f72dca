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

static LogicalResult inferConv2d(std::optional<Location> location, RankedTensorType x, RankedTensorType weight,
                                 ArrayRef<int64_t> stride, ArrayRef<int64_t> padding, SmallVectorImpl<Type> &results) {
  std::string facts = "conv2d: image " + shapeText(x) + " and weight " + shapeText(weight);
  if (x.getRank() != 4 || weight.getRank() != 4)
    return emitOptionalError(location, facts, ": both need rank 4, (n, c, h, w) and (o, c, kh, kw) (c1)");
  if (x.getDimSize(1) != weight.getDimSize(1) || x.isDynamicDim(1))
    return emitOptionalError(location, facts, ": the channels, dimension 1, must be equal (c2)");
  if (!weight.hasStaticShape() || x.isDynamicDim(2) || x.isDynamicDim(3))
    return emitOptionalError(location, facts, ": only the batch may have a symbolic size (c3)");
  if (stride.size() != 2 || padding.size() != 2 || llvm::any_of(stride, [](int64_t s) { return s < 1; }) ||
      llvm::any_of(padding, [](int64_t p) { return p < 0 || p > maxElements; }))
    return emitOptionalError(location, "conv2d: stride [", stride, "] and padding [", padding,
                             "]: two strides of at least 1 and two paddings of at least 0 (c4)");
  Shapes shapes(x.getContext());
  auto sizes = shapes.of(x);
  for (int d : {0, 1}) {
    int64_t room = x.getDimSize(2 + d) + 2 * padding[d] - weight.getDimSize(2 + d);
    if (room < 0) return emitOptionalError(location, facts, ": the kernel is larger than the padded image (c5)");
    sizes[2 + d] = shapes.constant(room / stride[d] + 1);
  }
  sizes[1] = shapes.constant(weight.getDimSize(0));
  results.push_back(shapes.tensor(sizes, x.getElementType()));
  return success();
}

LogicalResult Conv2dOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor operands,
                                         SmallVectorImpl<Type> &results) {
  return inferConv2d(location, typeOf(operands.getX()), typeOf(operands.getWeight()), operands.getStride(),
                     operands.getPadding(), results);
}

static LogicalResult verifyConv2dGrad(Operation *op, RankedTensorType x, RankedTensorType weight,
                                      RankedTensorType cotangent, ArrayRef<int64_t> stride, ArrayRef<int64_t> padding) {
  SmallVector<Type> forward;
  if (failed(inferConv2d(op->getLoc(), x, weight, stride, padding, forward))) return failure();
  if (cotangent == forward[0]) return success();
  return op->emitOpError("has a cotangent ")
         << shapeText(cotangent) << " of a conv2d with result " << shapeText(cast<RankedTensorType>(forward[0]))
         << ": they must be equal (c1)";
}
LogicalResult Conv2dInputGradOp::verify() {
  return verifyConv2dGrad(*this, getType(), getWeight().getType(), getCotangent().getType(), getStride(), getPadding());
}
LogicalResult Conv2dWeightGradOp::verify() {
  return verifyConv2dGrad(*this, getX().getType(), getType(), getCotangent().getType(), getStride(), getPadding());
}

SmallVector<Value> Conv2dOp::vjp(OpBuilder &builder, ValueRange cotangents, ArrayRef<bool> needed) {
  Value dx, dw;
  if (needed[0])
    dx = Conv2dInputGradOp::create(builder, getLoc(), getX().getType(), cotangents[0], getWeight(), getStride(),
                                   getPadding());
  if (needed[1])
    dw = Conv2dWeightGradOp::create(builder, getLoc(), getWeight().getType(), cotangents[0], getX(), getStride(),
                                    getPadding());
  return {dx, dw};
}

} // namespace fovea
