// The provider: from a kernel to code and text.
#include "lib/gpu/Launcher.h"
#include "lib/gpu/Lower.h"
#include "lib/gpu/Provider.h"

#include "lib/emit/NativeCode.h"

using namespace mlir;

namespace fovea::gpu {

/// Bumped when the same kernel would compile to other code.
static constexpr llvm::StringLiteral providerVersion = "mlir-22.1/3";

bool canCompile(KernelOp kernel, const Target &target) {
  return target.device == Device::cuda && target.capability >= 80 && Product::of(kernel);
}

std::string kernelSymbol(KernelOp kernel, const Target &target) {
  return hashedSymbol(kernel, target.name + providerVersion);
}

static FailureOr<Product> productOf(KernelOp kernel) {
  if (std::optional<Product> product = Product::of(kernel)) return *product;
  return kernel.emitError("is no product of bf16 matrices: the tensor-core provider does not compile it"), failure();
}

FailureOr<KernelCode> compileKernel(KernelOp kernel, const Target &target) {
  FailureOr<Product> product = productOf(kernel);
  if (failed(product)) return failure();
  std::string symbol = kernelSymbol(kernel, target);
  llvm::LLVMContext context;
  NativeCode native;
  auto module = std::make_unique<llvm::Module>(symbol, context);
  if (target.onDevice()) {
    native.prepare(*module);
    std::string text = ptx(*deviceCode(*product, symbol, context), target.capability);
    defineLaunch(*module, kernel, *product, symbol, text);
  } else {
    std::string callee = symbol + "_tiles";
    module = processorCode(*product, callee, context);
    native.prepare(*module);
    defineCall(*module, kernel, *product, symbol, callee);
  }
  return KernelCode{symbol, native.object(*module), {}, target.onDevice() ? 1 : 0};
}

FailureOr<std::string> kernelText(KernelOp kernel, const Target &target, KernelText what) {
  FailureOr<Product> product = productOf(kernel);
  if (failed(product)) return failure();
  StringRef symbol = "product"; // for people, a name without the kernel's hash
  if (what == KernelText::schedule) return vectorText(*product, symbol);
  if (what == KernelText::stmt) return deviceText(*product, symbol);
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module =
      target.onDevice() ? deviceCode(*product, symbol, context) : processorCode(*product, symbol, context);
  if (target.onDevice() && what != KernelText::llvm) return ptx(*module, target.capability);
  std::string text;
  llvm::raw_string_ostream(text) << *module;
  return text;
}

} // namespace fovea::gpu
