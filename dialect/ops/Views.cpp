// View ops: shape rules, folds and gradients.
#include "dialect/ops/Term.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;

#define GET_OP_CLASSES
#include "dialect/ops/Views.cpp.inc"

namespace fovea {

void registerViews(FoveaDialect &dialect) {
  dialect.addFamily<
#define GET_OP_LIST
#include "dialect/ops/Views.cpp.inc"
      >();
}

/// The constant size of x along an axis, or a diagnostic (`axis` is c1).
static FailureOr<int64_t> axisSize(std::optional<Location> location, StringRef op, Value x, int64_t axis) {
  RankedTensorType type = typeOf(x);
  if (axis < 0 || axis >= type.getRank())
    return emitOptionalError(location, op, ": axis ", axis, " is outside a tensor of rank ", type.getRank(), " (c1)");
  if (type.isDynamicDim(axis))
    return emitOptionalError(location, op, ": axis ", axis, " of ", shapeText(type),
                             " has a symbolic size: only constant ones can be cut");
  return type.getDimSize(axis);
}

/// x's type with another constant size along one axis.
static RankedTensorType withAxis(RankedTensorType type, int64_t axis, int64_t size) {
  Shapes shapes(type.getContext());
  auto sizes = shapes.of(type);
  sizes[axis] = shapes.constant(size);
  return shapes.tensor(sizes, type.getElementType());
}

//===-- Shape rules and verifiers ---------------------------------------------------------------------------------===//

LogicalResult BroadcastOp::verify() {
  Type element = getX().getType().getElementType();
  if (element != getType().getElementType() || broadcastTypes({getX().getType(), getType()}, element) != getType())
    return emitOpError("cannot turn ") << shapeText(getX().getType()) << " of " << element << " into "
                                       << shapeText(getType()) << " of " << getType().getElementType()
                                       << ": aligned at the last dimension, sizes must be equal or 1 (c1)";
  return success();
}

LogicalResult ReshapeOp::verify() {
  Shapes shapes(getContext());
  AffineExpr from = shapes.product(shapes.of(getX())), to = shapes.product(shapes.of(getResult()));
  if (shapes.normal(from) != shapes.normal(to))
    return emitOpError("keeps the number of elements (c1), but ")
           << shapeText(getX().getType()) << " has " << shapes.text(from) << " and " << shapeText(getType()) << " has "
           << shapes.text(to);
  if (getX().getType().getElementType() != getType().getElementType())
    return emitOpError("keeps the element type (c2), but turns ")
           << getX().getType().getElementType() << " into " << getType().getElementType();
  return success();
}

LogicalResult TransposeOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location, Adaptor operands,
                                            SmallVectorImpl<Type> &results) {
  RankedTensorType type = typeOf(operands.getX());
  ArrayRef<int64_t> permutation = operands.getPermutation();
  if ((int64_t)permutation.size() != type.getRank() || !isPermutationVector(permutation))
    return emitOptionalError(location, "transpose: [", permutation, "] is no order of the ", type.getRank(),
                             " dimensions of ", shapeText(type), ": name each once (c1)");
  Shapes shapes(context);
  auto sizes = shapes.of(type);
  results.push_back(shapes.tensor(applyPermutation(ArrayRef(sizes), permutation), type.getElementType()));
  return success();
}

LogicalResult SliceOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor operands,
                                        SmallVectorImpl<Type> &results) {
  FailureOr<int64_t> extent = axisSize(location, "slice", operands.getX(), operands.getAxis());
  if (failed(extent)) return failure();
  int64_t start = operands.getStart(), size = operands.getSize(), step = operands.getStep();
  if (size < 0 || step < 1)
    return emitOptionalError(location, "slice: size ", size, " and step ", step,
                             ": the first must not be negative, the second at least 1 (c3)");
  bool inside = size == 0 ? start <= *extent : start < *extent && size - 1 <= (*extent - 1 - start) / step;
  if (start < 0 || !inside)
    return emitOptionalError(location, "slice: ", size, " elements from ", start, " in steps of ", step,
                             " do not lie within the ", *extent, " of axis ", operands.getAxis(), " (c2)");
  results.push_back(withAxis(typeOf(operands.getX()), operands.getAxis(), size));
  return success();
}

LogicalResult PadOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor operands,
                                      SmallVectorImpl<Type> &results) {
  FailureOr<int64_t> extent = axisSize(location, "pad", operands.getX(), operands.getAxis());
  if (failed(extent)) return failure();
  int64_t low = operands.getLow(), high = operands.getHigh(), step = operands.getStep();
  if (low < 0 || high < 0 || step < 1 || std::max({low, high, step}) > maxElements / std::max<int64_t>(*extent, 1))
    return emitOptionalError(location, "pad: low ", low, ", high ", high, " and step ", step,
                             ": the first two must not be negative, the step at least 1, and none huge (c2)");
  results.push_back(
      withAxis(typeOf(operands.getX()), operands.getAxis(), low + (*extent ? (*extent - 1) * step + 1 : 0) + high));
  return success();
}

