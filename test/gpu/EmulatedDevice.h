// A device without one: kernels of lib/gpu as code for this processor, whose 32 threads of a warp take turns and meet
// at every mma.sync. What that instruction does is written here from its definition in NVIDIA's PTX ISA, 9.7.15.5.8.
#pragma once

#include "llvm/ADT/StringRef.h"

#include <array>
#include <cstdint>
#include <string>

namespace fovea {

/// Loads an object, which may call what this program exports. `path` is without suffix.
void *loadObject(const std::string &path, const std::string &object);

/// Loads kernels for the device below: device code as text, whose kernels are `product` and `product_unaligned`, under
/// the names `symbol` and `symbol`_unaligned.
void *loadKernels(const std::string &path, llvm::StringRef deviceCode, llvm::StringRef symbol);

class EmulatedDevice {
public:
  using Kernel = void (*)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

  /// Runs a kernel of at most six arguments.
  static void run(Kernel kernel, std::array<int, 2> blocks, int threads, std::array<uint64_t, 6> arguments);
};

} // namespace fovea
