// Sorting: shape rule and gradient.
#include "dialect/ops/Term.h"

using namespace mlir;

#define GET_OP_CLASSES
#include "dialect/ops/Sort.cpp.inc"

namespace fovea {

void registerSort(FoveaDialect &dialect) {
  dialect.addFamily<
#define GET_OP_LIST
#include "dialect/ops/Sort.cpp.inc"
      >();
}

LogicalResult SortOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location, Adaptor operands,
                                       SmallVectorImpl<Type> &results) {
  RankedTensorType x = typeOf(operands.getX());
  if (x.getRank() < 1 || x.isDynamicDim(x.getRank() - 1))
    return emitOptionalError(location, "sort: ", shapeText(x), " must have a last dimension of constant size (c1)");
  results.append({x, x.clone(IntegerType::get(context, 64))});
  return success();
}

// Each element's cotangent goes back to where the element was.
SmallVector<Value> SortOp::vjp(OpBuilder &builder, ValueRange cotangents, ArrayRef<bool>) {
  Value zeros = filled(builder, getLoc(), getX().getType(), 0);
  int64_t last = getX().getType().getRank() - 1;
  return {
      ScatterOp::create(builder, getLoc(), getX().getType(), zeros, getIndices(), cotangents[0], last, last, "add")};
}

} // namespace fovea
