// The host program: the functions that users call and those that launch the kernels, with the tables that the runtime
// reads, as one ELF object.
#pragma once

#include "lib/emit/Interface.h"
#include "lib/halide/Provider.h"

#include <map>

namespace fovea {

/// A model compiled for one target: its module at the kernels stage, and the code of each fovea.kernel by name.
struct TargetProgram {
  Target target;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::map<std::string, KernelCode> kernels;

  /// Kernels run one after another.
  ScratchBytes scratchBytes() const;
};

/// `interface` is that of the first program; the others have the same. The programs are in order of preference, and
/// their modules have been checked by interfaceOf.
std::string emitHostProgram(const Interface &interface, ArrayRef<TargetProgram> programs);

} // namespace fovea
