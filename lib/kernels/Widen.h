// Low precision inside kernels.
#pragma once

#include "dialect/Ops.h"

namespace fovea {

/// Removes casts to f16 or bf16 and back that a kernel makes of a value that nothing else reads.
void dropRoundings(KernelOp kernel);

} // namespace fovea
