// Loads and sums of captured tensors.
#include "dialect/ops/ScoreFunction.h"

using namespace mlir;

#define GET_OP_CLASSES
#include "dialect/ops/Score.cpp.inc"

namespace fovea {

void registerScore(FoveaDialect &dialect) {
  dialect.addFamily<
#define GET_OP_LIST
#include "dialect/ops/Score.cpp.inc"
      >();
}

/// `element` is what is read, or added.
static LogicalResult verify(Operation *op, Value capture, ValueRange indices, Value element) {
  RankedTensorType type = typeOf(capture);
  bool scalars = llvm::all_of(indices, [](Value index) { return typeOf(index).getRank() == 0; });
  if (!isa<BlockArgument>(capture) || (int64_t)indices.size() != type.getRank() || !scalars ||
      llvm::is_contained(type.getShape(), 0))
    return op->emitOpError("of ") << shapeText(type) << " by " << indices.size()
                                  << " indices: a captured tensor has elements, and one index, a tensor of rank 0, "
                                     "for each dimension (c1)";
  if (element.getType() != loadedType(type))
    return op->emitOpError("of ") << type << " has an element of " << element.getType() << ": it is "
                                  << loadedType(type) << " (c2)";
  return success();
}

LogicalResult ScoreLoadOp::verify() { return fovea::verify(*this, getCapture(), getIndices(), getResult()); }
LogicalResult ScoreAddOp::verify() { return fovea::verify(*this, getCapture(), getIndices(), getValue()); }

} // namespace fovea
