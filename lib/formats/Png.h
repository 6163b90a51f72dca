// PNG images in and out: eight bits a channel, grey or RGB, through libpng.
#ifndef FOVEA_FORMATS_PNG_H
#define FOVEA_FORMATS_PNG_H

#include "formats/Image.h"

#include <string>

namespace fovea::formats {

/// Reads a PNG file. Other depths become eight bits, palettes become RGB, transparency is laid over black. Throws
/// fovea::Error where the file is missing, is no PNG, is damaged or cut off, or promises more pixels than a file of
/// its size can hold.
Image readPng(const std::filesystem::path &path);

/// The same from a file's content; messages begin with `name`.
Image parsePng(const Bytes &content, const std::string &name);

/// Whether the content starts with PNG's signature.
bool isPng(const Bytes &content);

/// Writes a PNG file, atomically. Throws fovea::Error where the sizes disagree or the file cannot be written.
void writePng(const std::filesystem::path &path, const Image &image);

/// What writePng writes; messages begin with `name`.
Bytes pngContent(const Image &image, const std::string &name);

} // namespace fovea::formats

#endif
