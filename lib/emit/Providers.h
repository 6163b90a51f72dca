// Which provider compiles a kernel: tensor cores what they can, Halide everything else.
#pragma once

#include "lib/halide/Provider.h"

namespace fovea {

std::string providedSymbol(KernelOp kernel, const Target &target, const KernelOptions &options);
mlir::FailureOr<KernelCode> provideCode(KernelOp kernel, const Target &target, const KernelOptions &options);
mlir::FailureOr<std::string> provideText(KernelOp kernel, const Target &target, const KernelOptions &options,
                                         KernelText what);

} // namespace fovea
