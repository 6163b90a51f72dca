// LLVM IR to machine code, for code that is not worth a provider: the host program.
#pragma once

#include <memory>
#include <string>

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace fovea {

/// Baseline x86-64 with position-independent code, whatever the kernels use: the host program runs before a target is
/// chosen.
class NativeCode {
public:
  NativeCode();
  ~NativeCode();
  /// Sets the triple and the data layout; to be called before the module is filled.
  void prepare(llvm::Module &module) const;
  /// The module as an ELF object.
  std::string object(llvm::Module &module) const;

private:
  std::unique_ptr<llvm::TargetMachine> machine;
};

} // namespace fovea
