// A compiled model's code in this process: its shared library, with the interface that calls need and nothing of MLIR.
#pragma once

#include "lib/emit/Compile.h"

#include <memory>

namespace fovea {

class LoadedModel {
public:
  /// An argument or a state tensor.
  struct Tensor {
    std::string name, shape; // (batch, 10)
    const ElementKind *kind;
    fovea_role role;
    std::vector<SmallVector<int64_t>> dims; // affine rows over the model's sizes
    /// How many elements it has with these values of the model's sizes.
    int64_t elements(ArrayRef<int64_t> sizes) const;
  };
  struct Entry {
    std::string name;
    std::vector<unsigned> sizes; // its own, among the model's
    std::vector<Tensor> arguments;
    void *function;
  };

  /// The library is kept in options.cache, if there is one, under a hash of what it is linked from.
  static llvm::Expected<std::shared_ptr<const LoadedModel>> load(const CompiledModel &model,
                                                                 const CompileOptions &options);
  ~LoadedModel();

  const std::string &name() const { return modelName; }
  ArrayRef<std::string> sizes() const { return sizeNames; }
  ArrayRef<Tensor> state() const { return stateTensors; }
  ArrayRef<Entry> entries() const { return entryPoints; }
  /// Null where there is none of this name.
  const Entry *entry(StringRef name) const {
    const Entry *found = llvm::find_if(entries(), [&](const Entry &entry) { return entry.name == name; });
    return found == entries().end() ? nullptr : found;
  }

  /// The exported function NAME_function.
  template <typename Type> Type *function(StringRef function) const {
    return reinterpret_cast<Type *>(address(function));
  }
  /// Calls an entry point, as the library's users do, with values of the model's sizes and an address for each
  /// argument; of a scalar, that of its value. Returns a fovea_error.
  int32_t call(const Entry &entry, void *handle, ArrayRef<int64_t> sizes, ArrayRef<void *> pointers) const;

private:
  LoadedModel() = default;
  void *address(StringRef function) const;

  void *library = nullptr;
  std::string modelName;
  std::vector<std::string> sizeNames;
  std::vector<Tensor> stateTensors;
  std::vector<Entry> entryPoints;
};

} // namespace fovea
