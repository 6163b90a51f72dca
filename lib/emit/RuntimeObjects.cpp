// The runtime objects, embedded: foveac needs no file beside itself.
#include "lib/emit/Link.h"

__asm__(".section .rodata\n"
        ".balign 16\n"
        "fovea_embedded_runtime:\n"
        ".incbin \"" FOVEA_RUNTIME_OBJECT "\"\n"
        "fovea_embedded_runtime_end:\n"
        ".balign 16\n"
        "fovea_embedded_device:\n"
        ".incbin \"" FOVEA_DEVICE_OBJECT "\"\n"
        "fovea_embedded_device_end:\n"
        ".balign 16\n"
        "fovea_embedded_halide:\n"
        ".incbin \"" FOVEA_HALIDE_RUNTIME_OBJECT "\"\n"
        "fovea_embedded_halide_end:\n"
        ".previous\n");

extern "C" {
__attribute__((visibility("hidden"))) extern const char fovea_embedded_runtime[], fovea_embedded_runtime_end[],
    fovea_embedded_device[], fovea_embedded_device_end[], fovea_embedded_halide[], fovea_embedded_halide_end[];
}

namespace fovea {

llvm::StringRef runtimeObject() {
  return {fovea_embedded_runtime, size_t(fovea_embedded_runtime_end - fovea_embedded_runtime)};
}
llvm::StringRef deviceRuntimeObject() {
  return {fovea_embedded_device, size_t(fovea_embedded_device_end - fovea_embedded_device)};
}
llvm::StringRef halideRuntimeObject() {
  return {fovea_embedded_halide, size_t(fovea_embedded_halide_end - fovea_embedded_halide)};
}

} // namespace fovea
