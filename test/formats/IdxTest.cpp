// IDX files: round trip plain and gzip, MNIST itself, and a corpus of malformed files.
#include "formats/Idx.h"

#include "../TemporaryFolder.h"
#include "formats/Gzip.h"

#include <zlib.h>

namespace fovea::formats {
namespace {

using testing::HasSubstr;

class IdxTest : public TemporaryFolder {
protected:
  std::filesystem::path file() const { return folder / "file.idx"; }
  void write(const Bytes &content) const { writeFile(file(), content.data(), content.size()); }
  std::string readError(size_t rank = 3) const {
    return errorOf([&] { readIdx(file(), rank); });
  }
};

const IdxArray images{{2, 3, 2}, {0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255}};
const Bytes plain{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 2, 0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255};

Bytes gzip(const Bytes &content) {
  Bytes result(content.size() + 1000);
  z_stream stream = {};
  deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = const_cast<Bytef *>(content.data());
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = result.data();
  stream.avail_out = static_cast<uInt>(result.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  result.resize(stream.total_out);
  deflateEnd(&stream);
  return result;
}

Bytes with(Bytes content, size_t at, uint8_t value) {
  content[at] = value;
  return content;
}

TEST_F(IdxTest, WritesWhatTheFormatSays) {
  writeIdx(file(), images);
  EXPECT_EQ(readFile(file()), plain);
}

TEST_F(IdxTest, ReadsPlainAndGzip) {
  for (const Bytes &content : {plain, gzip(plain)}) {
    write(content);
    IdxArray read = readIdx(file(), 3);
    EXPECT_EQ(read.shape, images.shape);
    EXPECT_EQ(read.values, images.values);
  }
}

TEST_F(IdxTest, NoValues) {
  writeIdx(file(), {{0}, {}});
  EXPECT_EQ(readIdx(file(), 1).values.size(), 0u);
}

TEST_F(IdxTest, EveryTruncationIsAnError) {
  for (const Bytes &content : {plain, gzip(plain)})
    for (size_t size = 0; size < content.size(); ++size) {
      write(Bytes(content.begin(), content.begin() + static_cast<ptrdiff_t>(size)));
      EXPECT_THAT(readError(), HasSubstr("file.idx: ")) << size << " of " << content.size() << " bytes";
    }
}

TEST_F(IdxTest, EveryFlippedByteOfAGzipIsAnErrorOrHarmless) {
  const Bytes content = gzip(plain);
  for (size_t at = 0; at < content.size(); ++at) {
    write(with(content, at, content[at] ^ 0xff));
    try {
      EXPECT_EQ(readIdx(file(), 3).values, images.values) << "byte " << at;
    } catch (const Error &) {
    }
  }
}

TEST_F(IdxTest, TrailingBytes) {
  Bytes longer = plain;
  longer.push_back(0);
  for (const Bytes &content : {longer, gzip(longer)}) {
    write(content);
    EXPECT_THAT(readError(), HasSubstr("promises 2 x 3 x 2 = 12 values, but more follow"));
  }
  Bytes compressed = gzip(plain);
  compressed.push_back('x');
  write(compressed);
  EXPECT_THAT(readError(), HasSubstr("1 bytes follow the gzip stream"));
}

TEST_F(IdxTest, MissingValues) {
  write(gzip(Bytes(plain.begin(), plain.end() - 1)));
  EXPECT_THAT(readError(), HasSubstr("promises 2 x 3 x 2 = 12 values, but only 11 follow"));
}

TEST_F(IdxTest, WrongMagic) {
  write(with(plain, 0, 1));
  EXPECT_THAT(readError(), HasSubstr("is not an IDX file"));
  write({});
  EXPECT_THAT(readError(), HasSubstr("is not an IDX file"));
  write(with(plain, 2, 0x0d));
  EXPECT_THAT(readError(), HasSubstr("values of IDX type 13, but only unsigned bytes (type 8)"));
  write(plain);
  EXPECT_THAT(readError(1), HasSubstr("has 3 dimensions, but 1 are expected"));
  write(Bytes(plain.begin(), plain.begin() + 9));
  EXPECT_THAT(readError(), HasSubstr("ends after 9 bytes, within its header of 16"));
}

TEST_F(IdxTest, AbsurdSizesTakeNoMemory) {
  Bytes content{0, 0, 8, 3};
  content.resize(100, 0xff);
  for (const Bytes &bytes : {content, gzip(content)}) {
    write(bytes);
    EXPECT_THAT(readError(), HasSubstr("promises 4294967295 x 4294967295 x 4294967295 values, more than a file of "));
  }
}

TEST_F(IdxTest, GzipGarbage) {
  write({0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xff, 0xff, 0xff, 0xff});
  EXPECT_THAT(readError(), HasSubstr("damaged gzip stream (invalid block type)"));
  Bytes badChecksum = gzip(plain);
  badChecksum[badChecksum.size() - 8] ^= 1;
  write(badChecksum);
  EXPECT_THAT(readError(), HasSubstr("damaged gzip stream (incorrect data check)"));
  Bytes cut = gzip(plain);
  cut.resize(cut.size() - 3);
  write(cut);
  EXPECT_THAT(readError(), HasSubstr("the gzip stream ends early, after 28 bytes of content"));
}

TEST_F(IdxTest, ReadInflated) {
  const Bytes content = gzip(plain);
  for (const Bytes &bytes : {plain, content}) {
    write(bytes);
    EXPECT_EQ(readInflated(file()), plain);
  }
  auto readError = [&](const Bytes &bytes) {
    write(bytes);
    return errorOf([&] { readInflated(file()); });
  };
  const size_t length = content.size() - 4; // of the content, in the last four bytes
  EXPECT_THAT(readError(with(content, length, 20)),
              HasSubstr("holds more than the 20 bytes that the gzip stream ends"));
  EXPECT_THAT(readError(with(content, length, 29)), HasSubstr("damaged gzip stream (incorrect length check)"));
  EXPECT_THAT(readError(with(content, length + 3, 1)), HasSubstr("ends with a length of 16777244 bytes, more than"));
  for (size_t size = 2; size < content.size(); ++size)
    EXPECT_THAT(readError(Bytes(content.begin(), content.begin() + static_cast<ptrdiff_t>(size))),
                HasSubstr("file.idx: "));
}

TEST_F(IdxTest, WriterRefuses) {
  EXPECT_THAT(errorOf([&] {
                writeIdx(file(), {{2, 2}, {1, 2, 3}});
              }),
              HasSubstr("cannot write 3 values as IDX of shape 2 x 2"));
  EXPECT_THAT(errorOf([&] {
                writeIdx(file(), {{int64_t(1) << 32}, {}});
              }),
              HasSubstr("file.idx: dimension 4294967296"));
  EXPECT_THAT(errorOf([&] {
                writeIdx(file(), {std::vector<int64_t>(256, 1), {1}});
              }),
              HasSubstr("an IDX file has 255 dimensions at most, not 256"));
  EXPECT_EQ(fileCount(), 0u);
}

TEST(Mnist, Reads) {
  const char *data = std::getenv("FOVEA_DATA");
  if (!data) GTEST_SKIP() << "FOVEA_DATA does not name a folder that contains mnist/";
  const std::filesystem::path folder = std::filesystem::path(data) / "mnist";
  IdxArray labels = readIdx(folder / "t10k-labels-idx1-ubyte.gz", 1);
  EXPECT_EQ(labels.shape, std::vector<int64_t>{10000});
  EXPECT_EQ(Bytes(labels.values.begin(), labels.values.begin() + 5), (Bytes{7, 2, 1, 0, 4}));
  IdxArray test = readIdx(folder / "t10k-images-idx3-ubyte.gz", 3);
  EXPECT_EQ(test.shape, (std::vector<int64_t>{10000, 28, 28}));
}

} // namespace
} // namespace fovea::formats
