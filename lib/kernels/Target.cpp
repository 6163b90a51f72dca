// Targets and their features.
#include "lib/kernels/Target.h"

#include "lib/runtime/program.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/TargetParser/Host.h"

namespace fovea {

/// A device: its rows are shared by 32 threads in f32.
static Target device(std::string name, Device device, int32_t capability, std::string halide) {
  Target target{name, 128, 32, "x86-64-linux-" + halide, "", 0};
  target.device = device;
  target.capability = capability;
  return target;
}

static llvm::SmallVector<Target> knownTargets() {
  constexpr uint64_t v3 = FOVEA_CPU_AVX | FOVEA_CPU_AVX2 | FOVEA_CPU_FMA | FOVEA_CPU_F16C;
  constexpr uint64_t v4 = v3 | FOVEA_CPU_AVX512;
  return {
      {"x86-64", 16, 16, "x86-64-linux", "", 0},
      {"x86-64-v3", 32, 16, "x86-64-linux-avx-avx2-fma-f16c-sse41", "", v3},
      {"x86-64-v4", 64, 32, "x86-64-linux-avx-avx2-avx512-avx512_skylake-fma-f16c-sse41", "", v4, 1 << 20},
      {"x86-64-v4-bf16", 64, 32, "x86-64-linux-avx-avx2-avx512-avx512_skylake-fma-f16c-sse41",
       "-avx512_cannonlake-avx512_zen4", v4 | FOVEA_CPU_AVX512_BF16 | FOVEA_CPU_AVX512_VNNI, 1 << 20},
      device("opencl", Device::opencl, 0, "opencl-cl_doubles"),
      device("cuda-sm80", Device::cuda, 80, "cuda-cuda_capability_80"),
      // Halide 21 knows capabilities up to 8.6; the driver carries its code further.
      device("cuda-sm86", Device::cuda, 86, "cuda-cuda_capability_86"),
      device("cuda-sm89", Device::cuda, 89, "cuda-cuda_capability_86"),
      device("cuda-sm90", Device::cuda, 90, "cuda-cuda_capability_86"),
  };
}

/// The best target that this machine runs, by its own cpuid.
static Target hostTarget() {
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  auto has = [&](std::initializer_list<const char *> names) {
    return llvm::all_of(names, [&](const char *name) { return features.lookup(name); });
  };
  auto targets = knownTargets();
  if (!has({"avx", "avx2", "fma", "f16c"})) return targets[0];
  if (!has({"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"})) return targets[1];
  if (!has({"avx512bf16", "avx512vnni", "avx512ifma", "avx512vbmi", "avx512vbmi2", "avx512bitalg", "avx512vpopcntdq",
            "gfni", "vaes", "vpclmulqdq"}))
    return targets[2];
  return targets[3];
}

bool Target::fetchesToWrite() const { return cpuFeatures & FOVEA_CPU_AVX512; }

llvm::Expected<llvm::SmallVector<Target>> parseTargets(llvm::StringRef list) {
  llvm::SmallVector<Target> known = knownTargets(), result;
  llvm::SmallVector<llvm::StringRef> parts;
  list.split(parts, '+');
  for (llvm::StringRef part : parts) {
    auto found = llvm::find_if(known, [&](const Target &target) { return target.name == part; });
    if (part != "host" && found == known.end())
      return llvm::createStringError(
          "target '%s': '%s' is not known; give host, x86-64, x86-64-v3, x86-64-v4, x86-64-v4-bf16, cuda-sm80, "
          "cuda-sm86, cuda-sm89, cuda-sm90 or opencl, several joined by '+'",
          list.str().c_str(), part.str().c_str());
    Target target = part == "host" ? hostTarget() : *found;
    // One program for CUDA, for the least capability: the driver compiles it for the device that there is.
    auto other = llvm::find_if(
        result, [&](const Target &each) { return target.device == Device::cuda && each.device == Device::cuda; });
    if (other != result.end()) {
      if (target.capability < other->capability) *other = target;
      continue;
    }
    if (llvm::none_of(result, [&](const Target &other) { return other.name == target.name; })) result.push_back(target);
  }
  llvm::stable_sort(result, [](const Target &a, const Target &b) {
    return std::tuple(a.onDevice(), a.capability, a.cpuFeatures) >
           std::tuple(b.onDevice(), b.capability, b.cpuFeatures);
  });
  return result;
}

mlir::FailureOr<Target> targetOf(mlir::ModuleOp module, llvm::StringRef list) {
  auto targets = parseTargets(list);
  if (!targets) return module.emitError(llvm::toString(targets.takeError())), mlir::failure();
  return targets->front();
}

} // namespace fovea
