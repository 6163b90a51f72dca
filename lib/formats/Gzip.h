// Inflating gzip content with a bound, so that a small hostile file cannot ask for all memory.
#ifndef FOVEA_FORMATS_GZIP_H
#define FOVEA_FORMATS_GZIP_H

#include "formats/File.h"

#include <string>

namespace fovea::formats {

/// Whether the content starts with gzip's two magic bytes.
bool isGzip(const Bytes &content);

/// Inflates one gzip member and returns its first `most` bytes at most. Where the stream is shorter than that, its
/// checksum and the absence of other bytes after it are checked too. Throws fovea::Error, with `name` in front, where
/// the content is not gzip, is damaged, or is cut off.
Bytes gunzip(const Bytes &content, size_t most, const std::string &name);

/// A file's content, inflated where it is gzip. Throws fovea::Error where the file cannot be read, as gunzip does, and
/// where the length at the stream's end is not that of its content or more than a file of its size can hold.
Bytes readInflated(const std::filesystem::path &path);

/// No deflate stream grows by more than this factor.
constexpr size_t largestInflation = 1032;

} // namespace fovea::formats

#endif
