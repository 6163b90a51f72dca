// JPEG images in, grey or RGB, through libjpeg-turbo.
#ifndef FOVEA_FORMATS_JPEG_H
#define FOVEA_FORMATS_JPEG_H

#include "formats/Image.h"

#include <string>

namespace fovea::formats {

/// Whether the content starts with JPEG's first marker.
bool isJpeg(const Bytes &content);

/// Reads a JPEG file. An orientation in its Exif data is not applied. Throws fovea::Error where the file is missing, is
/// no JPEG, is damaged or cut off, has colours other than grey, RGB or YCbCr, or promises more pixels than a file of
/// its size can hold.
Image readJpeg(const std::filesystem::path &path);

/// The same from a file's content; messages begin with `name`.
Image parseJpeg(const Bytes &content, const std::string &name);

} // namespace fovea::formats

#endif
