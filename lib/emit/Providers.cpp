// The choice of a provider for each kernel.
#include "lib/emit/Providers.h"

#include "lib/gpu/Provider.h"

namespace fovea {

std::string providedSymbol(KernelOp kernel, const Target &target, const KernelOptions &options) {
  return gpu::canCompile(kernel, target) ? gpu::kernelSymbol(kernel, target) : kernelSymbol(kernel, target, options);
}

mlir::FailureOr<KernelCode> provideCode(KernelOp kernel, const Target &target, const KernelOptions &options) {
  return gpu::canCompile(kernel, target) ? gpu::compileKernel(kernel, target) : compileKernel(kernel, target, options);
}

mlir::FailureOr<std::string> provideText(KernelOp kernel, const Target &target, const KernelOptions &options,
                                         KernelText what) {
  return gpu::canCompile(kernel, target) ? gpu::kernelText(kernel, target, what)
                                         : kernelText(kernel, target, options, what);
}

} // namespace fovea
