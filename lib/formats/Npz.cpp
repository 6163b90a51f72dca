// Archives through libzip, in memory. It checks each entry's checksum; what an entry promises is checked here, before
// memory is taken.
#include "formats/Npy.h"

#include "formats/Error.h"
#include "formats/Gzip.h"

#include <memory>
#include <new>
#include <string_view>
#include <zip.h>

namespace fovea::formats {
namespace {

constexpr std::string_view ending = ".npy";
constexpr size_t longestName = UINT16_MAX;        // libzip would cut longer ones
constexpr zip_uint16_t earliestDate = 1 << 5 | 1; // 1 January 1980, so that files do not depend on the clock

using Archive = std::unique_ptr<zip_t, decltype(&zip_discard)>;
using Entry = std::unique_ptr<zip_file_t, decltype(&zip_fclose)>;
using Source = std::unique_ptr<zip_source_t, decltype(&zip_source_free)>;

struct ZipError {
  zip_error_t error;
  ZipError() { zip_error_init(&error); }
  ZipError(const ZipError &) = delete;
  ~ZipError() { zip_error_fini(&error); }
  std::string text() { return zip_error_strerror(&error); }
};

Archive openArchive(zip_source_t *source, int flags, const std::string &name) {
  ZipError error;
  Archive archive(source ? zip_open_from_source(source, flags, &error.error) : nullptr, &zip_discard);
  if (archive) return archive;
  zip_source_free(source);
  throw Error(name + ": is no zip archive that can be read (" + error.text() + "): the file is damaged or cut off");
}

class Reader {
public:
  Reader(const Bytes &content, const std::string &name) : name(name), left(content.size()) {
    if (content.size() < 4 || content[0] != 'P' || content[1] != 'K')
      throw Error(name + ": is not a .npz file: it does not start with PK, as zip archives do");
    archive = openArchive(zip_source_buffer_create(content.data(), content.size(), 0, nullptr), ZIP_RDONLY, name);
  }

  NpzArrays read() {
    NpzArrays arrays;
    const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
    for (zip_int64_t index = 0; index < count; ++index) {
      zip_stat_t entry;
      const char *given = zip_get_name(archive.get(), static_cast<zip_uint64_t>(index), 0);
      if (!given || zip_stat_index(archive.get(), static_cast<zip_uint64_t>(index), 0, &entry) != 0)
        throw std::bad_alloc();
      std::string key = given;
      if (key.size() <= ending.size() || key.compare(key.size() - ending.size(), ending.size(), ending) != 0)
        throw Error(name + ": has the entry '" + key + "', but only arrays, whose names end in .npy, are read");
      const std::string label = name + ": " + key;
      key.resize(key.size() - ending.size());
      if (!arrays.emplace(key, parseNpy(content(entry, label), label)).second)
        throw Error(name + ": has two arrays named '" + key + "'");
    }
    return arrays;
  }

private:
  void checkPromise(const zip_stat_t &entry, const std::string &label) {
    if (entry.encryption_method != ZIP_EM_NONE)
      throw Error(label + ": is encrypted, which is not supported: store it in the clear");
    if (entry.comp_method != ZIP_CM_STORE && entry.comp_method != ZIP_CM_DEFLATE)
      throw Error(label + ": is compressed by zip's method " + std::to_string(entry.comp_method) +
                  ", but only stored (0) and deflated (8) entries are read");
    if (entry.comp_size > left)
      throw Error(label + ": takes " + std::to_string(entry.comp_size) + " bytes of the archive, which has " +
                  std::to_string(left) + " left for it: the file is damaged");
    left -= entry.comp_size;
    if (entry.size / largestInflation > entry.comp_size)
      throw Error(label + ": promises " + std::to_string(entry.size) + " bytes, more than its " +
                  std::to_string(entry.comp_size) + " in the archive can hold: the file is damaged");
  }

