// The cache. A kernel is a header (mark, scratch bytes, launches, object bytes, checksum of what surrounds it), then the
// object. A shared library has its checksum behind it, where loaders do not look.
#include "lib/emit/Cache.h"

#include "lib/emit/Files.h"

#include "llvm/Support/Path.h"
#include "llvm/Support/xxhash.h"

#include <cstdlib>
#include <cstring>

namespace fovea {

namespace {
struct EntryHeader {
  char mark[8] = {'F', 'O', 'V', 'E', 'A', 'K', '0', '3'};
  ScratchBytes scratch;
  int64_t launches = 0, objectBytes = 0;
  uint64_t checksum = 0;
};
} // namespace

static uint64_t checksum(const EntryHeader &header, StringRef symbol, StringRef object) {
  std::string head(symbol);
  head.append(reinterpret_cast<const char *>(&header), offsetof(EntryHeader, checksum));
  return llvm::xxh3_64bits(head) ^ (llvm::xxh3_64bits(object) * 3);
}

std::string Cache::defaultFolder() {
  auto variable = [](const char *name) -> std::string {
    const char *value = std::getenv(name);
    return value ? value : "";
  };
  if (std::string own = variable("FOVEA_CACHE"); !own.empty()) return own;
  if (std::string caches = variable("XDG_CACHE_HOME"); !caches.empty()) return caches + "/fovea";
  if (std::string home = variable("HOME"); !home.empty()) return home + "/.cache/fovea";
  return "";
}

std::string Cache::path(const llvm::Twine &file) const {
  llvm::SmallString<128> result(folder);
  llvm::sys::path::append(result, file);
  return result.str().str();
}

std::optional<KernelCode> Cache::find(StringRef symbol) const {
  if (folder.empty()) return std::nullopt;
  auto bytes = readFile(path(symbol + ".kernel"));
  if (!bytes) {
    llvm::consumeError(bytes.takeError());
    return std::nullopt;
  }
  EntryHeader header;
  if (bytes->size() < sizeof header || std::memcmp(bytes->data(), header.mark, sizeof header.mark) != 0)
    return std::nullopt;
  std::memcpy(&header, bytes->data(), sizeof header);
  StringRef object = StringRef(*bytes).drop_front(sizeof header);
  if (header.objectBytes != (int64_t)object.size() || header.checksum != checksum(header, symbol, object))
    return std::nullopt;
  return KernelCode{symbol.str(), object.str(), header.scratch, header.launches};
}

void Cache::store(const KernelCode &code) const {
  if (folder.empty()) return;
  EntryHeader header;
  header.scratch = code.scratch;
  header.launches = code.launches;
  header.objectBytes = code.object.size();
  header.checksum = checksum(header, code.symbol, code.object);
  std::string bytes(reinterpret_cast<const char *>(&header), sizeof header);
  if (llvm::Error error = makeFolder(folder)) return llvm::consumeError(std::move(error));
  llvm::consumeError(writeFile(path(code.symbol + ".kernel"), bytes + code.object));
}

static std::string libraryChecksum(StringRef key, StringRef library) {
  uint64_t sum = llvm::xxh3_64bits(key) ^ (llvm::xxh3_64bits(library) * 3);
  return std::string(reinterpret_cast<const char *>(&sum), sizeof sum);
}

std::optional<std::string> Cache::findLibrary(StringRef key) const {
  if (folder.empty()) return std::nullopt;
  auto bytes = readFile(path(key + ".so"));
  if (!bytes) {
    llvm::consumeError(bytes.takeError());
    return std::nullopt;
  }
  StringRef library = StringRef(*bytes).drop_back(std::min(bytes->size(), sizeof(uint64_t)));
  if (StringRef(*bytes).drop_front(library.size()) != libraryChecksum(key, library)) return std::nullopt;
  return path(key + ".so");
}

std::optional<std::string> Cache::storeLibrary(StringRef key, StringRef library) const {
  if (folder.empty()) return std::nullopt;
  llvm::Error error = makeFolder(folder);
  if (!error) error = writeFile(path(key + ".so"), library.str() + libraryChecksum(key, library));
  bool failed = bool(error);
  llvm::consumeError(std::move(error));
  return failed ? std::nullopt : std::optional(path(key + ".so"));
}

} // namespace fovea
