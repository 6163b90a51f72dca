// State ops: verifiers.
#include "dialect/Ops.h"
#include "dialect/Shape.h"

using namespace mlir;

#define GET_OP_CLASSES
#include "dialect/ops/Program.cpp.inc"

namespace fovea {

void registerProgram(FoveaDialect &dialect) {
  dialect.addFamily<
#define GET_OP_LIST
#include "dialect/ops/Program.cpp.inc"
      >();
}

LogicalResult StateOp::verify() {
  if (!llvm::is_contained({"parameter", "gradient", "optimizer", "seed", "counter"}, getRole()))
    return emitOpError("has role '") << getRole()
                                     << "': it must be parameter, gradient, optimizer, seed or counter (c1)";
  if (!llvm::is_contained({"constant", "normal", "truncated_normal", "uniform"}, getInitializer()))
    return emitOpError("has initializer '")
           << getInitializer() << "': it must be constant, normal, truncated_normal or uniform (c2)";
  if (!getTensor().hasStaticShape())
    return emitOpError("has shape ") << shapeText(getTensor()) << ": state must have constant sizes (c3)";
  if (!getStorage())
    return emitOpError("has ") << *getPanels() << ", but " << shapeText(getTensor()) << " has no such axis (c4)";
  return success();
}

RankedTensorType StateOp::getStorage() { return getPanels() ? getPanels()->pack(getTensor()) : getTensor(); }

static LogicalResult verifyState(Operation *op, FlatSymbolRefAttr symbol, Type type, SymbolTableCollection &tables) {
  auto state = tables.lookupNearestSymbolFrom<StateOp>(op, symbol);
  if (!state) return op->emitOpError("names ") << symbol << ", which is no fovea.state of this module (c1)";
  if (state.getStorage() != type)
    return op->emitOpError("has type ") << type << " but " << symbol << " is " << state.getStorage() << " (c1)";
  return success();
}

LogicalResult LoadOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifyState(*this, getStateAttr(), getType(), tables);
}

LogicalResult StoreOp::verifySymbolUses(SymbolTableCollection &tables) {
  Operation *before = (*this)->getPrevNode();
  while (before && !isa<StoreOp>(before)) before = before->getPrevNode();
  if (!before) { // the first store checks all
    llvm::SmallDenseSet<Attribute> stored;
    for (StoreOp store : (*this)->getBlock()->getOps<StoreOp>())
      if (!stored.insert(store.getStateAttr()).second)
        return store.emitOpError("is the second to ")
               << store.getStateAttr() << " in this function: a state is stored at most once (c2)";
  }
  return verifyState(*this, getStateAttr(), getValue().getType(), tables);
}

} // namespace fovea
