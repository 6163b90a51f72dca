// Files and folders.
#include "lib/emit/Files.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace fovea {

static Error failure(StringRef what, StringRef path, std::error_code code) {
  return llvm::createStringError(code, what + " '" + path + "': " + code.message());
}

Error writeFile(StringRef path, StringRef bytes) {
  auto file = llvm::sys::fs::TempFile::create(path + ".%%%%%%%%", llvm::sys::fs::all_read | llvm::sys::fs::all_write);
  if (!file) return failure("cannot write", path, llvm::errorToErrorCode(file.takeError()));
  llvm::raw_fd_ostream stream(file->FD, false);
  stream << bytes;
  stream.flush();
  if (std::error_code code = stream.error()) {
    stream.clear_error(); // its destructor would end the program
    llvm::consumeError(file->discard());
    return failure("cannot write", path, code);
  }
  if (Error error = file->keep(path)) return failure("cannot write", path, llvm::errorToErrorCode(std::move(error)));
  return Error::success();
}

Expected<std::string> readFile(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, false, false);
  if (!buffer) return failure("cannot read", path, buffer.getError());
  return (*buffer)->getBuffer().str();
}

Error makeFolder(StringRef path) {
  if (std::error_code code = llvm::sys::fs::create_directories(path))
    return failure("cannot make the folder", path, code);
  if (!llvm::sys::fs::is_directory(path))
    return failure("cannot write into", path, std::make_error_code(std::errc::not_a_directory));
  return Error::success();
}

Expected<PrivateFolder> PrivateFolder::create() {
  PrivateFolder result;
  if (std::error_code code = llvm::sys::fs::createUniqueDirectory("fovea", result.folder)) {
    llvm::SmallString<64> parent;
    llvm::sys::path::system_temp_directory(true, parent);
    return failure("cannot make a temporary folder in", parent, code);
  }
  return result;
}

PrivateFolder::~PrivateFolder() {
  if (!folder.empty()) (void)llvm::sys::fs::remove_directories(folder);
}

std::string PrivateFolder::path(StringRef name) const {
  llvm::SmallString<128> result = folder;
  llvm::sys::path::append(result, name);
  return result.str().str();
}

} // namespace fovea
