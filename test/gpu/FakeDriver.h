// What a test tells the stand-in for the CUDA driver, and learns from it: its `fake_driver`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

struct FakeDriver {
  int devices = 1, capability = 80;
  size_t bytes = SIZE_MAX;          // the most that an allocation can have
  std::map<std::string, int> fails; // functions that fail, with their error,
  int succeeds = 0;                 // after so many calls of them

  /// What was asked of it.
  struct Call {
    std::string function; // cuMemAlloc, cuMemcpyHtoDAsync, cuMemcpyDtoHAsync, cuLaunchKernel, cuStreamSynchronize
    uint64_t address = 0; // on the device
    size_t bytes = 0;
    void *stream = nullptr;
    std::string kernel;
    std::vector<uint64_t> arguments = {}; // of a kernel
  };
  std::vector<Call> calls;
  std::map<uint64_t, int> ofDevice; // memory that is on another device than 0
  int contexts = 0;                 // retained and not released
  int allocations = 0;              // not freed
  int pushed = 0;                   // contexts that are current

  int count(const std::string &function) const {
    int result = 0;
    for (const Call &call : calls) result += call.function == function;
    return result;
  }
  int copies() const { return count("cuMemcpyHtoDAsync") + count("cuMemcpyDtoHAsync"); }
};

extern "C" FakeDriver fake_driver;
