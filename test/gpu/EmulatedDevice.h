// A device without one: kernels of lib/gpu as code for this processor, whose 32 threads of a warp take turns and meet
// at every mma.sync. What that instruction does is written here from its definition in NVIDIA's PTX ISA, 9.7.15.5.8.
#pragma once

#include "llvm/IR/Module.h"

#include <array>
#include <cstdint>
#include <functional>
#include <string>

namespace fovea {

/// The kernels of device code become functions of their names that a device of below can run.
void emulateDevice(llvm::Module &deviceCode);

class EmulatedDevice {
public:
  using Kernel = void (*)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

  /// Runs a kernel of at most six arguments.
  static void run(Kernel kernel, std::array<int, 2> blocks, int threads, std::array<uint64_t, 6> arguments);
};

} // namespace fovea
