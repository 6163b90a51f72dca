// A module compiled, loaded, and run with canaries around all memory that it is given.
#pragma once

#include "lib/emit/LoadedModel.h"

#include <map>
#include <memory>

namespace fovea::ops {

using Bytes = std::vector<uint8_t>;

struct Library {
  /// Null where the compiler reports an error. `module` is left at a later stage.
  static std::unique_ptr<Library> compile(mlir::ModuleOp module, bool checks, bool cached = true,
                                          const std::string &target = "host");
  const Entry *entry(llvm::StringRef name) const;

  CompiledModel model;
  std::shared_ptr<const LoadedModel> code;
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
  const char *lastError() const { return code.function<const char *(void *)>("last_error")(model); }

  const LoadedModel &code;
  Bytes workspace;
  void *model = nullptr;
};

/// Bytes of a tensor with this value of B.
size_t bytesOf(RankedTensorType type, int64_t batch);

} // namespace fovea::ops
