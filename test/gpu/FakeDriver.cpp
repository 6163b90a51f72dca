// A CUDA driver without a device: the device's memory is the program's, and kernels only start, or run where this is
// built with an emulator of PTX.
#include "test/gpu/FakeDriver.h"
#ifdef EMULATES_PTX
#include "test/cuda/Machine.h"
#endif

#include <cstdlib>
#include <cstring>
#include <optional>

FakeDriver fake_driver;

namespace {

constexpr int kInvalidValue = 1, kOutOfMemory = 2, kInvalidPtx = 218, kNotFound = 500; // of CUresult

struct Module {
  std::string ptx;
#ifdef EMULATES_PTX
  std::optional<fovea::ptx::Module> parsed;
#endif
};
struct Function {
  Module *module;
  std::string entry;
  std::vector<int> bytes; // of its parameters
};
std::map<uint64_t, size_t> memory; // addresses and sizes

/// The error that the test wants of a function.
int failure(const char *function) {
  auto found = fake_driver.fails.find(function);
  return found == fake_driver.fails.end() || fake_driver.succeeds-- > 0 ? 0 : found->second;
}

int recorded(FakeDriver::Call call) {
  if (int error = failure(call.function.c_str())) return error;
  fake_driver.calls.push_back(std::move(call));
  return 0;
}

bool isOnDevice(uint64_t address, size_t bytes) {
  auto after = memory.upper_bound(address);
  if (after == memory.begin()) return false;
  auto [start, size] = *--after;
  return address + bytes <= start + size;
}

#ifdef EMULATES_PTX
constexpr int kLaunchFailed = 719; // of CUresult
std::string whyKernelFailed;

/// Runs a kernel; where it does what it may not, the reason is the driver's text for the error.
int emulated(const Function &function, const fovea::ptx::Launch &launch) {
  static uint64_t first = 0, last = 0; // of the memory that was touched last
  auto isInside = [](uint64_t address, size_t bytes) {
    if (address >= first && address + bytes <= last) return true;
    if (!isOnDevice(address, bytes)) return false;
    auto [start, size] = *--memory.upper_bound(address);
    first = start, last = start + size;
    return true;
  };
  first = last = 0;
  try {
    std::optional<fovea::ptx::Module> &module = function.module->parsed;
    if (!module) module.emplace(function.module->ptx);
    fovea::ptx::run(module->entries.at(function.entry), launch, isInside);
    return 0;
  } catch (const fovea::ptx::Error &error) {
    whyKernelFailed = error.what();
    return kLaunchFailed;
  }
}
#endif

} // namespace

extern "C" {

int cuInit(uint32_t) { return failure("cuInit"); }
int cuDriverGetVersion(int *version) { return *version = 12000, 0; }
int cuDeviceGetCount(int *count) { return *count = fake_driver.devices, 0; }
int cuDeviceGet(int *device, int index) { return *device = index, 0; }
int cuDeviceGetName(char *name, int bytes, int) { return strncpy(name, "emulated", bytes), 0; }
int cuDeviceGetAttribute(int *value, int attribute, int) {
  constexpr int major = 75;
  return *value = attribute == major ? fake_driver.capability / 10 : fake_driver.capability % 10, 0;
}
int cuDevicePrimaryCtxRetain(void **context, int) {
  if (int error = failure("cuDevicePrimaryCtxRetain")) return error;
  return ++fake_driver.contexts, *context = &memory, 0;
}
int cuDevicePrimaryCtxRelease_v2(int) { return --fake_driver.contexts, 0; }
int cuCtxPushCurrent_v2(void *context) { return context == &memory ? ++fake_driver.pushed, 0 : kInvalidValue; }
int cuCtxPopCurrent_v2(void **context) { return --fake_driver.pushed, *context = &memory, 0; }

int cuMemAlloc_v2(uint64_t *address, size_t bytes) {
  if (int error = failure("cuMemAlloc")) return error;
  void *room = bytes <= fake_driver.bytes ? aligned_alloc(256, (bytes + 255) / 256 * 256) : nullptr;
  if (!room) return kOutOfMemory;
  memset(room, 0x7f, bytes); // as bf16 and f32, too large for any sum
  *address = reinterpret_cast<uint64_t>(room);
  memory[*address] = bytes;
  ++fake_driver.allocations;
  fake_driver.calls.push_back({"cuMemAlloc", *address, bytes});
  return 0;
}
int cuMemFree_v2(uint64_t address) {
  if (!memory.erase(address)) return kInvalidValue;
  --fake_driver.allocations;
  free(reinterpret_cast<void *>(address));
  return 0;
}
int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *stream) {
  if (!isOnDevice(to, bytes)) return kInvalidValue;
  if (int error = recorded({"cuMemcpyHtoDAsync", to, bytes, stream})) return error;
  memcpy(reinterpret_cast<void *>(to), from, bytes);
  return 0;
}
int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *stream) {
  if (!isOnDevice(from, bytes)) return kInvalidValue;
  if (int error = recorded({"cuMemcpyDtoHAsync", from, bytes, stream})) return error;
  memcpy(to, reinterpret_cast<void *>(from), bytes);
  return 0;
}
int cuStreamSynchronize(void *stream) { return recorded({"cuStreamSynchronize", 0, 0, stream}); }

