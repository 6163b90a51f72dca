// A module compiled to a shared library, loaded, and run with canaries around all memory that it is given.
#pragma once

#include "lib/emit/Compile.h"

#include <map>
#include <memory>

namespace fovea::ops {

using Bytes = std::vector<uint8_t>;

class Library {
public:
  /// Null where the compiler reports an error. `module` is left at a later stage.
  static std::unique_ptr<Library> compile(mlir::ModuleOp module, bool checks);
  ~Library();

  const Interface &interface() const { return model.interface; }
  const Entry *entry(llvm::StringRef name) const;

  /// Calls the exported function NAME_name with arguments as they go into general registers and onto the stack.
  uint64_t call(const std::string &name, std::vector<uint64_t> arguments) const;

private:
  explicit Library(CompiledModel model) : model(std::move(model)) {}
  CompiledModel model;
  void *handle = nullptr;
};

/// A created model. Failures, damaged canaries among them, are reported as failures of the running test.
class Instance {
public:
  /// `largest` is the largest batch.
  Instance(const Library &library, int threads, int64_t largest, uint64_t seed = 1);
  ~Instance();

  void set(const std::string &state, const Bytes &values);
  Bytes get(const std::string &state, size_t bytes);
  /// Runs an entry point on inputs by name; the outputs by name.
  std::map<std::string, Bytes> run(llvm::StringRef entry, const std::map<std::string, Bytes> &inputs, int64_t batch);

private:
  void checkWorkspace(llvm::StringRef after);
  std::string lastError() const;

  const Library &library;
  Bytes workspace;
  uint64_t model = 0;
};

/// Bytes of a tensor with this value of B.
size_t bytesOf(RankedTensorType type, int64_t batch);

} // namespace fovea::ops
