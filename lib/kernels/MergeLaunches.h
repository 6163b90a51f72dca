// One launch over neighbouring states instead of one for each of them.
#pragma once

#include "dialect/Ops.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace fovea {

/// Launches over buffers that do the same, element by element, to states that lie one after another become one launch
/// over all of these, with the padding between them: an optimizer's update is a few launches.
void mergeLaunches(mlir::func::FuncOp function);

} // namespace fovea
