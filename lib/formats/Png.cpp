// libpng's simplified interface: it returns its errors, so that nothing jumps over C++ frames.
#include "formats/Png.h"

#include "formats/Error.h"
#include "formats/Gzip.h"

#include <algorithm>
#include <png.h>
#include <string>

namespace fovea::formats {
namespace {

/// The chunk that ends every PNG file. The simplified interface does not look for it.
constexpr uint8_t lastChunk[] = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82};

/// A pixel of one bit, eight to a byte of inflated data, is the smallest.
constexpr size_t mostPixelsPerByte = 8 * largestInflation;

/// libpng's image record; frees what libpng hangs on it.
struct Handle {
  png_image image = {};
  Handle() { image.version = PNG_IMAGE_VERSION; }
  ~Handle() { png_image_free(&image); }
};

bool isComplete(const Bytes &content) {
  return content.size() >= sizeof lastChunk &&
         std::equal(std::begin(lastChunk), std::end(lastChunk), content.end() - sizeof lastChunk);
}

void checkSizes(const Image &image, const std::string &name) {
  const bool valid = image.width > 0 && image.height > 0 && image.width <= PNG_UINT_31_MAX &&
                     image.height <= PNG_UINT_31_MAX && (image.channels == 1 || image.channels == 3);
  if (!valid ||
      static_cast<uint64_t>(image.width * image.height) * static_cast<uint64_t>(image.channels) != image.pixels.size())
    throw Error(name + ": cannot write " + std::to_string(image.pixels.size()) + " bytes as an image of " +
                std::to_string(image.width) + " x " + std::to_string(image.height) + " pixels of " +
                std::to_string(image.channels) +
                " channels: the channels must be 1 or 3, the sizes positive, and their product the bytes");
}

} // namespace

bool isPng(const Bytes &content) {
  constexpr uint8_t signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  return content.size() >= sizeof signature && std::equal(std::begin(signature), std::end(signature), content.begin());
}

Image readPng(const std::filesystem::path &path) { return parsePng(readFile(path), path.string()); }

Image parsePng(const Bytes &content, const std::string &name) {
  Handle handle;
  png_image &png = handle.image;
  if (!png_image_begin_read_from_memory(&png, content.data(), content.size()))
    throw Error(name + ": is not a PNG image that can be read: " + png.message);
  if (!isComplete(content))
    throw Error(name + ": does not end with PNG's last chunk: the file is cut off or damaged, get it anew");
  if (static_cast<uint64_t>(png.width) * png.height > content.size() * mostPixelsPerByte)
    throw Error(name + ": promises " + std::to_string(png.width) + " x " + std::to_string(png.height) +
                " pixels, more than a file of " + std::to_string(content.size()) +
                " bytes can hold: the file is damaged, get it anew");

  Image image{png.width, png.height, (png.format & PNG_FORMAT_FLAG_COLOR) ? 3 : 1, {}};
  png.format = image.channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  image.pixels.resize(PNG_IMAGE_SIZE(png));
  const png_color black = {0, 0, 0};
  if (!png_image_finish_read(&png, &black, image.pixels.data(), 0, nullptr))
    throw Error(name + ": damaged PNG image: " + png.message + ": get the file anew");
  return image;
}

Bytes pngContent(const Image &image, const std::string &name) {
  checkSizes(image, name);
  Handle handle;
  png_image &png = handle.image;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = image.channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(png);
  Bytes content(size);
  if (!png_image_write_to_memory(&png, content.data(), &size, 0, image.pixels.data(), 0, nullptr))
    throw Error(name + ": libpng cannot write this image: " + png.message);
  content.resize(size);
  return content;
}

void writePng(const std::filesystem::path &path, const Image &image) {
  const Bytes content = pngContent(image, path.string());
  writeFile(path, content.data(), content.size());
}

} // namespace fovea::formats
