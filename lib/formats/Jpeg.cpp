// libjpeg-turbo's TurboJPEG interface: it returns its errors, so that nothing jumps over C++ frames.
#include "formats/Jpeg.h"

#include "formats/Error.h"

#include <memory>
#include <turbojpeg.h>

namespace fovea::formats {
namespace {

/// With Huffman codes a block of 8 x 8 pixels takes one bit at least; arithmetic coding, which is rare, takes some
/// hundredth of one.
constexpr uint64_t mostPixelsPerByte = 8 * 64 * 100;
constexpr uint64_t mostPixels = 1ull << 28;

using Decoder = std::unique_ptr<void, decltype(&tjDestroy)>;

} // namespace

bool isJpeg(const Bytes &content) {
  return content.size() >= 3 && content[0] == 0xff && content[1] == 0xd8 && content[2] == 0xff;
}

Image readJpeg(const std::filesystem::path &path) { return parseJpeg(readFile(path), path.string()); }

Image parseJpeg(const Bytes &content, const std::string &name) {
  Decoder decoder(tjInitDecompress(), tjDestroy);
  if (!decoder) throw Error(name + ": libjpeg-turbo cannot start: " + tjGetErrorStr2(nullptr));
  int width = 0, height = 0, subsampling = 0, colours = 0;
  const auto size = static_cast<unsigned long>(content.size());
  if (tjDecompressHeader3(decoder.get(), content.data(), size, &width, &height, &subsampling, &colours) != 0)
    throw Error(name + ": is not a JPEG image that can be read: " + tjGetErrorStr2(decoder.get()));
  if (width <= 0 || height <= 0)
    throw Error(name + ": is not a JPEG image that can be read: it ends before its size: get the file anew");
  if (colours == TJCS_CMYK || colours == TJCS_YCCK)
    throw Error(name + ": has the four colours of print, but grey or RGB is expected: convert it");
  const uint64_t pixels = static_cast<uint64_t>(width) * static_cast<uint64_t>(height);
  if (pixels > mostPixels || pixels > content.size() * mostPixelsPerByte)
    throw Error(name + ": promises " + std::to_string(width) + " x " + std::to_string(height) +
                " pixels, more than is read from a file of " + std::to_string(content.size()) +
                " bytes: the file is damaged, get it anew");
  Image image{width, height, colours == TJCS_GRAY ? 1 : 3, {}};
  image.pixels.resize(static_cast<size_t>(image.width * image.height * image.channels));
  const int format = image.channels == 1 ? TJPF_GRAY : TJPF_RGB;
  const int flags = TJFLAG_STOPONWARNING | TJFLAG_ACCURATEDCT; // data that ends early is only a warning by default
  if (tjDecompress2(decoder.get(), content.data(), size, image.pixels.data(), width, 0, height, format, flags) != 0)
    throw Error(name + ": damaged JPEG image: " + tjGetErrorStr2(decoder.get()) + ": get the file anew");
  return image;
}

} // namespace fovea::formats
