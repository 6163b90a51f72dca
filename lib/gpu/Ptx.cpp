// LLVM IR to PTX.
#include "lib/gpu/Lower.h"

#include "mlir/ExecutionEngine/OptUtils.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Triple.h"

#include <mutex>

namespace fovea::gpu {

static const llvm::Target *nvptx(const llvm::Triple &triple) {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
  std::string message;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, message);
  if (!target) llvm::report_fatal_error(llvm::StringRef("this LLVM was built without NVPTX: " + message));
  return target;
}

std::string ptx(llvm::Module &module, int32_t capability) {
  llvm::Triple triple("nvptx64-nvidia-cuda");
  std::unique_ptr<llvm::TargetMachine> machine(
      nvptx(triple)->createTargetMachine(triple, "sm_" + std::to_string(capability), "", llvm::TargetOptions(),
                                         std::nullopt, std::nullopt, llvm::CodeGenOptLevel::Aggressive));
  module.setTargetTriple(triple);
  module.setDataLayout(machine->createDataLayout());
  if (llvm::Error error = mlir::makeOptimizingTransformer(3, 0, machine.get())(&module))
    llvm::report_fatal_error(std::move(error));
  llvm::SmallString<0> text;
  llvm::raw_svector_ostream stream(text);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::AssemblyFile))
    llvm::report_fatal_error("LLVM cannot write PTX");
  passes.run(module);
  return text.str().str();
}

} // namespace fovea::gpu
