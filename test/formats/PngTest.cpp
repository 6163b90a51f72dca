// PNG files: round trip, conversion, malformed files.
#include "formats/Png.h"

#include "../TemporaryFolder.h"

#include <zlib.h>

namespace fovea::formats {
namespace {

using testing::HasSubstr;

class PngTest : public TemporaryFolder {
protected:
  std::filesystem::path file() const { return folder / "file.png"; }
  void write(const Bytes &content) const { writeFile(file(), content.data(), content.size()); }
  std::string readError() const {
    return errorOf([&] { readPng(file()); });
  }
};

Image gradient(int64_t channels) {
  Image image{5, 3, channels, {}};
  for (int64_t i = 0; i < 15 * channels; ++i) image.pixels.push_back(static_cast<uint8_t>(i * 5));
  return image;
}

/// Sets the width in the header chunk and mends its checksum.
Bytes withWidth(Bytes content, uint32_t width) {
  for (size_t byte = 0; byte < 4; ++byte) content[16 + byte] = static_cast<uint8_t>(width >> (24 - 8 * byte));
  uLong checksum = crc32(0, content.data() + 12, 17);
  for (size_t byte = 0; byte < 4; ++byte) content[29 + byte] = static_cast<uint8_t>(checksum >> (24 - 8 * byte));
  return content;
}

TEST_F(PngTest, RoundTrip) {
  for (int64_t channels : {1, 3}) {
    Image image = gradient(channels);
    writePng(file(), image);
    Image read = readPng(file());
    EXPECT_EQ(read.width, 5);
    EXPECT_EQ(read.height, 3);
    EXPECT_EQ(read.channels, channels);
    EXPECT_EQ(read.pixels, image.pixels);
  }
}

TEST_F(PngTest, EveryTruncationIsAnError) {
  writePng(file(), gradient(3));
  const Bytes content = readFile(file());
  for (size_t size = 0; size < content.size(); ++size) {
    write(Bytes(content.begin(), content.begin() + static_cast<ptrdiff_t>(size)));
    EXPECT_THAT(readError(), HasSubstr("file.png: ")) << size << " of " << content.size() << " bytes";
  }
}

TEST_F(PngTest, EveryFlippedByteIsAnErrorOrHarmless) {
  writePng(file(), gradient(1));
  const Bytes content = readFile(file());
  for (size_t at = 0; at < content.size(); ++at) {
    Bytes damaged = content;
    damaged[at] ^= 0xff;
    write(damaged);
    try {
      EXPECT_LE(readPng(file()).pixels.size(), 45u) << "byte " << at;
    } catch (const Error &) {
    }
  }
}

TEST_F(PngTest, Messages) {
  write({'G', 'I', 'F', '8'});
  EXPECT_THAT(readError(), HasSubstr("is not a PNG image that can be read: "));
  writePng(file(), gradient(1));
  Bytes content = readFile(file());
  write(withWidth(content, 900000));
  EXPECT_THAT(readError(), HasSubstr("promises 900000 x 3 pixels, more than a file of "));
  write(withWidth(content, 100));
  EXPECT_THAT(readError(), HasSubstr("damaged PNG image: "));
  content.push_back(0);
  write(content);
  EXPECT_THAT(readError(), HasSubstr("does not end with PNG's last chunk"));
}

TEST_F(PngTest, WriterRefuses) {
  Image image = gradient(3);
  image.width = 4;
  EXPECT_THAT(errorOf([&] { writePng(file(), image); }),
              HasSubstr("cannot write 45 bytes as an image of 4 x 3 pixels"));
  EXPECT_THAT(errorOf([&] { writePng(file(), {1, 1, 2, {0, 0}}); }), HasSubstr("of 2 channels"));
  EXPECT_THAT(errorOf([&] { writePng(file(), {0, 1, 1, {}}); }), HasSubstr("the sizes positive"));
  EXPECT_THAT(errorOf([&] { writePng(file(), {1000001, 1, 1, Bytes(1000001)}); }), HasSubstr("libpng cannot write"));
  EXPECT_EQ(fileCount(), 0u);
}

} // namespace
} // namespace fovea::formats
