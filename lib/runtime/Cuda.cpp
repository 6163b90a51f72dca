// Devices by CUDA's driver, which is looked up at run time: a library with CUDA kernels loads without it.
#include "Device.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

using namespace fovea;

namespace {

// CUDA driver API; names as there.
typedef int32_t CUresult;
typedef int32_t CUdevice;
typedef uint64_t CUdeviceptr;
constexpr int32_t kMajor = 75, kMinor = 76;               // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_*
constexpr int32_t kPointerMemory = 2, kPointerDevice = 9; // CU_POINTER_ATTRIBUTE_MEMORY_TYPE, _DEVICE_ORDINAL
constexpr int32_t kPointerManaged = 8;                    // CU_POINTER_ATTRIBUTE_IS_MANAGED
constexpr uint32_t kMemoryDevice = 2;                     // CU_MEMORYTYPE_DEVICE
constexpr int32_t kLogBuffer = 5, kLogBytes = 6;          // CU_JIT_ERROR_LOG_BUFFER, _SIZE_BYTES
constexpr int32_t kDynamicShared = 8;                     // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
constexpr int32_t kPlainShared = 48 << 10;

#define FOVEA_CUDA_FUNCTIONS(each)                                                                                     \
  each(cuInit, "cuInit", (uint32_t)) each(cuDriverGetVersion, "cuDriverGetVersion", (int32_t *)) each(                 \
      cuDeviceGetCount, "cuDeviceGetCount", (int32_t *)) each(cuDeviceGet, "cuDeviceGet", (CUdevice *, int32_t))       \
      each(cuDeviceGetName, "cuDeviceGetName", (char *, int32_t, CUdevice))                                            \
          each(cuDeviceGetAttribute, "cuDeviceGetAttribute", (int32_t *, int32_t, CUdevice)) each(                     \
              cuDevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain",                                                    \
              (void **, CUdevice)) each(cuDevicePrimaryCtxRelease, "cuDevicePrimaryCtxRelease_v2",                     \
                                        (CUdevice)) each(cuCtxPushCurrent, "cuCtxPushCurrent_v2", (void *))            \
              each(cuCtxPopCurrent, "cuCtxPopCurrent_v2", (void **)) each(                                             \
                  cuMemAlloc, "cuMemAlloc_v2", (CUdeviceptr *, size_t)) each(cuMemFree, "cuMemFree_v2", (CUdeviceptr)) \
                  each(cuMemcpyHtoDAsync, "cuMemcpyHtoDAsync_v2", (CUdeviceptr, const void *, size_t, void *))         \
                      each(cuMemcpyDtoHAsync, "cuMemcpyDtoHAsync_v2", (void *, CUdeviceptr, size_t, void *))           \
                          each(cuStreamSynchronize, "cuStreamSynchronize", (void *)) each(                             \
                              cuModuleLoadDataEx, "cuModuleLoadDataEx",                                                \
                              (void **, const void *, uint32_t, int32_t *, void **))                                   \
                              each(cuModuleUnload, "cuModuleUnload", (void *))                                         \
                                  each(cuModuleGetFunction, "cuModuleGetFunction", (void **, void *, const char *))    \
                                      each(cuFuncSetAttribute, "cuFuncSetAttribute", (void *, int32_t, int32_t)) each( \
                                          cuLaunchKernel, "cuLaunchKernel",                                            \
                                          (void *, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t,         \
                                           uint32_t, void *, void **, void **))                                        \
                                          each(cuPointerGetAttribute, "cuPointerGetAttribute",                         \
                                               (void *, int32_t, CUdeviceptr))                                         \
                                              each(cuGetErrorString, "cuGetErrorString", (CUresult, const char **))

/// The driver's functions, and the device that they work on.
struct Cuda {
#define each(name, symbol, parameters) CUresult(*name) parameters;
  FOVEA_CUDA_FUNCTIONS(each)
#undef each
  CUdevice device;
};

Cuda &of(OpenDevice *device) { return *static_cast<Cuda *>(device->library); }

/// The name of the first function that the driver lacks, or NULL.
const char *find_functions(Cuda &cuda, void *library) {
#define each(name, symbol, parameters)                                                                                 \
  cuda.name = reinterpret_cast<decltype(cuda.name)>(dlsym(library, symbol));                                           \
  if (!cuda.name) return symbol;
  FOVEA_CUDA_FUNCTIONS(each)
#undef each
  return nullptr;
}

constexpr const char *kOtherwise = "set options.cpu_fallback or options.target to run on the CPU";

int32_t open_device(OpenDevice *device, Cuda &cuda, const fovea_model *model, const fovea_program *program,
                    int32_t index, char *message) {
  constexpr int32_t code = FOVEA_UNSUPPORTED_MACHINE;
  int32_t count = 0, major = 0, minor = 0, version = 0;
  CUresult error = cuda.cuInit(0);
  if (!error) error = cuda.cuDeviceGetCount(&count);
  const char *why = nullptr;
  if (error) {
    if (cuda.cuGetErrorString(error, &why) || !why) why = "unknown error";
    return fail(message, model, code, "target '%s' needs CUDA, whose driver says: %.200s; %s", program->target, why,
                kOtherwise);
  }
  if (index < 0 || index >= count)
    return fail(message, model, code, "options.device is %d, and there are %d CUDA devices; %s", index, count,
                kOtherwise);
  char name[64] = "";
  cuda.cuDeviceGet(&cuda.device, index);
  cuda.cuDeviceGetName(name, sizeof name, cuda.device);
  cuda.cuDeviceGetAttribute(&major, kMajor, cuda.device);
  cuda.cuDeviceGetAttribute(&minor, kMinor, cuda.device);
  cuda.cuDriverGetVersion(&version);
  if (10 * major + minor < program->capability)
    return fail(message, model, code,
                "target '%s' needs compute capability %d.%d; device %d, '%s', has %d.%d (driver for CUDA %d.%d); "
                "%s, or %s",
                program->target, program->capability / 10, program->capability % 10, index, name, major, minor,
                version / 1000, version % 1000 / 10,
                major < 8 ? "give options.device another" : "compile for cuda-sm80", kOtherwise);
  error = cuda.cuDevicePrimaryCtxRetain(&device->context, cuda.device);
  if (!error) return FOVEA_OK;
  if (cuda.cuGetErrorString(error, &why) || !why) why = "unknown error";
  return fail(message, model, code, "device %d, '%s', cannot be opened: %.200s", index, name, why);
}

int32_t open(OpenDevice *device, const fovea_model *model, const fovea_program *program, int32_t index, void *stream,
             char *message) {
  void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return fail(message, model, FOVEA_UNSUPPORTED_MACHINE,
                "target '%s' needs the CUDA driver, which is not there (%.200s): install it, or %s", program->target,
                dlerror(), kOtherwise);
  auto *cuda = static_cast<Cuda *>(calloc(1, sizeof(Cuda)));
  if (!cuda) return fail(message, model, FOVEA_OUT_OF_MEMORY, "no memory for the CUDA driver's functions");
  const char *missing = find_functions(*cuda, library);
  int32_t code = missing ? fail(message, model, FOVEA_UNSUPPORTED_MACHINE,
                                "target '%s': the CUDA driver is too old, it has no %s; install a newer one, or %s",
                                program->target, missing, kOtherwise)
                         : open_device(device, *cuda, model, program, index, message);
  if (code) {
    free(cuda);
    return code;
  }
  device->library = cuda;
  device->queue = stream;
  return FOVEA_OK;
}

void enter(OpenDevice *device) { of(device).cuCtxPushCurrent(device->context); }
void leave(OpenDevice *device) {
  void *previous;
  of(device).cuCtxPopCurrent(&previous);
}

void close(OpenDevice *device) {
  Cuda &cuda = of(device);
  enter(device);
  for (int32_t i = 0; i < device->modules.capacity; ++i)
    if (device->modules.entries[i].key) cuda.cuModuleUnload(device->modules.entries[i].value);
  leave(device);
  cuda.cuDevicePrimaryCtxRelease(cuda.device);
  free(&cuda);
}

int32_t allocate(OpenDevice *device, size_t bytes, uint64_t *address) {
  return of(device).cuMemAlloc(address, bytes ? bytes : 1);
}
void release(OpenDevice *device, uint64_t address) { of(device).cuMemFree(address); }

int32_t copy_in(OpenDevice *device, uint64_t to, const void *from, size_t bytes) {
  return bytes ? of(device).cuMemcpyHtoDAsync(to, from, bytes, device->queue) : 0;
}
int32_t copy_out(OpenDevice *device, void *to, uint64_t from, size_t bytes) {
  return bytes ? of(device).cuMemcpyDtoHAsync(to, from, bytes, device->queue) : 0;
}
int32_t wait(OpenDevice *device) { return of(device).cuStreamSynchronize(device->queue); }

int32_t load(OpenDevice *device, const char *source, size_t, void **module) {
  int32_t options[] = {kLogBuffer, kLogBytes};
  void *values[] = {device->details, reinterpret_cast<void *>(sizeof device->details)};
  CUresult error = of(device).cuModuleLoadDataEx(module, source, 2, options, values);
  if (!error) device->details[0] = 0;
  device->details[sizeof device->details - 1] = 0;
  return error;
}

int32_t find(OpenDevice *device, void *module, const char *entry, void **function) {
  return of(device).cuModuleGetFunction(function, module, entry);
}

int32_t launch(OpenDevice *device, void *function, const Launch &launch) {
  Cuda &cuda = of(device);
  if (launch.shared_bytes > kPlainShared)
    if (CUresult error = cuda.cuFuncSetAttribute(function, kDynamicShared, launch.shared_bytes)) return error;
  return cuda.cuLaunchKernel(function, launch.blocks[0], launch.blocks[1], launch.blocks[2], launch.threads[0],
                             launch.threads[1], launch.threads[2], launch.shared_bytes, device->queue,
                             const_cast<void **>(launch.arguments), nullptr);
}

// The driver does not know plain memory of the host.
int32_t locate(OpenDevice *device, const void *pointer, char where[64]) {
  Cuda &cuda = of(device);
  uint32_t memory = 0, managed = 0;
  int32_t ordinal = 0;
  CUdeviceptr address = reinterpret_cast<CUdeviceptr>(pointer);
  if (cuda.cuPointerGetAttribute(&memory, kPointerMemory, address)) return 0;
  cuda.cuPointerGetAttribute(&managed, kPointerManaged, address);
  if (managed) return 1;
  if (memory != kMemoryDevice) return 0;
  cuda.cuPointerGetAttribute(&ordinal, kPointerDevice, address);
  if (ordinal == device->index) return 1;
  snprintf(where, 64, "memory of device %d", ordinal);
  return -1;
}

const char *explain(OpenDevice *device, int32_t error, char text[FOVEA_MESSAGE_BYTES]) {
  const char *why = nullptr;
  if (of(device).cuGetErrorString(error, &why) || !why) why = "unknown error";
  snprintf(text, FOVEA_MESSAGE_BYTES, "%s (CUDA error %d)", why, error);
  return text;
}

} // namespace

namespace fovea {
extern const DeviceApi kCudaApi;
const DeviceApi kCudaApi = {open,     close, enter, leave, allocate, release, copy_in,
                            copy_out, wait,  load,  find,  launch,   locate,  explain};
} // namespace fovea

extern "C" {
int halide_cuda_initialize_kernels(void *user_context, void **state, const char *source, int bytes) {
  return device_initialize_kernels(user_context, state, source, bytes);
}
void halide_cuda_finalize_kernels(void *, void *) {}
const halide_device_interface_t *halide_cuda_device_interface() { return &kDeviceInterface; }
int halide_cuda_run(void *user_context, void *state, const char *entry, int blocks_x, int blocks_y, int blocks_z,
                    int threads_x, int threads_y, int threads_z, int shared_bytes, size_t sizes[], void *arguments[],
                    int8_t is_buffer[]) {
  return device_run(
      user_context, state, entry,
      {{blocks_x, blocks_y, blocks_z}, {threads_x, threads_y, threads_z}, shared_bytes, sizes, arguments, is_buffer});
}
}
