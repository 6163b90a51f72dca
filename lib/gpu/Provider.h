// The tensor-core provider, beside lib/halide: a fovea.kernel that is one product of bf16 matrices becomes PTX with
// mma.sync, through MLIR's vector and gpu dialects.
//
//   Product       what the kernel computes, if it is of this provider's kind
//   VectorForm    that as one loop over tiles of vectors: no target in it
//   Fragments     the tiles shared out among the threads of warps (CUDA)
//   Lower         either form to LLVM IR, PTX and native code
//   Launcher      the function that the host program calls
#pragma once

#include "lib/halide/Provider.h"

namespace fovea::gpu {

/// Whether this provider takes the kernel: a product of two bf16 matrices, summed in f32, with rows (biases) and
/// matrices (residuals) added or none, then relu or gelu or neither, on a CUDA device.
bool canCompile(KernelOp kernel, const Target &target);

/// As the functions of lib/halide/Provider.h. On a target without a device the code is plain and slow, for tests. Text
/// is the vector form for `schedule` and the form on threads for `stmt`; on CUDA, `llvm` is the device's code, and
/// `assembly` and `device` are PTX.
std::string kernelSymbol(KernelOp kernel, const Target &target);
mlir::FailureOr<KernelCode> compileKernel(KernelOp kernel, const Target &target);
mlir::FailureOr<std::string> kernelText(KernelOp kernel, const Target &target, KernelText what);

} // namespace fovea::gpu
