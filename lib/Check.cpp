// Checks of what the stages take.
#include "lib/Check.h"

#include "dialect/Ops.h"

using namespace mlir;

namespace fovea {

static LogicalResult checkType(Operation *op, Type type) {
  if (isTensor(type)) return success();
  return op->emitOpError("has a value of type ")
         << type << ": programs are over tensors of up to 2^48 elements, each ? with its #fovea.dims";
}

LogicalResult checkProgram(func::FuncOp function) {
  if (function.isDeclaration() || !llvm::hasSingleElement(function.getBody()))
    return function.emitOpError("must have a body of one block");
  for (Operation &op : function.front()) {
    if (isa<func::ReturnOp>(op)) continue;
    if (isa<LaunchOp, ArenaOp, StateBufferOp, SubviewOp>(op))
      return op.emitOpError("is already over buffers: this module is at the kernels stage");
    if (!isa_and_nonnull<FoveaDialect>(op.getDialect()) || isa<YieldOp, KernelOp, ScoreLoadOp, StateOp>(op))
      return op.emitOpError("cannot be compiled: a function holds fovea's tensor ops and ends with a return");
  }
  for (Type type : function.getArgumentTypes())
    if (failed(checkType(function, type))) return failure();
  return success();
}

} // namespace fovea
