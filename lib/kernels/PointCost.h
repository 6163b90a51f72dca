// What point ops cost to compute.
#pragma once

#include "dialect/Ops.h"

namespace fovea {

/// About how many additions an element of the result costs.
int64_t pointCost(mlir::Operation *op);

/// Whether a kernel computes exponentials and the like: each a long chain of operations, which wait for one another.
bool hasLongChains(KernelOp kernel);

} // namespace fovea
