// What this machine can run, and which of the library's programs that selects. Kernels are compiled for one target
// each; an instruction that the processor or the operating system does not support must never be reached.
#include "Handle.h"

#include <cpuid.h>
#include <cstring>

namespace fovea {
namespace {

const struct {
  uint64_t bit;
  const char *name;
} kFeatures[] = {{FOVEA_CPU_AVX, "AVX"},
                 {FOVEA_CPU_AVX2, "AVX2"},
                 {FOVEA_CPU_FMA, "FMA"},
                 {FOVEA_CPU_F16C, "F16C"},
                 {FOVEA_CPU_AVX512, "AVX-512"},
                 {FOVEA_CPU_AVX512_BF16, "AVX-512 BF16"},
                 {FOVEA_CPU_AVX512_VNNI, "AVX-512 VNNI"}};

class Text {
public:
  char characters[FOVEA_MESSAGE_BYTES] = "";

  void append(const char *separator, const char *piece) {
    if (characters[0]) add(separator);
    add(piece);
  }

private:
  void add(const char *piece) { strncat(characters, piece, sizeof characters - 1 - strlen(characters)); }
};

Text feature_names(uint64_t features) {
  Text text;
  for (const auto &feature : kFeatures)
    if (features & feature.bit) text.append(", ", feature.name);
  if (!text.characters[0]) text.append("", "none beyond x86-64");
  return text;
}

} // namespace

uint64_t machine_cpu_features() {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
  auto has = [](unsigned word, int bit) { return (word >> bit & 1) != 0; };
  // The processor may have registers that the operating system does not save: XCR0 tells (SDM volume 1, 14.3).
  if (!has(c, 27)) return 0; // OSXSAVE
  uint32_t enabled, high;
  __asm__("xgetbv" : "=a"(enabled), "=d"(high) : "c"(0));
  bool ymm = (enabled & 0x6) == 0x6, zmm = (enabled & 0xe6) == 0xe6;
  if (!ymm || !has(c, 28)) return 0;

  uint64_t features = FOVEA_CPU_AVX;
  if (has(c, 12)) features |= FOVEA_CPU_FMA;
  if (has(c, 29)) features |= FOVEA_CPU_F16C;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return features;
  if (has(b, 5)) features |= FOVEA_CPU_AVX2;
  // F, DQ, CD, BW, VL
  if (!zmm || !has(b, 16) || !has(b, 17) || !has(b, 28) || !has(b, 30) || !has(b, 31)) return features;
  features |= FOVEA_CPU_AVX512;
  if (has(c, 11)) features |= FOVEA_CPU_AVX512_VNNI;
  // IFMA; VBMI, VBMI2, GFNI, VAES, VPCLMULQDQ, VNNI, BITALG, VPOPCNTDQ
  constexpr unsigned kBesideBf16 = 1u << 1 | 1u << 6 | 1u << 8 | 1u << 9 | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 14;
  bool beside = has(b, 21) && (c & kBesideBf16) == kBesideBf16;
  if (beside && a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && has(a, 5)) features |= FOVEA_CPU_AVX512_BF16;
  return features;
}

const fovea_program *select_program(const fovea_model *model, const char *target, uint64_t cpu_features,
                                    bool processor_only, char *message) {
  Text targets, needs;
  for (int32_t i = 0; i < model->program_count; ++i) {
    const fovea_program *program = &model->programs[i];
    if (processor_only && program->driver) continue;
    uint64_t missing = program->cpu_features & ~cpu_features;
    targets.append(", ", program->target);
    needs.append("; ", program->target);
    needs.append(" needs ", feature_names(program->cpu_features).characters);
    if (target && strcmp(target, program->target) != 0) continue;
    if (!missing) return program;
    if (target) {
      fail(message, model, FOVEA_UNSUPPORTED_MACHINE,
           "target '%s' needs %s, which this machine lacks (it has %s); leave options.target NULL to use the best that "
           "it "
           "runs",
           target, feature_names(missing).characters, feature_names(cpu_features).characters);
      return nullptr;
    }
  }
  if (target)
    fail(message, model, FOVEA_INVALID_ARGUMENT, "target '%s' is not in this library, which has %s", target,
         targets.characters);
  else
    fail(message, model, FOVEA_UNSUPPORTED_MACHINE,
         "no target of this library runs on this machine, which has %s: %s; compile the model for x86-64 as well",
         feature_names(cpu_features).characters, needs.characters);
  return nullptr;
}

} // namespace fovea
