// Blocks, warps and barriers.
#include "test/cuda/Machine.h"

#include <algorithm>
#include <cstring>

namespace fovea::ptx {

void Shared::clear(uint32_t size) {
  bytes.assign(size / 8 + 2, ~uint64_t(0)); // NaN
  words.assign(size / 4 + 4, {});
  now = 1;
}

uint64_t Shared::touch(uint64_t offset, uint32_t size, int32_t thread, bool writes) {
  if (offset + size > (words.size() - 4) * 4) throw Error("an access outside of shared memory");
  for (uint64_t at = offset / 4; at <= (offset + size - 1) / 4; ++at) {
    Word &word = words[at];
    bool afterWrite = word.written == now && word.writer != thread,
         afterRead = writes && word.read == now && word.reader != thread;
    if (afterWrite || afterRead)
      throw Error("threads " + std::to_string(afterWrite ? word.writer : word.reader) + " and " +
                  std::to_string(thread) + " meet in shared memory, at " + std::to_string(offset) +
                  ", without a barrier between");
    constexpr int32_t many = -2;
    if (writes)
      word.written = now, word.writer = thread;
    else
      word.reader = word.read == now && word.reader != thread ? many : thread, word.read = now;
  }
  return reinterpret_cast<uint64_t>(bytes.data()) + offset;
}

const Lanes &Warp::values(const Operand &operand, Lanes &room) const {
  switch (operand.kind) {
  case Operand::reg:
    return registers[operand.value];
  case Operand::special:
    return special[operand.value];
  case Operand::local:
    for (uint32_t lane = 0; lane < warpLanes; ++lane)
      room[lane] = reinterpret_cast<uint64_t>(local.data()) + lane * localBytes + operand.value;
    return room;
  default:
    room.fill(operand.value);
    return room;
  }
}

namespace {

class Block {
public:
  Block(const Entry &entry, const Launch &launch, const std::function<bool(uint64_t, size_t)> &isOnDevice)
      : entry(entry) {
    uint32_t threads = launch.threads[0] * launch.threads[1] * launch.threads[2];
    parameters.assign(launch.parameters.begin(), launch.parameters.end());
    warps.resize((threads + warpLanes - 1) / warpLanes);
    for (size_t w = 0; w < warps.size(); ++w) {
      Warp &warp = warps[w];
      warp.registers.resize(entry.registers);
      warp.first = uint32_t(w) * warpLanes;
      warp.localBytes = entry.localBytes;
      warp.local.resize(entry.localBytes * warpLanes + 16);
      warp.parameters = parameters.data();
      warp.shared = &shared;
      warp.isOnDevice = &isOnDevice;
      for (uint32_t lane = 0; lane < warpLanes; ++lane) {
        uint32_t thread = warp.first + lane;
        warp.special[0][lane] = thread % launch.threads[0];
        warp.special[1][lane] = thread / launch.threads[0] % launch.threads[1];
        warp.special[2][lane] = thread / launch.threads[0] / launch.threads[1];
        warp.special[6][lane] = lane;
      }
    }
    all = threads;
    sharedBytes = launch.sharedBytes;
  }