int cuModuleLoadDataEx(void **module, const void *image, uint32_t options, int *names, void **values) {
  constexpr int logBuffer = 5;
  if (int error = failure("cuModuleLoadDataEx")) {
    for (uint32_t i = 0; i < options; ++i)
      if (names[i] == logBuffer) strcpy(static_cast<char *>(values[i]), "an emulated log");
    return error;
  }
  std::string ptx = static_cast<const char *>(image);
  if (ptx.find(".target sm_80") == std::string::npos) return kInvalidPtx;
  *module = new Module{};
  static_cast<Module *>(*module)->ptx = ptx;
  return 0;
}
int cuModuleUnload(void *module) { return delete static_cast<Module *>(module), 0; }
int cuModuleGetFunction(void **function, void *module, const char *entry) {
  if (int error = failure("cuModuleGetFunction")) return error;
  const std::string &ptx = static_cast<Module *>(module)->ptx;
  size_t at = ptx.find(".entry " + std::string(entry) + "(");
  if (at == std::string::npos) return kNotFound;
  std::vector<int> bytes;
  for (size_t end = ptx.find(')', at); (at = ptx.find(".param .", at + 1)) < end;)
    bytes.push_back(std::stoi(ptx.substr(at + strlen(".param .u"))) / 8);
  *function = new Function{static_cast<Module *>(module), entry, bytes}; // for as long as the program runs
  return 0;
}
int cuFuncSetAttribute(void *, int, int) { return failure("cuFuncSetAttribute"); }
#ifndef OLD_DRIVER
int cuLaunchKernel(void *function, uint32_t blocksX, uint32_t blocksY, uint32_t blocksZ, uint32_t threadsX,
                   uint32_t threadsY, uint32_t threadsZ, uint32_t shared, void *stream, void **arguments, void **) {
  constexpr uint32_t most = 65535; // CUDA C++ Programming Guide, technical specifications
  if (!fake_driver.pushed || blocksY > most || blocksZ > most) return kInvalidValue;
  auto [module, entry, bytes] = *static_cast<Function *>(function);
  std::vector<uint64_t> values(bytes.size());
  for (size_t i = 0; i < bytes.size(); ++i) memcpy(&values[i], arguments[i], bytes[i]);
  if (int error = recorded({"cuLaunchKernel", 0, 0, stream, entry, values})) return error;
#ifdef EMULATES_PTX
  return emulated(*static_cast<Function *>(function),
                  {{blocksX, blocksY, blocksZ}, {threadsX, threadsY, threadsZ}, shared, values});
#endif
  return 0;
}
#endif

int cuPointerGetAttribute(void *value, int attribute, uint64_t address) {
  constexpr int memoryType = 2, deviceOrdinal = 9, onDevice = 2;
  auto other = fake_driver.ofDevice.find(address);
  if (other == fake_driver.ofDevice.end() && !isOnDevice(address, 1)) return kInvalidValue;
  uint32_t ordinal = other == fake_driver.ofDevice.end() ? 0 : other->second;
  uint32_t result = attribute == memoryType ? onDevice : attribute == deviceOrdinal ? ordinal : 0;
  memcpy(value, &result, 4);
  return 0;
}
int cuGetErrorString([[maybe_unused]] int error, const char **text) {
#ifdef EMULATES_PTX
  if (error == kLaunchFailed) return *text = whyKernelFailed.c_str(), 0;
#endif
  return *text = "an emulated error", 0;
}
}
