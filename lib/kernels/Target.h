// The processors that Fovea compiles for, by name.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace fovea {

/// Where kernels run. OpenCL stands for devices with shared virtual memory; it is how GPU schedules are tested on CPUs.
enum class Device { none, cuda, opencl };

struct Target {
  std::string name; // x86-64, x86-64-v3, x86-64-v4, x86-64-v4-bf16, cuda-sm80, ...; host is one of the first four
  int64_t vectorBytes = 16;
  int64_t vectorRegisters = 16;
  std::string halide;       // Halide's target string, without flags
  std::string halideDots;   // what to add for dot products of bf16 pairs; empty where there are none
  uint64_t cpuFeatures = 0; // FOVEA_CPU_* bits of lib/runtime/program.h
  /// A core's second cache; where machines differ, a small one's.
  int64_t secondCacheBytes = 256 << 10;
  Device device = Device::none;
  int32_t capability = 0; // CUDA: the least compute capability, 80 for 8.0

  bool onDevice() const { return device != Device::none; }
  /// Elements in a vector register; on a device, threads that share a row.
  int64_t lanes(int64_t bits) const { return vectorBytes * 8 / bits; }
  /// Whether a line can be fetched to be written (prefetchw).
  bool fetchesToWrite() const;
};

/// The targets of a list such as `x86-64-v3+x86-64-v4` or `host+cuda-sm80`, best first. The error names the part that
/// is not known, and those that are.
llvm::Expected<llvm::SmallVector<Target>> parseTargets(llvm::StringRef list);
/// The best target of a pass's option; where the list is wrong, a diagnostic at the module.
mlir::FailureOr<Target> targetOf(mlir::ModuleOp module, llvm::StringRef list);

} // namespace fovea
