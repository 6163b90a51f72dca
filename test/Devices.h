// Whether there is a device for a target, for tests that are skipped where there is none.
#pragma once

#include <cstdint>
#include <dlfcn.h>
#include <string>

namespace fovea {

/// Calls a function of a library that is looked up now; -1 where there is none.
template <typename... Arguments> int32_t lookUpAndCall(void *library, const char *name, Arguments... arguments) {
  auto function = library ? reinterpret_cast<int32_t (*)(Arguments...)>(dlsym(library, name)) : nullptr;
  return function ? function(arguments...) : -1;
}

/// Why kernels for `opencl` or `cuda-...` cannot run here; empty: they can.
inline std::string whyNoDevice(const std::string &target) {
  bool cuda = target.rfind("cuda", 0) == 0;
  const char *name = cuda ? "libcuda.so.1" : "libOpenCL.so.1";
  void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!library) return std::string("there is no ") + name;
  if (cuda) {
    int32_t count = 0;
    bool works = !lookUpAndCall(library, "cuInit", uint32_t(0)) && !lookUpAndCall(library, "cuDeviceGetCount", &count);
    return works && count > 0 ? "" : "CUDA's driver has no device";
  }
  uint32_t platforms = 0, devices = 0;
  void *known[16];
  if (lookUpAndCall(library, "clGetPlatformIDs", uint32_t(16), &known[0], &platforms)) platforms = 0;
  for (uint32_t i = 0; i < platforms && i < 16 && !devices; ++i)
    if (lookUpAndCall(library, "clGetDeviceIDs", known[i], uint64_t(0xFFFFFFFF), uint32_t(0), (void **)nullptr,
                      &devices))
      devices = 0;
  return devices ? "" : "no platform of OpenCL has a device";
}

} // namespace fovea
