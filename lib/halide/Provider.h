// The Halide provider: a fovea.kernel with its schedule becomes native code.
#pragma once

#include "dialect/Ops.h"
#include "lib/kernels/Target.h"

#include <string>

namespace fovea {

/// What may be in halide_malloc at once, with overhead: on the thread that calls, and on one that only runs tasks.
/// On a device, what a kernel's intermediates take there.
struct ScratchBytes {
  int64_t caller = 0, worker = 0, device = 0;
};

/// A kernel as code. Its function is
///   int32_t symbol(void *user_context, halide_buffer_t *input..., int32_t size..., halide_buffer_t *result...)
/// with an input for each argument that no result works in place of, in order; the value of each symbol that the
/// kernel's types or body name, sorted by name; and every result, in order. It returns 0 on success.
struct KernelCode {
  std::string symbol; // fovea_ and a hash of the kernel, its schedule, the target and the options
  std::string object; // ELF, without a runtime
  ScratchBytes scratch;
  int64_t launches = 0; // of a device, in a call of the function
};

/// `device` is the code of a device: PTX or OpenCL C.
enum class KernelText { schedule, stmt, llvm, assembly, device };

/// Whether kernels keep Halide's bounds checks, and check where functions of attention load; products do not.
struct KernelOptions {
  bool checks = false;
};

/// The names of the sizes that a kernel's function takes, sorted.
SmallVector<mlir::StringAttr> kernelSizes(KernelOp kernel);
/// fovea_ and a hash of the kernel and of how it is compiled.
std::string hashedSymbol(KernelOp kernel, const llvm::Twine &how);
/// The name of the kernel's function.
std::string kernelSymbol(KernelOp kernel, const Target &target, const KernelOptions &options);

/// Thread-safe for different kernels. Errors are emitted at the kernel's location.
mlir::FailureOr<KernelCode> compileKernel(KernelOp kernel, const Target &target, const KernelOptions &options);
mlir::FailureOr<std::string> kernelText(KernelOp kernel, const Target &target, const KernelOptions &options,
                                        KernelText what);

} // namespace fovea
