// The function through which the host program runs a kernel of this provider.
#pragma once

#include "lib/gpu/Product.h"

#include "llvm/IR/Module.h"

namespace fovea::gpu {

/// Adds to a module, prepared for the host's processor, the function that lib/halide/Provider.h describes. It calls
/// `callee`, a function as processorCode makes; or, on CUDA, loads `ptx` at its first call and launches the kernel of
/// this name in it.
void defineCall(llvm::Module &module, KernelOp kernel, const Product &product, StringRef symbol, StringRef callee);
void defineLaunch(llvm::Module &module, KernelOp kernel, const Product &product, StringRef symbol, StringRef ptx);

} // namespace fovea::gpu
