// The one file that includes LLVM's code generator; it takes long to compile.
#include "lib/emit/NativeCode.h"

#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Triple.h"

#include <mutex>

namespace fovea {

static const llvm::Target *x86(const llvm::Triple &triple) {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
  });
  std::string message;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, message);
  if (!target) llvm::report_fatal_error(llvm::StringRef("this LLVM was built without x86: " + message));
  return target;
}

NativeCode::NativeCode() {
  llvm::Triple triple("x86_64-unknown-linux-gnu");
  machine.reset(x86(triple)->createTargetMachine(triple, "x86-64", "", llvm::TargetOptions(), llvm::Reloc::PIC_,
                                                 std::nullopt, llvm::CodeGenOptLevel::None));
}

NativeCode::~NativeCode() = default;

void NativeCode::prepare(llvm::Module &module) const {
  module.setTargetTriple(machine->getTargetTriple());
  module.setDataLayout(machine->createDataLayout());
  module.setPICLevel(llvm::PICLevel::BigPIC);
}

std::string NativeCode::object(llvm::Module &module) const {
  assert(!llvm::verifyModule(module, &llvm::errs()) && "the host program is malformed");
  llvm::SmallString<0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile))
    llvm::report_fatal_error("LLVM cannot write x86-64 ELF objects");
  passes.run(module);
  return bytes.str().str();
}

} // namespace fovea
