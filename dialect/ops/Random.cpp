// Random ops: verifiers.
#include "dialect/ops/Term.h"

using namespace mlir;

#define GET_OP_CLASSES
#include "dialect/ops/Random.cpp.inc"

namespace fovea {

void registerRandom(FoveaDialect &dialect) {
  dialect.addFamily<
#define GET_OP_LIST
#include "dialect/ops/Random.cpp.inc"
      >();
}

LogicalResult RandomKeysOp::verify() {
  RankedTensorType type = getType();
  if (getSeed().getType().getRank() != 0 || getCounter().getType().getRank() != 0 || type.getRank() != 2 ||
      type.getDimSize(1) != 2 || !type.getElementType().isInteger(32) ||
      !getSeed().getType().getElementType().isInteger(64) || !getCounter().getType().getElementType().isInteger(64))
    return emitOpError("makes (n, 2) i32 from a seed and a counter, both i64 of rank 0 (c1)");
  return success();
}

LogicalResult RandomUniformOp::verify() {
  RankedTensorType key = getKey().getType();
  if (key.getShape() != ArrayRef<int64_t>{2} || !key.getElementType().isInteger(32))
    return emitOpError("takes a key of two i32 (c1), not ") << shapeText(key) << " of " << key.getElementType();
  return success();
}

LogicalResult DropoutOp::verify() {
  double rate = getRate().convertToDouble();
  if (!(rate >= 0 && rate < 1)) return emitOpError("has rate ") << rate << ": it must be at least 0 and below 1 (c1)";
  return success();
}

} // namespace fovea
