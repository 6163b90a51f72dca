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

LogicalResult EmbeddingOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location, Adaptor operands,
                                            SmallVectorImpl<Type> &results) {
  RankedTensorType table = typeOf(operands.getTable());
  if (table.getRank() != 2)
    return emitOptionalError(location, "embedding: the table is ", shapeText(table),
                             ": it must have rank 2, (rows, width) (c1)");
  Shapes shapes(context);
  auto sizes = shapes.of(operands.getIndices());
  sizes.push_back(shapes.of(table)[1]);
  results.push_back(shapes.tensor(sizes, table.getElementType()));
  return success();
}

SmallVector<Value> EmbeddingOp::vjp(OpBuilder &builder, ValueRange cotangents, ArrayRef<bool> needed) {
  if (!needed[0]) return {Value(), Value()};
  RankedTensorType table = getTable().getType(), indices = getIndices().getType();
  Shapes shapes(builder.getContext());
  AffineExpr count = shapes.product(shapes.of(indices));
  auto flat = [&](Value value, ArrayRef<AffineExpr> sizes) {
    return ReshapeOp::create(builder, getLoc(), shapes.tensor(sizes, typeOf(value).getElementType()), value);
  };
  Value g = flat(cotangents[0], {count, shapes.of(table)[1]}), rows = flat(getIndices(), {count});
  return {EmbeddingGradOp::create(builder, getLoc(), table, g, rows), Value()};
}

LogicalResult EmbeddingGradOp::verify() {
  RankedTensorType g = getCotangent().getType(), table = getType();
  Shapes shapes(getContext());
  auto from = shapes.of(g), index = shapes.of(getIndices()), to = shapes.of(table);
  if (from.size() != 2 || index.size() != 1 || to.size() != 2 || from[0] != index[0] || from[1] != to[1] ||
      g.getElementType() != table.getElementType())
    return emitOpError("adds up ") << shapeText(g) << " by " << shapeText(getIndices().getType()) << " into "
                                   << shapeText(table) << ": they must be (n, width), (n) and (rows, width) (c1)";
  return success();
}

LogicalResult OneHotOp::verify() {
  auto indices = dimsOf(getIndices().getType()), result = dimsOf(getType());
  if (result.getSizes().empty() || result.getSizes().drop_back() != indices.getSizes())
    return emitOpError("turns ") << shapeText(getIndices().getType()) << " into " << shapeText(getType())
                                 << ": the result must have one more, last dimension (c1)";
  return success();
}

} // namespace fovea
