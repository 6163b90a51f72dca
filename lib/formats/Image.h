// An image in memory, and reading one from a PNG or JPEG file.
#ifndef FOVEA_FORMATS_IMAGE_H
#define FOVEA_FORMATS_IMAGE_H

#include "formats/File.h"

namespace fovea::formats {

struct Image {
  int64_t width = 0, height = 0;
  int64_t channels = 3; // 1: grey; 3: red, green, blue
  Bytes pixels;         // (height, width, channels), row-major, top row first; sRGB
};

/// Reads a PNG or JPEG file; which one it is, its content tells. Throws fovea::Error as readPng and readJpeg do, and
/// where it is neither.
Image readImage(const std::filesystem::path &path);

} // namespace fovea::formats

#endif
