// Whole files in and out. Writing is atomic: a reader sees the old file or the new one, never half of one.
#ifndef FOVEA_FORMATS_FILE_H
#define FOVEA_FORMATS_FILE_H

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

namespace fovea::formats {

using Bytes = std::vector<uint8_t>;

/// The content of a regular file. Throws fovea::Error where there is none or it cannot be read.
Bytes readFile(const std::filesystem::path &path);

/// Writes to a temporary file in the same folder, syncs it and renames it to path. On failure throws fovea::Error and
/// leaves path as it was and no temporary file.
void writeFile(const std::filesystem::path &path, const void *data, size_t size);
void writeFile(const std::filesystem::path &path, std::string_view text);

/// Makes what was appended to a file survive a power failure. Throws fovea::Error where that fails.
void syncFile(const std::filesystem::path &path);

/// Makes the folder, with its parents, where it is missing, and checks that files can be written there. Throws
/// fovea::Error where not.
void makeFolder(const std::filesystem::path &folder);

} // namespace fovea::formats

#endif
