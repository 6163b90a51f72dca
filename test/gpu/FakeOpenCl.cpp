// OpenCL without a device: shared memory is the program's, and kernels only start.
#include "test/gpu/FakeOpenCl.h"

#include <cstdlib>
#include <cstring>

FakeOpenCl fake_opencl;

namespace {

int platform, devices[2], context, queue, program, kernel;

/// The error that the test wants of a function.
int failure(const char *function) {
  auto found = fake_opencl.fails.find(function);
  return found == fake_opencl.fails.end() ? 0 : found->second;
}

/// A new object, counted, or what failed.
void *made(const char *function, int *error, int &count, void *object) {
  *error = failure(function);
  if (*error) return nullptr;
  return ++count, object;
}

int copied(void *to, const void *from, size_t bytes) { return memcpy(to, from, bytes), 0; }

} // namespace

extern "C" {

int clGetPlatformIDs(uint32_t, void **platforms, uint32_t *count) {
  if (int error = failure("clGetPlatformIDs")) return error;
  return *platforms = &platform, *count = 1, 0;
}
int clGetDeviceIDs(void *, uint64_t, uint32_t, void **found, uint32_t *count) {
  if (!fake_opencl.devices) return -1; // CL_DEVICE_NOT_FOUND
  for (int i = 0; found && i < fake_opencl.devices; ++i) found[i] = &devices[i];
  return *count = fake_opencl.devices, 0;
}
int clGetDeviceInfo(void *, uint32_t what, size_t bytes, void *value, size_t *) {
  constexpr uint32_t name = 0x102B;
  constexpr uint64_t fineGrain = 2;
  if (what == name) return strncpy(static_cast<char *>(value), "emulated", bytes), 0;
  uint64_t shares = 1 | (fake_opencl.sharesFineGrain ? fineGrain : 0);
  return copied(value, &shares, bytes);
}
void *clCreateContext(const intptr_t *, uint32_t, void *const *, void *, void *, int *error) {
  return made("clCreateContext", error, fake_opencl.contexts, &context);
}
int clRetainContext(void *) { return ++fake_opencl.contexts, 0; }
int clReleaseContext(void *) { return --fake_opencl.contexts, 0; }
void *clCreateCommandQueueWithProperties(void *, void *, const uint64_t *, int *error) {
  return made("clCreateCommandQueueWithProperties", error, fake_opencl.queues, &queue);
}
int clReleaseCommandQueue(void *) { return --fake_opencl.queues, 0; }
int clGetCommandQueueInfo(void *, uint32_t what, size_t bytes, void *value, size_t *) {
  constexpr uint32_t device = 0x1091;
  if (int error = failure("clGetCommandQueueInfo")) return error;
  void *of = what != device ? &context : fake_opencl.queueDevice ? fake_opencl.queueDevice : &devices[0];
  return copied(value, &of, bytes);
}

void *clSVMAlloc(void *, uint64_t, size_t bytes, uint32_t alignment) {
  if (bytes > fake_opencl.bytes || failure("clSVMAlloc")) return nullptr;
  return ++fake_opencl.allocations, aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}
void clSVMFree(void *, void *memory) {
  --fake_opencl.allocations;
  free(memory);
}
int clEnqueueSVMMemcpy(void *, uint32_t, void *to, const void *from, size_t bytes, uint32_t, const void *, void *) {
  if (int error = failure("clEnqueueSVMMemcpy")) return error;
  return copied(to, from, bytes);
}
int clFinish(void *) { return failure("clFinish"); }

void *clCreateProgramWithSource(void *, uint32_t, const char **, const size_t *, int *error) {
  return made("clCreateProgramWithSource", error, fake_opencl.programs, &program);
}
int clBuildProgram(void *, uint32_t, void *const *, const char *, void *, void *) { return failure("clBuildProgram"); }
int clGetProgramBuildInfo(void *, void *, uint32_t, size_t bytes, void *log, size_t *) {
  return strncpy(static_cast<char *>(log), "an emulated log", bytes), 0;
}
int clReleaseProgram(void *) { return --fake_opencl.programs, 0; }
void *clCreateKernel(void *, const char *, int *error) {
  return made("clCreateKernel", error, fake_opencl.kernels, &kernel);
}
int clReleaseKernel(void *) { return --fake_opencl.kernels, 0; }
int clSetKernelArg(void *, uint32_t, size_t, const void *) { return failure("clSetKernelArg"); }
int clSetKernelArgSVMPointer(void *, uint32_t, const void *) { return failure("clSetKernelArgSVMPointer"); }
#ifndef OLD_DRIVER
int clEnqueueNDRangeKernel(void *on, void *, uint32_t, const size_t *, const size_t *, const size_t *, uint32_t,
                           const void *, void *) {
  fake_opencl.lastQueue = on;
  return ++fake_opencl.launches, failure("clEnqueueNDRangeKernel");
}
#endif
}
