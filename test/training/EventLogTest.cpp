// Event files: framing and checksums against known values, fields as the public schema numbers them, damaged files.
#include "training/EventLog.h"

#include "../TemporaryFolder.h"
#include "FullDisk.h"
#include "formats/Png.h"
#include "lib/training/Event.pb.h"

#include <cmath>
#include <numeric>

namespace fovea::training {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class EventLogTest : public TemporaryFolder {
protected:
  std::filesystem::path file() const { return folder / "events.out.tfevents.test"; }
  std::vector<events::Event> events() const {
    std::vector<events::Event> result;
    for (const std::string &record : readRecords(file())) {
      result.emplace_back();
      EXPECT_TRUE(result.back().ParseFromString(record));
    }
    return result;
  }
};

// The values of RFC 3720, appendix B.4, and the catalogue's check value.
TEST(Crc32c, KnownValues) {
  std::vector<uint8_t> bytes(32, 0);
  EXPECT_EQ(crc32c(bytes.data(), 32), 0x8a9136aau);
  bytes.assign(32, 0xff);
  EXPECT_EQ(crc32c(bytes.data(), 32), 0x62a8ab43u);
  std::iota(bytes.begin(), bytes.end(), uint8_t(0));
  EXPECT_EQ(crc32c(bytes.data(), 32), 0x46dd794eu);
  EXPECT_EQ(crc32c("123456789", 9), 0xe3069283u);
  EXPECT_EQ(maskedCrc32c("123456789", 9), 0xc78ab0e5u);
}

TEST_F(EventLogTest, FramesRecords) {
  EventLog log(file());
  const formats::Bytes content = formats::readFile(file());
  // The first event: wall time (field 1, double), file version (field 3, text); step 0 is not written.
  ASSERT_EQ(content.size(), 12u + 24 + 4);
  EXPECT_THAT(formats::Bytes(content.begin(), content.begin() + 8), ElementsAre(24, 0, 0, 0, 0, 0, 0, 0));
  EXPECT_EQ(content[12], 0x09);
  EXPECT_EQ(content[21], 0x1a);
  EXPECT_EQ(std::string(content.begin() + 22, content.begin() + 36), "\rbrain.Event:2");
}

TEST_F(EventLogTest, Scalars) {
  EventLog log(file());
  log.scalars(7, {"loss", "rate"}, {0.5, 1e-3});
  const std::vector<events::Event> read = events();
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[1].step(), 7);
  EXPECT_GT(read[1].wall_time(), 1.7e9);
  EXPECT_EQ(read[1].summary().value(1).tag(), "rate");
  EXPECT_EQ(read[1].summary().value(1).simple_value(), 1e-3f);
  // By the wire: step is field 2, summary 5 of 8 + 11 + 2 bytes; a value is its field 1, the tag 1, the number 2.
  EventLog one(folder / "one");
  one.scalars(7, {"loss"}, {0.5});
  const std::string record = readRecords(folder / "one")[1];
  EXPECT_EQ(record.substr(9), std::string("\x10\x07\x2a\x0d\x0a\x0b\x0a\x04loss\x15\x00\x00\x00\x3f", 17));
}

TEST_F(EventLogTest, Pictures) {
  EventLog log(file());
  log.picture(1, "dot", Picture(2, 1, {1, 2, 3}));
  const events::Summary::Image image = events()[1].summary().value(0).image();
  EXPECT_EQ(image.width(), 2);
  EXPECT_EQ(image.height(), 1);
  EXPECT_EQ(image.colorspace(), 3);
  const std::string &png = image.encoded_image_string();
  EXPECT_THAT(formats::parsePng({png.begin(), png.end()}, "png").pixels, ElementsAre(1, 2, 3, 1, 2, 3));
}

TEST_F(EventLogTest, Histograms) {
  EventLog log(file());
  const std::vector<float> values{-2, 0, 0, 1e-20f, 0.5f, 3, NAN, INFINITY};
  log.histogram(1, "weights", values);
  log.histogram(2, "none", {});
  const events::Histogram histogram = events()[1].summary().value(0).histo();
  EXPECT_EQ(histogram.min(), -2);
  EXPECT_EQ(histogram.max(), 3);
  EXPECT_EQ(histogram.num(), 6);
  EXPECT_NEAR(histogram.sum(), 1.5, 1e-9);
  EXPECT_NEAR(histogram.sum_squares(), 13.25, 1e-9);
  ASSERT_EQ(histogram.bucket_size(), histogram.bucket_limit_size());
  EXPECT_EQ(std::accumulate(histogram.bucket().begin(), histogram.bucket().end(), 0.0), 6);
  for (int i = 0; i < histogram.bucket_size(); ++i) {
    const double low = i > 0 ? histogram.bucket_limit(i - 1) : -INFINITY, high = histogram.bucket_limit(i);
    double inside = 0;
    for (double value : values) inside += std::isfinite(value) && value > low && value <= high;
    EXPECT_EQ(histogram.bucket(i), inside) << high;
  }
  EXPECT_EQ(histogram.bucket(0), 0);
  EXPECT_EQ(events()[2].summary().value(0).histo().num(), 0);
}

TEST_F(EventLogTest, ContinuesAtAStep) {
  {
    EventLog log(file());
    for (int64_t step = 1; step <= 5; ++step) log.scalars(step, {"loss"}, {1.0 / static_cast<double>(step)});
  }
  formats::Bytes content = formats::readFile(file());
  content.resize(content.size() - 3); // as a killed program leaves it
  formats::writeFile(file(), content.data(), content.size());
  EXPECT_EQ(events().size(), 5u);
  EventLog log(file(), 3);
  log.scalars(4, {"loss"}, {9});
  const std::vector<events::Event> read = events();
  ASSERT_EQ(read.size(), 5u);
  EXPECT_EQ(read[0].file_version(), "brain.Event:2");
  EXPECT_EQ(read[3].step(), 3);
  EXPECT_EQ(read[4].summary().value(0).simple_value(), 9);
  EventLog anew(file());
  EXPECT_EQ(events().size(), 1u);
  EventLog missing(folder / "missing", 3);
  EXPECT_EQ(readRecords(folder / "missing").size(), 1u);
}

TEST_F(EventLogTest, Errors) {
  EventLog log(file());
  log.scalars(1, {"loss"}, {1});
  const formats::Bytes content = formats::readFile(file());
  for (size_t at : {0, 5, 8, 12, 30, 36, 39}) {
    formats::Bytes damaged = content;
    damaged[at] ^= 1;
    formats::writeFile(file(), damaged.data(), damaged.size());
    EXPECT_THAT(errorOf([&] { EventLog(file(), 1); }), HasSubstr("do not fit their checksum: the file is damaged"))
        << at;
  }
  EXPECT_THAT(errorOf([&] { EventLog(folder / "none" / "a"); }), HasSubstr("a: cannot make a file in this folder"));
  const FullDisk full(45);
  EventLog small(folder / "small");
  EXPECT_THAT(errorOf([&] { small.scalars(1, {"loss"}, {1}); }), HasSubstr("small: cannot write: is the disk full?"));
}

} // namespace
} // namespace fovea::training
