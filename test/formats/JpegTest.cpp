// JPEG files: reading what libjpeg-turbo wrote, malformed files; telling images by their content.
#include "formats/Jpeg.h"

#include "../TemporaryFolder.h"
#include "formats/Png.h"

#include <turbojpeg.h>

namespace fovea::formats {
namespace {

using testing::HasSubstr;

class JpegTest : public TemporaryFolder {
protected:
  std::filesystem::path file() const { return folder / "file.jpg"; }
  void write(const Bytes &content) const { writeFile(file(), content.data(), content.size()); }
  std::string readError() const {
    return errorOf([&] { readJpeg(file()); });
  }
};

/// A slope from left to right, whose colours differ.
Image slope(int64_t channels) {
  Image image{40, 24, channels, {}};
  for (int64_t i = 0; i < 40 * 24; ++i)
    for (int64_t channel = 0; channel < channels; ++channel)
      image.pixels.push_back(static_cast<uint8_t>((i % 40) * 3 + 60 * channel));
  return image;
}

Bytes compressed(const Image &image, int format, int subsampling) {
  tjhandle encoder = tjInitCompress();
  unsigned char *data = nullptr;
  unsigned long size = 0;
  const auto width = static_cast<int>(image.width), height = static_cast<int>(image.height);
  EXPECT_EQ(tjCompress2(encoder, image.pixels.data(), width, 0, height, format, &data, &size, subsampling, 95,
                        TJFLAG_ACCURATEDCT),
            0);
  Bytes result(data, data + size);
  tjFree(data);
  tjDestroy(encoder);
  return result;
}

Bytes colour() { return compressed(slope(3), TJPF_RGB, TJSAMP_444); }

TEST_F(JpegTest, ReadsGreyAndColour) {
  for (int64_t channels : {1, 3}) {
    const Image original = slope(channels);
    write(channels == 1 ? compressed(original, TJPF_GRAY, TJSAMP_GRAY) : colour());
    for (const Image &image : {readJpeg(file()), readImage(file())}) {
      EXPECT_EQ(image.width, 40);
      EXPECT_EQ(image.height, 24);
      ASSERT_EQ(image.channels, channels);
      ASSERT_EQ(image.pixels.size(), original.pixels.size());
      for (size_t i = 0; i < image.pixels.size(); ++i) EXPECT_NEAR(image.pixels[i], original.pixels[i], 6) << i;
    }
  }
}

TEST_F(JpegTest, EveryTruncationIsAnError) {
  const Bytes content = colour();
  for (size_t size = 0; size + 2 < content.size(); ++size) { // the last two bytes say only that it ends
    write(Bytes(content.begin(), content.begin() + static_cast<ptrdiff_t>(size)));
    EXPECT_THAT(readError(), HasSubstr("file.jpg: ")) << size << " of " << content.size() << " bytes";
  }
}

TEST_F(JpegTest, EveryFlippedByteIsAnErrorOrHarmless) {
  const Bytes content = colour();
  for (size_t at = 0; at < content.size(); ++at) {
    Bytes damaged = content;
    damaged[at] ^= 0xff;
    try {
      const Image image = parseJpeg(damaged, "file.jpg");
      EXPECT_EQ(static_cast<int64_t>(image.pixels.size()), image.width * image.height * image.channels)
          << "byte " << at;
    } catch (const Error &) {
    }
  }
}

TEST_F(JpegTest, Messages) {
  write({'G', 'I', 'F', '8'});
  EXPECT_THAT(readError(), HasSubstr("is not a JPEG image that can be read: "));
  EXPECT_THAT(errorOf([&] { readImage(file()); }), HasSubstr("is neither a PNG nor a JPEG image"));
  Bytes content = colour();
  write(Bytes(content.begin(), content.end() - 100));
  EXPECT_THAT(readError(), HasSubstr("damaged JPEG image: "));
  const Bytes frame{0xff, 0xc0, 0, 17, 8}; // then height and width
  const auto at = std::search(content.begin(), content.end(), frame.begin(), frame.end());
  ASSERT_NE(at, content.end());
  std::fill(at + 5, at + 9, 0xf0);
  write(content);
  EXPECT_THAT(readError(), HasSubstr("promises 61680 x 61680 pixels, more than is read from a file of "));
  EXPECT_THAT(errorOf([&] { readJpeg(folder / "none"); }), HasSubstr("none: cannot open"));
  write(compressed({8, 8, 4, Bytes(256, 90)}, TJPF_CMYK, TJSAMP_444));
  EXPECT_THAT(readError(), HasSubstr("has the four colours of print"));
}

TEST_F(JpegTest, ReadImageTellsPng) {
  writePng(file(), slope(3));
  EXPECT_EQ(readImage(file()).pixels, slope(3).pixels);
}

} // namespace
} // namespace fovea::formats
