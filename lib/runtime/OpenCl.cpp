// Devices by OpenCL 2.0 or later with shared virtual memory, of which addresses can be told apart like those of CUDA.
// PoCL runs the same kernels on a CPU. Functions are looked up at run time: nothing links to OpenCL.
#include "Device.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

using namespace fovea;

namespace {

// OpenCL 3.0 specification, section 4; names as there.
typedef int32_t cl_int;
typedef uint32_t cl_uint;
typedef uint64_t cl_bitfield;
constexpr cl_uint CL_DEVICE_NAME = 0x102B, CL_DEVICE_SVM_CAPABILITIES = 0x1053, CL_PROGRAM_BUILD_LOG = 0x1183,
                  CL_QUEUE_CONTEXT = 0x1090, CL_QUEUE_DEVICE = 0x1091;
constexpr cl_bitfield CL_DEVICE_TYPE_ALL = 0xFFFFFFFF, CL_MEM_READ_WRITE = 1, CL_MEM_SVM_FINE_GRAIN_BUFFER = 1 << 10,
                      CL_DEVICE_SVM_FINE_GRAIN_BUFFER = 2;

#define FOVEA_OPENCL_FUNCTIONS(each)                                                                                   \
  each(cl_int, clGetPlatformIDs,                                                                                       \
       (cl_uint, void **, cl_uint *)) each(cl_int, clGetDeviceIDs, (void *, cl_bitfield, cl_uint, void **, cl_uint *)) \
      each(cl_int, clGetDeviceInfo, (void *, cl_uint, size_t, void *, size_t *)) each(                                 \
          void *, clCreateContext, (const intptr_t *, cl_uint, void *const *, void *, void *, cl_int *))               \
          each(cl_int, clReleaseContext, (void *)) each(cl_int, clRetainContext, (void *)) each(                       \
              cl_int, clGetCommandQueueInfo, (void *, cl_uint, size_t, void *, size_t *))                              \
              each(void *, clCreateCommandQueueWithProperties, (void *, void *, const cl_bitfield *, cl_int *)) each(  \
                  cl_int, clReleaseCommandQueue,                                                                       \
                  (void *)) each(void *, clSVMAlloc,                                                                   \
                                 (void *, cl_bitfield, size_t, cl_uint)) each(void, clSVMFree, (void *, void *))       \
                  each(cl_int, clEnqueueSVMMemcpy,                                                                     \
                       (void *, cl_uint, void *, const void *, size_t, cl_uint, const void *, void *))                 \
                      each(cl_int,                                                                                     \
                           clFinish, (void *)) each(void *, clCreateProgramWithSource,                                 \
                                                    (void *, cl_uint, const char **, const size_t *, cl_int *))        \
                          each(cl_int, clBuildProgram, (void *, cl_uint, void *const *, const char *, void *, void *)) \
                              each(cl_int, clGetProgramBuildInfo, (void *, void *, cl_uint, size_t, void *, size_t *)) \
                                  each(cl_int, clReleaseProgram, (void *)) each(void *, clCreateKernel,                \
                                                                                (void *, const char *, cl_int *))      \
                                      each(cl_int, clReleaseKernel, (void *))                                          \
                                          each(cl_int, clSetKernelArg, (void *, cl_uint, size_t, const void *))        \
                                              each(cl_int, clSetKernelArgSVMPointer, (void *, cl_uint, const void *))  \
                                                  each(cl_int, clEnqueueNDRangeKernel,                                 \
                                                       (void *, void *, cl_uint, const size_t *, const size_t *,       \
                                                        const size_t *, cl_uint, const void *, void *))

/// The functions, and the device that they work on.
struct OpenCl {
#define each(result, name, parameters) result(*name) parameters;
  FOVEA_OPENCL_FUNCTIONS(each)
#undef each
  void *device;
};

OpenCl &of(OpenDevice *device) { return *static_cast<OpenCl *>(device->library); }

/// The name of the first function that the loader lacks, or NULL.
const char *find_functions(OpenCl &cl, void *library) {
#define each(result, name, parameters)                                                                                 \
  cl.name = reinterpret_cast<decltype(cl.name)>(dlsym(library, #name));                                                \
  if (!cl.name) return #name;
  FOVEA_OPENCL_FUNCTIONS(each)
#undef each
  return nullptr;
}

/// Device `index` of all platforms together; NULL: there are fewer, *count of them.
void *find_device(OpenCl &cl, int32_t index, int32_t *count) {
  void *platforms[16], *devices[64];
  cl_uint platform_count = 0;
  *count = 0;
  if (cl.clGetPlatformIDs(16, platforms, &platform_count)) platform_count = 0;
  for (cl_uint i = 0; i < platform_count && i < 16; ++i) {
    cl_uint device_count = 0;
    if (cl.clGetDeviceIDs(platforms[i], CL_DEVICE_TYPE_ALL, 64, devices, &device_count)) continue;
    if (index < *count + static_cast<int32_t>(device_count)) return devices[index - *count];
    *count += device_count;
  }
  return nullptr;
}

constexpr const char *kOtherwise = "set options.cpu_fallback or options.target to run on the CPU";

/// The context and the queue that kernels run in: the caller's, or new ones. A fovea_error.
int32_t open_queue(OpenDevice *device, OpenCl &cl, const fovea_model *model, int32_t index, const char *name,
                   void *stream, char *message) {
  cl_int error = 0;
  if (stream) {
    void *own = nullptr;
    error = cl.clGetCommandQueueInfo(stream, CL_QUEUE_DEVICE, sizeof own, &own, nullptr);
    if (!error && own != cl.device)
      return fail(message, model, FOVEA_INVALID_ARGUMENT,
                  "options.stream is a queue of another device than %d, '%s': set options.device to that of the queue",
                  index, name);
    if (!error)
      error = cl.clGetCommandQueueInfo(stream, CL_QUEUE_CONTEXT, sizeof device->context, &device->context, nullptr);
    if (!error) error = cl.clRetainContext(device->context);
    device->queue = stream;
  } else {
    device->context = cl.clCreateContext(nullptr, 1, &cl.device, nullptr, nullptr, &error);
    if (!error) {
      device->queue = cl.clCreateCommandQueueWithProperties(device->context, cl.device, nullptr, &error);
      if (error) cl.clReleaseContext(device->context);
    }
    device->owns_queue = true;
  }
  if (!error) return FOVEA_OK;
  return fail(message, model, FOVEA_UNSUPPORTED_MACHINE, "device %d of OpenCL, '%s', cannot be opened: error %d; %s",
              index, name, error, kOtherwise);
}

int32_t open_device(OpenDevice *device, OpenCl &cl, const fovea_model *model, const fovea_program *program,
                    int32_t index, void *stream, char *message) {
  int32_t count = 0;
  cl.device = index < 0 ? nullptr : find_device(cl, index, &count);
  if (!cl.device)
    return fail(message, model, FOVEA_UNSUPPORTED_MACHINE,
                "target '%s' is for device %d of OpenCL, and there are %d; set options.device, or %s", program->target,
                index, count, kOtherwise);
  cl_bitfield shares = 0;
  char name[64] = "";
  cl.clGetDeviceInfo(cl.device, CL_DEVICE_NAME, sizeof name, name, nullptr);
  name[sizeof name - 1] = 0;
  cl.clGetDeviceInfo(cl.device, CL_DEVICE_SVM_CAPABILITIES, sizeof shares, &shares, nullptr);
  if (!(shares & CL_DEVICE_SVM_FINE_GRAIN_BUFFER))
    return fail(message, model, FOVEA_UNSUPPORTED_MACHINE,
                "target '%s' needs shared virtual memory of fine grain, which device %d, '%s', lacks; set "
                "options.device, or %s",
                program->target, index, name, kOtherwise);
  return open_queue(device, cl, model, index, name, stream, message);
}

int32_t open(OpenDevice *device, const fovea_model *model, const fovea_program *program, int32_t index, void *stream,
             char *message) {
  void *library = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return fail(message, model, FOVEA_UNSUPPORTED_MACHINE,
                "target '%s' needs OpenCL, and its loader is not there (%.200s): install it, or %s", program->target,
                dlerror(), kOtherwise);
  auto *cl = static_cast<OpenCl *>(calloc(1, sizeof(OpenCl)));
  if (!cl) return fail(message, model, FOVEA_OUT_OF_MEMORY, "no memory for OpenCL's functions");
  const char *missing = find_functions(*cl, library);
  int32_t code = missing ? fail(message, model, FOVEA_UNSUPPORTED_MACHINE,
                                "target '%s': OpenCL's loader is too old, it has no %s; install a newer one, or %s",
                                program->target, missing, kOtherwise)
                         : open_device(device, *cl, model, program, index, stream, message);
  if (code) return free(cl), code;
  device->library = cl;
  return FOVEA_OK;
}

void close(OpenDevice *device) {
  OpenCl &cl = of(device);
  for (int32_t i = 0; i < device->functions.capacity; ++i)
    if (device->functions.entries[i].key) cl.clReleaseKernel(device->functions.entries[i].value);
  for (int32_t i = 0; i < device->modules.capacity; ++i)
    if (device->modules.entries[i].key) cl.clReleaseProgram(device->modules.entries[i].value);
  if (device->owns_queue) cl.clReleaseCommandQueue(device->queue);
  cl.clReleaseContext(device->context);
  free(&cl);
}

void nothing(OpenDevice *) {}

int32_t allocate(OpenDevice *device, size_t bytes, uint64_t *address) {
  void *memory =
      of(device).clSVMAlloc(device->context, CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER, bytes ? bytes : 1, 128);
  *address = reinterpret_cast<uint64_t>(memory);
  return memory ? 0 : -4; // CL_MEM_OBJECT_ALLOCATION_FAILURE
}

void release(OpenDevice *device, uint64_t address) {
  of(device).clSVMFree(device->context, reinterpret_cast<void *>(address));
}

int32_t copy(OpenDevice *device, void *to, const void *from, size_t bytes) {
  return bytes ? of(device).clEnqueueSVMMemcpy(device->queue, 0, to, from, bytes, 0, nullptr, nullptr) : 0;
}
int32_t copy_in(OpenDevice *device, uint64_t to, const void *from, size_t bytes) {
  return copy(device, reinterpret_cast<void *>(to), from, bytes);
}
int32_t copy_out(OpenDevice *device, void *to, uint64_t from, size_t bytes) {
  return copy(device, to, reinterpret_cast<void *>(from), bytes);
}

int32_t wait(OpenDevice *device) { return of(device).clFinish(device->queue); }

int32_t load(OpenDevice *device, const char *source, size_t bytes, void **module) {
  OpenCl &cl = of(device);
  cl_int error;
  *module = cl.clCreateProgramWithSource(device->context, 1, &source, &bytes, &error);
  if (error) return error;
  error = cl.clBuildProgram(*module, 1, &cl.device, "", nullptr, nullptr);
  if (error)
    cl.clGetProgramBuildInfo(*module, cl.device, CL_PROGRAM_BUILD_LOG, sizeof device->details, device->details,
                             nullptr);
  device->details[sizeof device->details - 1] = 0;
  if (error) cl.clReleaseProgram(*module);
  return error;
}

int32_t find(OpenDevice *device, void *module, const char *entry, void **function) {
  cl_int error;
  *function = of(device).clCreateKernel(module, entry, &error);
  return error;
}

int32_t launch(OpenDevice *device, void *function, const Launch &launch) {
  OpenCl &cl = of(device);
  cl_uint count = 0;
  for (; launch.sizes[count]; ++count) {
    cl_int error =
        launch.is_buffer[count]
            ? cl.clSetKernelArgSVMPointer(function, count, *static_cast<void *const *>(launch.arguments[count]))
            : cl.clSetKernelArg(function, count, launch.sizes[count], launch.arguments[count]);
    if (error) return error;
  }
  // The last parameter is what the threads of a block share.
  size_t shared = launch.shared_bytes > 0 ? launch.shared_bytes : 1, global[3], local[3];
  if (cl_int error = cl.clSetKernelArg(function, count, shared, nullptr)) return error;
  for (int32_t i = 0; i < 3; ++i) {
    local[i] = launch.threads[i];
    global[i] = static_cast<size_t>(launch.blocks[i]) * launch.threads[i];
  }
  return cl.clEnqueueNDRangeKernel(device->queue, function, 3, nullptr, global, local, 0, nullptr, nullptr);
}

int32_t locate(OpenDevice *, const void *, char[64]) { return 0; }

const char *explain(OpenDevice *, int32_t error, char text[FOVEA_MESSAGE_BYTES]) {
  snprintf(text, FOVEA_MESSAGE_BYTES, "OpenCL's error %d", error);
  return text;
}

} // namespace

namespace fovea {
extern const DeviceApi kOpenClApi;
const DeviceApi kOpenClApi = {open,     close, nothing, nothing, allocate, release, copy_in,
                              copy_out, wait,  load,    find,    launch,   locate,  explain};
} // namespace fovea

extern "C" {
int halide_opencl_initialize_kernels(void *user_context, void **state, const char *source, int bytes) {
  return device_initialize_kernels(user_context, state, source, bytes);
}
void halide_opencl_finalize_kernels(void *, void *) {}
const halide_device_interface_t *halide_opencl_device_interface() { return &kDeviceInterface; }
int halide_opencl_run(void *user_context, void *state, const char *entry, int blocks_x, int blocks_y, int blocks_z,
                      int threads_x, int threads_y, int threads_z, int shared_bytes, size_t sizes[], void *arguments[],
                      int8_t is_buffer[]) {
  return device_run(
      user_context, state, entry,
      {{blocks_x, blocks_y, blocks_z}, {threads_x, threads_y, threads_z}, shared_bytes, sizes, arguments, is_buffer});
}
}
