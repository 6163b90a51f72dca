// Whole files through POSIX calls, so that a written file can be synced before it takes its name.
#include "formats/File.h"

#include "formats/Error.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace fovea::formats {
namespace {

[[noreturn]] void fail(const std::filesystem::path &path, const std::string &what, int error) {
  throw Error(path.string() + ": " + what + ": " + std::strerror(error));
}

/// A file descriptor that closes itself.
struct Descriptor {
  int number;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

void writeAll(int file, const uint8_t *data, size_t size, const std::filesystem::path &path) {
  while (size > 0) {
    ssize_t written = ::write(file, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path, "cannot write", errno);
    data += written;
    size -= static_cast<size_t>(written);
  }
}

/// Makes a rename in this folder survive a power failure. A file system that cannot sync folders is no error: the
/// file itself is complete.
void syncFolder(const std::filesystem::path &folder) {
  Descriptor descriptor{::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY)};
  if (descriptor.number >= 0) ::fsync(descriptor.number);
}

/// A name beside path that no other writer uses.
std::string temporaryName(const std::filesystem::path &path) {
  static std::atomic<unsigned> count{0};
  return path.string() + "." + std::to_string(::getpid()) + "-" + std::to_string(++count) + ".part";
}

} // namespace

Bytes readFile(const std::filesystem::path &path) {
  Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.number < 0) fail(path, "cannot open", errno);
  struct stat status;
  if (::fstat(file.number, &status) != 0) fail(path, "cannot read", errno);
  if (!S_ISREG(status.st_mode)) throw Error(path.string() + ": is not a regular file: name a file to read");
  Bytes content(static_cast<size_t>(status.st_size));
  size_t done = 0;
  while (done < content.size()) {
    ssize_t count = ::read(file.number, content.data() + done, content.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(path, "cannot read", errno);
    if (count == 0) throw Error(path.string() + ": became shorter while it was read: try again when it is complete");
    done += static_cast<size_t>(count);
  }
  return content;
}

void writeFile(const std::filesystem::path &path, const void *data, size_t size) {
  std::string temporary = temporaryName(path);
  Descriptor file{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)};
  if (file.number < 0) fail(path, "cannot make a file in this folder", errno);
  try {
    writeAll(file.number, static_cast<const uint8_t *>(data), size, path);
    if (::fsync(file.number) != 0) fail(path, "cannot write", errno);
    if (::rename(temporary.c_str(), path.c_str()) != 0) fail(path, "cannot take this name", errno);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  syncFolder(path.parent_path());
}

void writeFile(const std::filesystem::path &path, std::string_view text) { writeFile(path, text.data(), text.size()); }

void syncFile(const std::filesystem::path &path) {
  Descriptor file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
  if (file.number < 0) fail(path, "cannot open", errno);
  if (::fsync(file.number) != 0) fail(path, "cannot write", errno);
}

void makeFolder(const std::filesystem::path &folder) {
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (code) throw Error(folder.string() + ": cannot make this folder: " + code.message() + ": name another one");
  if (::access(folder.c_str(), W_OK | X_OK) != 0) fail(folder, "cannot write in this folder", errno);
}

} // namespace fovea::formats
