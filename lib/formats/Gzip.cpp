// zlib's inflate rather than its gzread, which takes bytes after a stream for nothing and files without magic as they
// are: both would hide a damaged file.
#include "formats/Gzip.h"

#include "formats/Error.h"

#include <algorithm>
#include <limits>
#include <string>
#include <zlib.h>

namespace fovea::formats {
namespace {

constexpr int gzipWindowBits = 16 + MAX_WBITS; // 16 asks zlib for the gzip wrapper

struct Inflater {
  z_stream stream = {};
  Inflater() {
    if (inflateInit2(&stream, gzipWindowBits) != Z_OK) throw Error("zlib cannot start: out of memory?");
  }
  ~Inflater() { inflateEnd(&stream); }
};

uInt atMost(size_t size) { return static_cast<uInt>(std::min<size_t>(size, std::numeric_limits<uInt>::max())); }

} // namespace

bool isGzip(const Bytes &content) { return content.size() >= 2 && content[0] == 0x1f && content[1] == 0x8b; }

Bytes gunzip(const Bytes &content, size_t most, const std::string &name) {
  Inflater inflater;
  z_stream &stream = inflater.stream;
  Bytes result(most);
  size_t read = 0, written = 0;
  int status = Z_OK;
  while (status == Z_OK && written < most) {
    stream.next_in = const_cast<Bytef *>(content.data() + read);
    stream.avail_in = atMost(content.size() - read);
    stream.next_out = result.data() + written;
    stream.avail_out = atMost(most - written);
    uInt given = stream.avail_in, room = stream.avail_out;
    status = inflate(&stream, Z_NO_FLUSH);
    read += given - stream.avail_in;
    written += room - stream.avail_out;
  }
  result.resize(written);
  if (status == Z_OK) return result; // there is more than was asked for
  if (status == Z_BUF_ERROR)
    throw Error(name + ": the gzip stream ends early, after " + std::to_string(written) +
                " bytes of content: the file is cut off, get it anew");
  if (status != Z_STREAM_END)
    throw Error(name + ": damaged gzip stream (" + (stream.msg ? stream.msg : "no reason given") + ") after " +
                std::to_string(written) + " bytes of content: get the file anew");
  if (read != content.size())
    throw Error(name + ": " + std::to_string(content.size() - read) +
                " bytes follow the gzip stream: the file is damaged, get it anew");
  return result;
}

Bytes readInflated(const std::filesystem::path &path) {
  Bytes content = readFile(path);
  if (!isGzip(content)) return content;
  size_t length = 0; // the last four bytes, the lowest first
  for (size_t byte = content.size(); byte-- > content.size() - std::min<size_t>(4, content.size());)
    length = length << 8 | content[byte];
  if (length > content.size() * largestInflation)
    throw Error(path.string() + ": the gzip stream ends with a length of " + std::to_string(length) +
                " bytes, more than a file of " + std::to_string(content.size()) +
                " bytes can hold: the file is cut off or damaged, get it anew");
  Bytes result = gunzip(content, length + 1, path.string());
  if (result.size() > length)
    throw Error(path.string() + ": holds more than the " + std::to_string(length) +
                " bytes that the gzip stream ends with: the file is damaged, get it anew");
  return result;
}

} // namespace fovea::formats
