// Compiled kernels on disk, by the name of the kernel's function, which is a hash of all that its code depends on; and
// the shared libraries of models that run in the process that compiles them.
#pragma once

#include "lib/halide/Provider.h"

namespace fovea {

/// Thread-safe; several processes may use one folder. A folder that cannot be written is no error: kernels are then
/// compiled anew. Damaged entries count as absent.
class Cache {
public:
  /// An empty folder: nothing is kept.
  explicit Cache(StringRef folder) : folder(folder) {}
  /// $FOVEA_CACHE, else fovea in $XDG_CACHE_HOME or in ~/.cache; empty where none of them is known.
  static std::string defaultFolder();

  std::optional<KernelCode> find(StringRef symbol) const;
  void store(const KernelCode &code) const;

  /// The path of a shared library, by a key that holds a hash of all that it is linked from.
  std::optional<std::string> findLibrary(StringRef key) const;
  /// Its path as well; none where the folder cannot be written.
  std::optional<std::string> storeLibrary(StringRef key, StringRef library) const;

private:
  std::string path(const llvm::Twine &file) const;
  std::string folder;
};

} // namespace fovea
