// Objects become what users link: one relocatable object, a static library, a shared library.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace fovea {

struct ObjectFile {
  std::string name; // of the file
  std::string bytes;
};

/// Fovea's runtime as one relocatable object, and Halide's, which only kernels with checks need.
llvm::StringRef runtimeObject();
/// Beside it, for models with kernels for a device.
llvm::StringRef deviceRuntimeObject();
llvm::StringRef halideRuntimeObject();

/// Joins objects into one relocatable object that has no global symbols but `exported`: two models can then be linked
/// into one program. Uses ld and objcopy.
llvm::Expected<std::string> joinObjects(llvm::ArrayRef<ObjectFile> objects, llvm::ArrayRef<std::string> exported);

/// A static library of one object, named `member` in it.
llvm::Expected<std::string> archiveOf(llvm::StringRef object, llvm::StringRef member);

/// A shared library of one object that joinObjects made. Uses cc.
llvm::Expected<std::string> sharedLibraryOf(llvm::StringRef object, llvm::StringRef fileName,
                                            llvm::ArrayRef<std::string> exported);

/// Bytes of machine code in an object.
llvm::Expected<uint64_t> codeBytes(llvm::StringRef object);

} // namespace fovea
