// Reductions: shape rule and gradients.
#include "dialect/ops/RowSum.h"
#include "dialect/ops/Term.h"

using namespace mlir;

#define GET_OP_CLASSES
#include "dialect/ops/Reduce.cpp.inc"

namespace fovea {

void registerReduce(FoveaDialect &dialect) {
  dialect.addFamily<
#define GET_OP_LIST
#include "dialect/ops/Reduce.cpp.inc"
      >();
}

static RankedTensorType reducedType(RankedTensorType type, ArrayRef<int64_t> axes, bool keep) {
  Shapes shapes(type.getContext());
  SmallVector<AffineExpr> sizes;
  for (auto [axis, size] : llvm::enumerate(shapes.of(type)))
    if (!llvm::is_contained(axes, (int64_t)axis))
      sizes.push_back(size);
    else if (keep)
      sizes.push_back(shapes.one());
  return shapes.tensor(sizes, type.getElementType());
}

static LogicalResult inferReduce(std::optional<Location> location, StringRef op, Value x, ArrayRef<int64_t> axes,
                                 bool keep, SmallVectorImpl<Type> &results) {
  auto type = cast<RankedTensorType>(x.getType());
  for (auto [index, axis] : llvm::enumerate(axes))
    if (axis < 0 || axis >= type.getRank() || (index && axis <= axes[index - 1]))
      return emitOptionalError(location, op, ": axes [", axes, "] of a tensor of rank ", type.getRank(),
                               ": they must rise and lie below the rank (c1)");
  results.push_back(reducedType(type, axes, keep));
  return success();
}

LogicalResult SumOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor operands,
                                      SmallVectorImpl<Type> &results) {
  return inferReduce(location, "sum", operands.getX(), operands.getAxes(), operands.getKeep(), results);
}
LogicalResult MaxOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor operands,
                                      SmallVectorImpl<Type> &results) {
  return inferReduce(location, "max", operands.getX(), operands.getAxes(), operands.getKeep(), results);
}

LogicalResult ProdOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor operands,
                                       SmallVectorImpl<Type> &results) {
  return inferReduce(location, "prod", operands.getX(), operands.getAxes(), operands.getKeep(), results);
}
LogicalResult ArgmaxOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location, Adaptor operands,
                                         SmallVectorImpl<Type> &results) {
  RankedTensorType type = typeOf(operands.getX());
  int64_t axis = operands.getAxis();
  if (axis < 0 || axis >= type.getRank())
    return emitOptionalError(location, "argmax: axis ", axis, " of ", shapeText(type),
                             ": it must lie below the rank (c1)");
  results.push_back(tensorOf(dimsOf(reducedType(type, axis, operands.getKeep())), IntegerType::get(context, 64)));
  return success();
}

OpFoldResult ProdOp::fold(FoldAdaptor) { return getAxes().empty() ? getX() : Value(); }
OpFoldResult SumOp::fold(FoldAdaptor) { return getAxes().empty() ? getX() : Value(); }
OpFoldResult MaxOp::fold(FoldAdaptor) { return getAxes().empty() ? getX() : Value(); }

/// A reduced value with its dropped dimensions back as size 1, so that it broadcasts against x.
static Value kept(OpBuilder &builder, Location location, Value reduced, RankedTensorType x, ArrayRef<int64_t> axes) {
  RankedTensorType type = reducedType(x, axes, true);
  if (reduced.getType() == type) return reduced;
  return ReshapeOp::create(builder, location, type, reduced);
}

SmallVector<Value> SumOp::vjp(OpBuilder &builder, ValueRange cotangents, ArrayRef<bool>) {
  Value g = kept(builder, getLoc(), cotangents[0], getX().getType(), getAxes());
  return {BroadcastOp::create(builder, getLoc(), getX().getType(), g)};
}

// The product of the others, without a division by zero: that of all with zeros taken as 1, divided by the element,
// where no other is zero.
SmallVector<Value> ProdOp::vjp(OpBuilder &builder, ValueRange cotangents, ArrayRef<bool>) {
  Term g(builder, getLoc(), kept(builder, getLoc(), cotangents[0], getX().getType(), getAxes())),
      x(builder, getLoc(), getX());
  Value isZero = CompareOp::create(builder, getLoc(), x, x.constant(0), "eq");
  Term zeros(builder, getLoc(), CastOp::create(builder, getLoc(), getX().getType(), isZero));
  Term nonzero = x.make<SelectOp>(isZero, x.constant(1).value, x.value);
  Term product = x.make<ProdOp>(nonzero.value, getAxes(), true);
  Term others = x.make<SumOp>(zeros.value, getAxes(), true) - zeros;
  Value alone = CompareOp::create(builder, getLoc(), others, x.constant(0), "eq");
  return {g * x.make<SelectOp>(alone, (product / nonzero).value, x.constant(0).value)};
}

SmallVector<Value> MaxOp::vjp(OpBuilder &builder, ValueRange cotangents, ArrayRef<bool>) {
  Term g(builder, getLoc(), kept(builder, getLoc(), cotangents[0], getX().getType(), getAxes()));
  Term y(builder, getLoc(), kept(builder, getLoc(), getResult(), getX().getType(), getAxes()));
  Value largest = CompareOp::create(builder, getLoc(), getX(), y, "eq");
  Term ones(builder, getLoc(), CastOp::create(builder, getLoc(), getX().getType(), largest));
  Term count(builder, getLoc(), SumOp::create(builder, getLoc(), ones, getAxes(), true));
  return {ones * (g / count)};
}

bool canBeRowSum(Operation *op) {
  auto sum = dyn_cast<SumOp>(op);
  if (!sum || !sum.getKeep() || sum.getAxes().size() != 1) return false;
  int64_t rank = sum.getX().getType().getRank();
  return sum.getAxes()[0] == rank - 1 && rank > 1;
}

} // namespace fovea
