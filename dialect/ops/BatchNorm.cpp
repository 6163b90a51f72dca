// Batch normalization: shape rule and its state.
#include "dialect/Ops.h"
#include "dialect/Shape.h"

using namespace mlir;

#define GET_OP_CLASSES
#include "dialect/ops/BatchNorm.cpp.inc"

namespace fovea {

void registerBatchNorm(FoveaDialect &dialect) {
  dialect.addFamily<
#define GET_OP_LIST
#include "dialect/ops/BatchNorm.cpp.inc"
      >();
}

LogicalResult BatchNormOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor operands,
                                            SmallVectorImpl<Type> &results) {
  RankedTensorType x = typeOf(operands.getX()), scale = typeOf(operands.getScale()), bias = typeOf(operands.getBias());
  bool fits = x.getRank() >= 2 && scale == bias && scale.getRank() == 1 && scale.hasStaticShape() &&
              scale.getDimSize(0) == x.getDimSize(1);
  if (!fits)
    return emitOptionalError(location, "batch_norm: x ", shapeText(x), ", scale ", shapeText(scale), " and bias ",
                             shapeText(bias),
                             ": scale and bias must be vectors of the constant size of x's dimension 1 (c1)");
  results.push_back(x);
  return success();
}

LogicalResult BatchNormOp::verifySymbolUses(SymbolTableCollection &tables) {
  for (FlatSymbolRefAttr symbol : {getRunningMeanAttr(), getRunningVarianceAttr()}) {
    auto state = tables.lookupNearestSymbolFrom<StateOp>(*this, symbol);
    if (!state || state.getTensor() != getScale().getType() || state.getRole() != "parameter" || !state.getFrozen())
      return emitOpError("keeps running statistics in ")
             << symbol << ": that must be a frozen parameter of type " << getScale().getType() << " (c2)";
  }
  return success();
}

} // namespace fovea