  Bytes content(const zip_stat_t &entry, const std::string &label) {
    checkPromise(entry, label);
    Entry file(zip_fopen_index(archive.get(), entry.index, 0), &zip_fclose);
    if (!file) throw Error(label + ": cannot be read: " + zip_strerror(archive.get()) + ": the file is damaged");
    Bytes result(entry.size + 1); // one more, to see that there is no more
    size_t done = 0;
    while (done < result.size()) {
      const zip_int64_t count = zip_fread(file.get(), result.data() + done, result.size() - done);
      if (count < 0)
        throw Error(label + ": cannot be read: " + zip_file_strerror(file.get()) + ": the file is damaged");
      if (count == 0) break; // the end, where the checksum was checked
      done += static_cast<size_t>(count);
    }
    if (done != entry.size)
      throw Error(label + ": promises " + std::to_string(entry.size) + " bytes, but has " +
                  (done > entry.size ? "more" : "only " + std::to_string(done)) + ": the file is damaged");
    result.resize(done);
    return result;
  }

  const std::string &name;
  size_t left; // bytes of the archive that no entry has taken yet; entries that overlap would multiply them
  Archive archive{nullptr, &zip_discard};
};

void add(zip_t *archive, const std::string &key, const Bytes &content, bool compress, const std::string &name) {
  const std::string file = key + std::string(ending);
  zip_source_t *source = zip_source_buffer(archive, content.data(), content.size(), 0);
  const bool fits = source && !key.empty() && file.size() <= longestName;
  const zip_int64_t index = fits ? zip_file_add(archive, file.c_str(), source, ZIP_FL_ENC_UTF_8) : -1;
  if (index < 0) {
    zip_source_free(source);
    throw Error(name + ": an archive cannot have an array named '" + key.substr(0, 40) + "' (" +
                std::to_string(key.size()) + " bytes): names are UTF-8, not empty, and below 65532 bytes");
  }
  const auto entry = static_cast<zip_uint64_t>(index);
  zip_set_file_compression(archive, entry, compress ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
  zip_file_set_dostime(archive, entry, 0, earliestDate, 0);
}

/// All bytes of a source.
Bytes contentOf(zip_source_t *source) {
  zip_stat_t status;
  if (zip_source_stat(source, &status) != 0 || zip_source_open(source) != 0) return {};
  Bytes result(status.size);
  const zip_int64_t count = zip_source_read(source, result.data(), result.size());
  zip_source_close(source);
  result.resize(count < 0 ? 0 : static_cast<size_t>(count));
  return result;
}

} // namespace

NpzArrays readNpz(const std::filesystem::path &path) { return parseNpz(readFile(path), path.string()); }

NpzArrays parseNpz(const Bytes &content, const std::string &name) { return Reader(content, name).read(); }

Bytes npzContent(const NpzArrays &arrays, bool compress, const std::string &name) {
  if (arrays.empty()) throw Error(name + ": cannot write an archive of no arrays: give at least one");
  std::map<std::string, Bytes> contents;
  for (const auto &[key, array] : arrays) contents[key] = npyContent(array, name + ": " + key);
  Source source(zip_source_buffer_create(nullptr, 0, 0, nullptr), &zip_source_free);
  if (!source) throw std::bad_alloc();
  zip_source_keep(source.get()); // once for the archive
  Archive archive = openArchive(source.get(), ZIP_CREATE | ZIP_TRUNCATE, name);
  for (const auto &[key, content] : contents) add(archive.get(), key, content, compress, name);
  if (zip_close(archive.get()) != 0) throw Error(name + ": cannot make the archive: " + zip_strerror(archive.get()));
  archive.release(); // closing has freed it
  return contentOf(source.get());
}

void writeNpz(const std::filesystem::path &path, const NpzArrays &arrays, bool compress) {
  const Bytes content = npzContent(arrays, compress, path.string());
  writeFile(path, content.data(), content.size());
}

} // namespace fovea::formats
