// PTX as an emulator reads it: entries as lists of instructions whose operands are registers by number.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace fovea::ptx {

/// What the emulator cannot do, or a kernel may not.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Operand {
  enum Kind { constant, reg, special, local, none } kind = none;
  uint64_t value = 0; // a constant's bits, a register's number, an offset in local memory
  int64_t offset = 0; // of an address
};

/// A register of which nothing is read, `_`.
constexpr uint64_t noRegister = UINT64_MAX;

struct Warp;
struct Instruction;
using Handler = void (*)(const Instruction &, Warp &, uint32_t lanes);

struct Instruction {
  std::string opcode, text;
  Handler handler = nullptr;
  enum Flow { next, branch, barrier, call, end } flow = next;
  Operand predicate;
  bool negated = false;
  std::vector<Operand> operands; // the elements of vectors one after another
  uint32_t target = 0;           // of a branch
  std::string callee;            // of a call, whose operands are results and then arguments
  const struct Entry *called = nullptr;
};

struct Parameter {
  uint32_t offset, bytes;
};

/// A kernel, or a function, which has registers for its results and arguments.
struct Entry {
  std::string name;
  std::vector<Parameter> parameters;
  std::vector<uint64_t> own;
  std::vector<Instruction> code;
  uint32_t registers = 0, localBytes = 0;
};

/// A module's kernels and functions, and its tables.
struct Module {
  std::map<std::string, Entry> entries;
  std::map<std::string, std::vector<uint8_t>> tables;

  explicit Module(const std::string &text);
};

/// How an opcode works; throws where the emulator has none.
Handler handlerOf(std::string opcode);

} // namespace fovea::ptx
