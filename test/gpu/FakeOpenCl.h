// What a test tells the stand-in for OpenCL's loader, and learns from it: its `fake_opencl`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

struct FakeOpenCl {
  int devices = 1;
  bool sharesFineGrain = true;
  size_t bytes = SIZE_MAX;          // the most that an allocation can have
  std::map<std::string, int> fails; // functions that fail, with their error
  void *queueDevice = nullptr;      // of a queue that is not its own

  /// What there is: created or retained, and not released.
  int contexts = 0, queues = 0, programs = 0, kernels = 0, allocations = 0;
  int launches = 0;
  void *lastQueue = nullptr; // of a launch
};

extern "C" FakeOpenCl fake_opencl;
