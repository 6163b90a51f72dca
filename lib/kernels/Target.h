// The processors that Fovea compiles for, by name.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace fovea {

struct Target {
  std::string name; // x86-64, x86-64-v3, x86-64-v4 or x86-64-v4-bf16; host is one of these
  int64_t vectorBytes = 16;
  int64_t vectorRegisters = 16;
  std::string halide;       // Halide's target string, without flags
  std::string halideDots;   // what to add for dot products of bf16 pairs; empty where there are none
  uint64_t cpuFeatures = 0; // FOVEA_CPU_* bits of lib/runtime/program.h
  /// A core's first data cache; where machines differ, a newer one's.
  int64_t firstCacheBytes = 32 << 10;

  int64_t lanes(int64_t bits) const { return vectorBytes * 8 / bits; }
};

/// The targets of a list such as `x86-64-v3+x86-64-v4`, best first. The error names the part that is not known, and
/// those that are.
llvm::Expected<llvm::SmallVector<Target>> parseTargets(llvm::StringRef list);
/// The best target of a pass's option; where the list is wrong, a diagnostic at the module.
mlir::FailureOr<Target> targetOf(mlir::ModuleOp module, llvm::StringRef list);

} // namespace fovea