  void run(uint32_t x, uint32_t y, uint32_t z) {
    shared.clear(sharedBytes);
    for (Warp &warp : warps) {
      uint32_t here = std::min<uint32_t>(warpLanes, all - warp.first);
      warp.running = here == warpLanes ? ~0u : (1u << here) - 1;
      warp.at.fill(0);
      warp.special[3].fill(x);
      warp.special[4].fill(y);
      warp.special[5].fill(z);
    }
    for (bool more = true; more; ++shared.now) {
      more = false;
      for (Warp &warp : warps) {
        uint32_t lanes = warp.running;
        while (warp.running) step(warp, entry);
        if (warp.waiting && warp.waiting != lanes) passApart();
        more |= warp.waiting;
      }
      for (Warp &warp : warps) std::swap(warp.running, warp.waiting);
    }
  }

private:
  /// The lanes that are furthest behind, until they are where others are.
  void step(Warp &warp, const Entry &entry) {
    uint32_t at = UINT32_MAX, lanes = 0, others = UINT32_MAX;
    for (int lane = 0; lane < warpLanes; ++lane) {
      if (!(warp.running >> lane & 1)) continue;
      if (warp.at[lane] < at) others = at, at = warp.at[lane], lanes = 0;
      if (warp.at[lane] == at)
        lanes |= 1u << lane;
      else
        others = std::min(others, warp.at[lane]);
    }
    for (; at < others; ++at) {
      if (at >= entry.code.size()) throw Error("a kernel without an end");
      const Instruction &instruction = entry.code[at];
      uint32_t active = lanes;
      if (instruction.predicate.kind != Operand::none) {
        const Lanes &predicate = warp.registers[instruction.predicate.value];
        for (int lane = 0; lane < warpLanes; ++lane)
          if (bool(predicate[lane]) == instruction.negated) active &= ~(1u << lane);
      }
      if (instruction.flow == Instruction::next || instruction.flow == Instruction::call) {
        if (active) instruction.called ? call(instruction, warp, active) : execute(instruction, warp, active);
        continue;
      }
      leave(instruction, warp, lanes, active, at);
      return;
    }
    for (int lane = 0; lane < warpLanes; ++lane)
      if (lanes >> lane & 1) warp.at[lane] = at;
  }

  void call(const Instruction &instruction, Warp &warp, uint32_t active) {
    const Entry &function = *instruction.called;
    Warp inside = warp;
    inside.registers.assign(function.registers, {});
    inside.localBytes = function.localBytes;
    inside.local.assign(function.localBytes * warpLanes + 16, 0);
    inside.running = active;
    inside.waiting = 0;
    inside.at.fill(0);
    for (size_t i = 0; i < function.own.size(); ++i)
      inside.registers[function.own[i]] = warp.registers[instruction.operands[i].value];
    while (inside.running) step(inside, function);
    for (size_t i = 0; i < function.own.size(); ++i)
      for (int lane = 0; lane < warpLanes; ++lane)
        if (active >> lane & 1)
          warp.registers[instruction.operands[i].value][lane] = inside.registers[function.own[i]][lane];
  }

  void execute(const Instruction &instruction, Warp &warp, uint32_t active) {
    try {
      instruction.handler(instruction, warp, active);
    } catch (const Error &error) {
      throw Error(entry.name + ": '" + instruction.text + "': " + error.what());
    }
  }

  void leave(const Instruction &instruction, Warp &warp, uint32_t lanes, uint32_t active, uint32_t at) {
    for (int lane = 0; lane < warpLanes; ++lane) {
      if (!(lanes >> lane & 1)) continue;
      bool acts = active >> lane & 1;
      warp.at[lane] = acts && instruction.flow == Instruction::branch ? instruction.target : at + 1;
    }
    if (instruction.flow == Instruction::branch) return;
    if (instruction.flow == Instruction::barrier) {
      if (warp.waiting && warp.barrier != at) passApart();
      warp.barrier = at;
      warp.waiting |= active;
    }
    warp.running &= ~active;
  }

  /// All lanes of a warp have to meet at one barrier: a device brings together those whose paths end there.
  [[noreturn]] void passApart() const { throw Error(entry.name + ": a barrier that lanes of a warp pass apart"); }

  const Entry &entry;
  std::vector<Warp> warps;
  std::vector<uint64_t> parameters;
  Shared shared;
  uint32_t all, sharedBytes;
};

} // namespace

void run(const Entry &entry, const Launch &launch, const std::function<bool(uint64_t, size_t)> &isOnDevice) {
  Block block(entry, launch, isOnDevice);
  for (uint32_t z = 0; z < launch.blocks[2]; ++z)
    for (uint32_t y = 0; y < launch.blocks[1]; ++y)
      for (uint32_t x = 0; x < launch.blocks[0]; ++x) block.run(x, y, z);
}

} // namespace fovea::ptx
