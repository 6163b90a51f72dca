// Targets and their features.
#include "lib/kernels/Target.h"

#include "lib/runtime/program.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/TargetParser/Host.h"

namespace fovea {

static llvm::SmallVector<Target> knownTargets() {
  constexpr uint64_t v3 = FOVEA_CPU_AVX | FOVEA_CPU_AVX2 | FOVEA_CPU_FMA | FOVEA_CPU_F16C;
  constexpr uint64_t v4 = v3 | FOVEA_CPU_AVX512;
  return {
      {"x86-64", 16, 16, "x86-64-linux", "", 0},
      {"x86-64-v3", 32, 16, "x86-64-linux-avx-avx2-fma-f16c-sse41", "", v3},
      {"x86-64-v4", 64, 32, "x86-64-linux-avx-avx2-avx512-avx512_skylake-fma-f16c-sse41", "", v4, 48 << 10},
      {"x86-64-v4-bf16", 64, 32, "x86-64-linux-avx-avx2-avx512-avx512_skylake-fma-f16c-sse41",
       "-avx512_cannonlake-avx512_zen4", v4 | FOVEA_CPU_AVX512_BF16 | FOVEA_CPU_AVX512_VNNI, 48 << 10},
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

llvm::Expected<llvm::SmallVector<Target>> parseTargets(llvm::StringRef list) {
  llvm::SmallVector<Target> known = knownTargets(), result;
  llvm::SmallVector<llvm::StringRef> parts;
  list.split(parts, '+');
  for (llvm::StringRef part : parts) {
    auto found = llvm::find_if(known, [&](const Target &target) { return target.name == part; });
    if (part != "host" && found == known.end())
      return llvm::createStringError(
          "target '%s': '%s' is not known; give host, x86-64, x86-64-v3, x86-64-v4 or x86-64-v4-bf16, several "
          "joined by '+'",
          list.str().c_str(), part.str().c_str());
    Target target = part == "host" ? hostTarget() : *found;
    if (llvm::none_of(result, [&](const Target &other) { return other.name == target.name; })) result.push_back(target);
  }
  llvm::stable_sort(result, [](const Target &a, const Target &b) { return a.cpuFeatures > b.cpuFeatures; });
  return result;
}

mlir::FailureOr<Target> targetOf(mlir::ModuleOp module, llvm::StringRef list) {
  auto targets = parseTargets(list);
  if (!targets) return module.emitError(llvm::toString(targets.takeError())), mlir::failure();
  return targets->front();
}

} // namespace fovea
