// State ops and custom gradient rules.
#include "dialect/ops/Term.h"

#include "mlir/IR/IRMapping.h"

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

LogicalResult CustomVjpOp::verify() {
  if (getResultTypes() != getValues().getTypes())
    return emitOpError("has ") << getNumResults() << " results, which must have the types of its " << getValues().size()
                               << " values (c1)";
  return success();
}

LogicalResult CustomVjpOp::verifyRegions() {
  SmallVector<Type> types(getInputs().getTypes());
  llvm::append_range(types, getValues().getTypes());
  llvm::append_range(types, getValues().getTypes());
  auto yield = dyn_cast<YieldOp>(getRule().front().getTerminator());
  if (!yield || getRule().getArgumentTypes() != TypeRange(types) ||
      yield.getValues().getTypes() != getInputs().getTypes())
    return emitOpError(
        "rule must take the inputs, the values and a cotangent for each value, and yield a cotangent for "
        "each input (c1)");
  return success();
}

SmallVector<Value> CustomVjpOp::vjp(OpBuilder &builder, ValueRange cotangents, ArrayRef<bool>) {
  IRMapping mapping;
  SmallVector<Value> arguments(getInputs());
  llvm::append_range(arguments, getValues());
  for (auto [value, cotangent] : llvm::zip(getValues(), cotangents))
    arguments.push_back(cotangent ? cotangent : filled(builder, getLoc(), typeOf(value), 0));
  mapping.map(getRule().getArguments(), arguments);
  for (Operation &op : getRule().front().without_terminator()) builder.clone(op, mapping);
  SmallVector<Value> result;
  for (Value value : getRule().front().getTerminator()->getOperands()) result.push_back(mapping.lookup(value));
  result.resize(getNumOperands()); // none for the values
  return result;
}

} // namespace fovea