LogicalResult ConcatOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor operands,
                                         SmallVectorImpl<Type> &results) {
  if (operands.getInputs().empty()) return emitOptionalError(location, "concat: needs at least one tensor");
  RankedTensorType first = typeOf(operands.getInputs()[0]);
  int64_t axis = operands.getAxis(), total = 0;
  for (Value input : operands.getInputs()) {
    RankedTensorType type = typeOf(input);
    if (type.getRank() != first.getRank() || type.getElementType() != first.getElementType())
      return emitOptionalError(location, "concat: ", shapeText(first), " of ", first.getElementType(), " and ",
                               shapeText(type), " of ", type.getElementType(),
                               ": all must have one rank and element type (c2)");
    FailureOr<int64_t> extent = axisSize(location, "concat", input, axis);
    if (failed(extent)) return failure();
    if (withAxis(type, axis, 1) != withAxis(first, axis, 1))
      return emitOptionalError(location, "concat: ", shapeText(first), " and ", shapeText(type), " differ beside axis ",
                               axis, ": all other sizes must be equal (c3)");
    total += *extent;
  }
  results.push_back(withAxis(first, axis, total));
  return success();
}

LogicalResult PackOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor operands,
                                       SmallVectorImpl<Type> &results) {
  RankedTensorType packed = operands.getPanels().pack(typeOf(operands.getX()));
  if (!packed)
    return emitOptionalError(location, "pack: ", shapeText(typeOf(operands.getX())), " has no axis ",
                             operands.getPanels().getAxis(), " of constant size (c1)");
  results.push_back(packed);
  return success();
}

LogicalResult UnpackOp::verify() {
  if (getPanels().pack(getType()) == getX().getType()) return success();
  return emitOpError("gives ") << shapeText(getType()) << " of " << getType().getElementType() << ", which in "
                               << getPanels() << " is not " << shapeText(getX().getType()) << " of "
                               << getX().getType().getElementType() << " (c1)";
}

//===-- Folds -----------------------------------------------------------------------------------------------------===//

OpFoldResult BroadcastOp::fold(FoldAdaptor) { return getX().getType() == getType() ? getX() : Value(); }

OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  if (getX().getType() == getType()) return getX();
  if (auto inner = getX().getDefiningOp<ReshapeOp>()) {
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return nullptr;
}

OpFoldResult TransposeOp::fold(FoldAdaptor) {
  if (isIdentityPermutation(getPermutation())) return getX();
  if (auto inner = getX().getDefiningOp<TransposeOp>()) {
    setPermutation(applyPermutation(inner.getPermutation(), getPermutation()));
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return nullptr;
}

OpFoldResult SliceOp::fold(FoldAdaptor) { return getX().getType() == getType() ? getX() : Value(); }
OpFoldResult ConcatOp::fold(FoldAdaptor) { return getInputs().size() == 1 ? getInputs()[0] : Value(); }

OpFoldResult PackOp::fold(FoldAdaptor) {
  auto unpack = getX().getDefiningOp<UnpackOp>();
  return unpack && unpack.getPanels() == getPanels() ? unpack.getX() : Value();
}
OpFoldResult UnpackOp::fold(FoldAdaptor) {
  auto pack = getX().getDefiningOp<PackOp>();
  return pack && pack.getPanels() == getPanels() && pack.getX().getType() == getType() ? pack.getX() : Value();
}

//===-- Gradients -------------------------------------------------------------------------------------------------===//

#define FOVEA_VJP(OP) SmallVector<Value> OP::vjp(OpBuilder &builder, ValueRange cotangents, ArrayRef<bool>)

// The grad stage sums over what was repeated.
FOVEA_VJP(BroadcastOp) { return {cotangents[0]}; }
FOVEA_VJP(ReshapeOp) { return {ReshapeOp::create(builder, getLoc(), getX().getType(), cotangents[0])}; }
FOVEA_VJP(TransposeOp) {
  return {TransposeOp::create(builder, getLoc(), cotangents[0], invertPermutationVector(getPermutation()))};
}
FOVEA_VJP(SliceOp) {
  int64_t end = getStart() + (getSize() - 1) * getStep() + 1;
  int64_t extent = getX().getType().getDimSize(getAxis());
  return {PadOp::create(builder, getLoc(), cotangents[0], getAxis(), getStart(), extent - end, getStep())};
}
FOVEA_VJP(PadOp) {
  return {SliceOp::create(builder, getLoc(), cotangents[0], getAxis(), getLow(), getX().getType().getDimSize(getAxis()),
                          getStep())};
}
FOVEA_VJP(PackOp) { return {UnpackOp::create(builder, getLoc(), getX().getType(), cotangents[0], getPanels())}; }
FOVEA_VJP(UnpackOp) { return {PackOp::create(builder, getLoc(), cotangents[0], getPanels())}; }
FOVEA_VJP(ConcatOp) {
  SmallVector<Value> result;
  int64_t start = 0;
  for (Value input : getInputs()) {
    int64_t size = typeOf(input).getDimSize(getAxis());
    result.push_back(SliceOp::create(builder, getLoc(), cotangents[0], getAxis(), start, size, 1));
    start += size;
  }
  return result;
}

} // namespace fovea
