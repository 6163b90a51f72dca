// What point ops cost to compute.
#pragma once

#include "dialect/Ops.h"

namespace fovea {

/// About how many additions an element of the result costs.
int64_t pointCost(mlir::Operation *op);

/// For how many exponentials' cost a kernel computes an element: each a long chain of operations, which wait for one
/// another.
int64_t longChains(KernelOp kernel);

} // namespace fovea
