#include "formats/Image.h"

#include "formats/Error.h"
#include "formats/Jpeg.h"
#include "formats/Png.h"

namespace fovea::formats {

Image readImage(const std::filesystem::path &path) {
  const Bytes content = readFile(path);
  if (isPng(content)) return parsePng(content, path.string());
  if (isJpeg(content)) return parseJpeg(content, path.string());
  throw Error(path.string() + ": is neither a PNG nor a JPEG image: convert it, or take it away");
}

} // namespace fovea::formats
