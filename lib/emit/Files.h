// Files that appear whole or not at all, and a private folder for what is in between.
#pragma once

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Error.h"

#include <string>

namespace fovea {

/// Writes to a temporary file in the same folder, then renames it. The error names the path and the system's reason.
llvm::Error writeFile(llvm::StringRef path, llvm::StringRef bytes);
llvm::Expected<std::string> readFile(llvm::StringRef path);
/// With its parents; it may exist.
llvm::Error makeFolder(llvm::StringRef path);

/// A folder that only this process uses; removed with everything in it.
class PrivateFolder {
public:
  static llvm::Expected<PrivateFolder> create();
  PrivateFolder(PrivateFolder &&other) : folder(std::move(other.folder)) { other.folder.clear(); }
  ~PrivateFolder();
  std::string path(llvm::StringRef name) const;

private:
  PrivateFolder() = default;
  llvm::SmallString<128> folder;
};

} // namespace fovea
