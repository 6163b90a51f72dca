// PNG images in and out: eight bits a channel, grey or RGB, through libpng.
#ifndef FOVEA_FORMATS_PNG_H
#define FOVEA_FORMATS_PNG_H

#include "formats/File.h"

namespace fovea::formats {

struct Image {
  int64_t width = 0, height = 0;
  int64_t channels = 3; // 1: grey; 3: red, green, blue
  Bytes pixels;         // (height, width, channels), row-major, top row first; sRGB
};

/// Reads a PNG file. Other depths become eight bits, palettes become RGB, transparency is laid over black. Throws
/// fovea::Error where the file is missing, is no PNG, is damaged or cut off, or promises more pixels than a file of
/// its size can hold.
Image readPng(const std::filesystem::path &path);

/// Writes a PNG file, atomically. Throws fovea::Error where the sizes disagree or the file cannot be written.
void writePng(const std::filesystem::path &path, const Image &image);

} // namespace fovea::formats

#endif
