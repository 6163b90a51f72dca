// What a test tells the stand-in for the CUDA driver, and learns from it: its `fake_driver`.
#pragma once

#include <cstddef>
#include <cstdint>

struct FakeDriver {
  int devices = 1, capability = 80;
  size_t bytes = SIZE_MAX; // the most that an allocation can have
  int launchError = 0;
  int copies = 0; // to and from the device
};

extern "C" FakeDriver fake_driver;
