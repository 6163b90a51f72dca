// A CUDA driver that has one emulated device, whose memory is the program's. A program that loads this library before
// anything asks for the driver gives it `emulated_launch`.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "test/gpu/FakeDriver.h"

FakeDriver fake_driver;

/// Runs the kernel `entry` on emulated threads.
extern "C" void emulated_launch(const char *entry, int blocksX, int blocksY, int threads, const uint64_t *arguments,
                                int count);

namespace {

constexpr int kInvalidValue = 1, kOutOfMemory = 2, kInvalidPtx = 218, kNotFound = 500; // of CUresult

struct Module {
  std::string ptx;
};
struct Function {
  std::string entry;
  int parameters;
};
std::map<uint64_t, size_t> memory; // addresses and sizes

} // namespace

extern "C" {

int cuInit(uint32_t) { return 0; }
int cuDriverGetVersion(int *version) { return *version = 12000, 0; }
int cuDeviceGetCount(int *count) { return *count = fake_driver.devices, 0; }
int cuDeviceGet(int *device, int index) { return *device = index, 0; }
int cuDeviceGetName(char *name, int bytes, int) { return strncpy(name, "emulated", bytes), 0; }
int cuDeviceGetAttribute(int *value, int attribute, int) {
  constexpr int major = 75;
  return *value = attribute == major ? fake_driver.capability / 10 : fake_driver.capability % 10, 0;
}
int cuDevicePrimaryCtxRetain(void **context, int) { return *context = &memory, 0; }
int cuDevicePrimaryCtxRelease_v2(int) { return 0; }
int cuCtxPushCurrent_v2(void *) { return 0; }
int cuCtxPopCurrent_v2(void **context) { return *context = &memory, 0; }

int cuMemAlloc_v2(uint64_t *address, size_t bytes) {
  void *room = bytes <= fake_driver.bytes ? aligned_alloc(256, (bytes + 255) / 256 * 256) : nullptr;
  if (!room) return kOutOfMemory;
  memset(room, 0x7f, bytes); // as bf16 and f32, too large for any sum
  *address = reinterpret_cast<uint64_t>(room);
  memory[*address] = bytes;
  return 0;
}
int cuMemFree_v2(uint64_t address) {
  if (!memory.erase(address)) return kInvalidValue;
  free(reinterpret_cast<void *>(address));
  return 0;
}
static bool isOnDevice(uint64_t address, size_t bytes) {
  auto after = memory.upper_bound(address);
  if (after == memory.begin()) return false;
  auto [start, size] = *--after;
  return address + bytes <= start + size;
}
int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *) {
  if (!isOnDevice(to, bytes)) return kInvalidValue;
  ++fake_driver.copies;
  memcpy(reinterpret_cast<void *>(to), from, bytes);
  return 0;
}
int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *) {
  if (!isOnDevice(from, bytes)) return kInvalidValue;
  ++fake_driver.copies;
  memcpy(to, reinterpret_cast<void *>(from), bytes);
  return 0;
}
int cuStreamSynchronize(void *) { return 0; }

int cuModuleLoadDataEx(void **module, const void *image, uint32_t, int *, void **) {
  std::string ptx = static_cast<const char *>(image);
  if (ptx.find(".target sm_80") == std::string::npos) return kInvalidPtx;
  *module = new Module{ptx};
  return 0;
}
int cuModuleUnload(void *module) { return delete static_cast<Module *>(module), 0; }
int cuModuleGetFunction(void **function, void *module, const char *entry) {
  const std::string &ptx = static_cast<Module *>(module)->ptx;
  size_t at = ptx.find(".entry " + std::string(entry) + "(");
  if (at == std::string::npos) return kNotFound;
  int parameters = 0;
  for (size_t end = ptx.find(')', at); (at = ptx.find(".param", at + 1)) < end;) ++parameters;
  *function = new Function{entry, parameters}; // for as long as the program runs
  return 0;
}
int cuFuncSetAttribute(void *, int, int) { return 0; }
int cuLaunchKernel(void *function, uint32_t blocksX, uint32_t blocksY, uint32_t blocksZ, uint32_t threadsX,
                   uint32_t threadsY, uint32_t threadsZ, uint32_t shared, void *, void **arguments, void **) {
  if (blocksZ * threadsY * threadsZ != 1 || shared) return kInvalidValue;
  if (fake_driver.launchError) return fake_driver.launchError;
  auto [entry, count] = *static_cast<Function *>(function);
  uint64_t values[16];
  for (int i = 0; i < count; ++i) memcpy(&values[i], arguments[i], 8);
  emulated_launch(entry.c_str(), blocksX, blocksY, threadsX, values, count);
  return 0;
}

int cuPointerGetAttribute(void *value, int attribute, uint64_t address) {
  if (!isOnDevice(address, 1)) return kInvalidValue;
  constexpr int memoryType = 2, onDevice = 2;
  uint32_t result = attribute == memoryType ? onDevice : 0;
  memcpy(value, &result, 4);
  return 0;
}
int cuGetErrorString(int, const char **text) { return *text = "an emulated error", 0; }
}
