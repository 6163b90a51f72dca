// What the stages take: checked once, so that the rest of a stage need not.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace fovea {

/// Fails with a diagnostic unless the function has a body of one block, made of fovea's ops over tensors.
llvm::LogicalResult checkProgram(mlir::func::FuncOp function);

} // namespace fovea
