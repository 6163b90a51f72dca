// Lookups: shape rules and gradients.
#include "dialect/ops/Term.h"

using namespace mlir;

#define GET_OP_CLASSES
#include "dialect/ops/Gather.cpp.inc"

namespace fovea {

void registerGather(FoveaDialect &dialect) {
  dialect.addFamily<
#define GET_OP_LIST
#include "dialect/ops/Gather.cpp.inc"
      >();
}

static LogicalResult inferGather(std::optional<Location> location, StringRef name, RankedTensorType x,
                                 ValueRange indices, int64_t axis, int64_t batch, SmallVectorImpl<Type> &results) {
  auto count = (int64_t)indices.size();
  if (count < 1 || batch < 0 || axis < batch || axis > x.getRank() - count)
    return emitOptionalError(location, name, ": ", count, " index tensors for the axes from ", axis, " on, after ",
                             batch, " of the batch, of ", shapeText(x),
                             ": they must be within its rank, batch first (c1)");
  Shapes shapes(x.getContext());
  auto sizes = shapes.of(x), index = shapes.of(indices[0]);
  for (Value other : indices)
    if (shapes.of(other) != index)
      return emitOptionalError(location, name, ": the indices are ", shapeText(typeOf(indices[0])), " and ",
                               shapeText(typeOf(other)), ": they must have one shape (c2)");
  if ((int64_t)index.size() < batch || ArrayRef(index).take_front(batch) != ArrayRef(sizes).take_front(batch))
    return emitOptionalError(location, name, ": the indices are ", shapeText(typeOf(indices[0])), " and x ",
                             shapeText(x), ": they must begin with the same ", batch, " sizes (c2)");
  sizes.erase(sizes.begin() + axis, sizes.begin() + axis + count);
  sizes.insert(sizes.begin() + axis, index.begin() + batch, index.end());
  results.push_back(shapes.tensor(sizes, x.getElementType()));
  return success();
}

LogicalResult GatherOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor operands,
                                         SmallVectorImpl<Type> &results) {
  return inferGather(location, "gather", typeOf(operands.getX()), operands.getIndices(), operands.getAxis(),
                     operands.getBatch(), results);
}

LogicalResult ScatterOp::verify() {
  if (!llvm::is_contained({"assign", "add", "multiply", "maximum", "minimum"}, getReduction()))
    return emitOpError("has the reduction '")
           << getReduction() << "': it must be assign, add, multiply, maximum or minimum (c1)";
  SmallVector<Type> gathered;
  if (failed(inferGather(getLoc(), "scatter", getX().getType(), getIndices(), getAxis(), getBatch(), gathered)))
    return failure();
  if (getUpdates().getType() != gathered[0])
    return emitOpError("has updates ") << shapeText(getUpdates().getType()) << " where the indices name "
                                       << shapeText(cast<RankedTensorType>(gathered[0])) << " of "
                                       << shapeText(getX().getType()) << ": they must be of one type (c2)";
  if (getType() != getX().getType())
    return emitOpError("turns ") << shapeText(getX().getType()) << " into " << shapeText(getType())
                                 << ": they must be of one type (c3)";
  return success();
}

SmallVector<Value> GatherOp::vjp(OpBuilder &builder, ValueRange cotangents, ArrayRef<bool> needed) {
  SmallVector<Value> result(getNumOperands());
  if (needed[0])
    result[0] = ScatterOp::create(builder, getLoc(), getX().getType(), filled(builder, getLoc(), getX().getType(), 0),
                                  getIndices(), cotangents[0], getAxis(), getBatch(), "add");
  return result;
}

StringRef ScatterOp::withoutGradient() { return "freeze them, or combine by assign or add, which have one"; }

SmallVector<Value> ScatterOp::vjp(OpBuilder &builder, ValueRange cotangents, ArrayRef<bool> needed) {
  bool assigns = getReduction() == "assign";
  if (!assigns && getReduction() != "add") return {};
  Value g = cotangents[0];
  SmallVector<Value> result(getNumOperands());
  if (needed.front())
    result.front() = assigns ? ScatterOp::create(builder, getLoc(), getType(), g, getIndices(),
                                                 filled(builder, getLoc(), getUpdates().getType(), 0), getAxis(),
                                                 getBatch(), "assign")
                                   .getResult()
                             : g;
  if (needed.back())
    result.back() = GatherOp::create(builder, getLoc(), g, getIndices(), getAxis(), getBatch(), /*zero_outside=*/true);
  return result;
}

LogicalResult OneHotOp::verify() {
  auto indices = dimsOf(getIndices().getType()), result = dimsOf(getType());
  if (result.getSizes().empty() || result.getSizes().drop_back() != indices.getSizes())
    return emitOpError("turns ") << shapeText(getIndices().getType()) << " into " << shapeText(getType())
                                 << ": the result must have one more, last dimension (c1)";
  return success();
}

} // namespace fovea
