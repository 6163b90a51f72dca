// Runs entries of PTX as a GPU would, on this processor: the 32 lanes of a warp in step, warps one after another from
// barrier to barrier. What a GPU leaves undefined ends a launch with an Error: lanes that exchange values while others
// of their warp are elsewhere, threads that meet in shared memory without a barrier between, addresses outside.
#pragma once

#include "test/cuda/Ptx.h"

#include <array>
#include <functional>

namespace fovea::ptx {

constexpr int warpLanes = 32;
using Lanes = std::array<uint64_t, warpLanes>;

/// The memory that a block's threads share, and who touched it since the last barrier.
struct Shared {
  struct Word {
    uint32_t written = 0, read = 0; // when last
    int32_t writer = -1, reader = -1;
  };
  std::vector<uint64_t> bytes;
  std::vector<Word> words;
  uint32_t now = 1; // barriers so far

  void clear(uint32_t size);
  /// An access to words by a thread; returns where they are.
  uint64_t touch(uint64_t offset, uint32_t size, int32_t thread, bool writes);
};

struct Warp {
  std::vector<Lanes> registers;
  std::array<Lanes, 7> special;
  std::array<bool, warpLanes> carry = {};
  std::vector<uint8_t> local; // of all lanes
  uint32_t localBytes = 0, first = 0;
  std::array<uint32_t, warpLanes> at = {};
  uint32_t running = 0, waiting = 0; // lanes
  uint32_t barrier = 0;              // where lanes wait
  const uint64_t *parameters = nullptr;
  Shared *shared = nullptr;
  const std::function<bool(uint64_t, size_t)> *isOnDevice = nullptr;

  /// An operand's value of each lane.
  const Lanes &values(const Operand &operand, Lanes &room) const;
};

struct Launch {
  std::array<uint32_t, 3> blocks, threads;
  uint32_t sharedBytes;
  std::vector<uint64_t> parameters; // one to each
};

/// `isOnDevice` tells whether kernels may touch so many bytes at an address.
void run(const Entry &entry, const Launch &launch, const std::function<bool(uint64_t, size_t)> &isOnDevice);

} // namespace fovea::ptx
