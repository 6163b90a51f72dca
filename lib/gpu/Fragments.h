// From tiles of vectors to the threads of a device's warps.
#pragma once

#include "mlir/IR/BuiltinOps.h"

namespace fovea::gpu {

/// Warps in a block, which take tiles of the result side by side: two down and two across.
constexpr int64_t warpsDown = 2, warpsAcross = 2, threadsPerBlock = 32 * warpsDown * warpsAcross;

/// Adds to `device`, a gpu.module, the kernel `name` that does what the vector form does: blocks along x take rows,
/// those along y columns. `aligned` says that the addresses of all matrices are multiples of 16.
void addDeviceForm(mlir::ModuleOp vectorForm, mlir::Operation *device, llvm::StringRef name, bool aligned);

} // namespace fovea::gpu
