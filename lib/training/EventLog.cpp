// Records are framed as TFRecord; a continued log is written anew without what came after the step that is continued.
#include "training/EventLog.h"

#include "formats/Error.h"
#include "formats/Png.h"
#include "lib/training/Event.pb.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>

namespace fovea::training {
namespace {

// The framing and the events are little-endian, as the processors are that Fovea runs on.
constexpr size_t headerSize = 12, footerSize = 4; // length and its checksum; the checksum of the bytes

std::string framed(const std::string &record) {
  const uint64_t length = record.size();
  const uint32_t lengthSum = maskedCrc32c(&length, sizeof length), sum = maskedCrc32c(record.data(), record.size());
  std::string result(headerSize, '\0');
  std::memcpy(result.data(), &length, sizeof length);
  std::memcpy(result.data() + sizeof length, &lengthSum, sizeof lengthSum);
  result += record;
  return result.append(reinterpret_cast<const char *>(&sum), sizeof sum);
}

events::Event eventOf(int64_t step) {
  events::Event event;
  event.set_wall_time(std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count());
  event.set_step(step);
  return event;
}

/// Limits of buckets that grow by a tenth from 1e-12 to 1e20 on both sides of zero, as TensorFlow's.
const std::vector<double> &bucketLimits() {
  static const std::vector<double> limits = [] {
    std::vector<double> positive;
    for (double limit = 1e-12; limit < 1e20; limit *= 1.1) positive.push_back(limit);
    std::vector<double> all{-std::numeric_limits<double>::max()};
    std::for_each(positive.rbegin(), positive.rend(), [&](double limit) { all.push_back(-limit); });
    all.push_back(0);
    all.insert(all.end(), positive.begin(), positive.end());
    all.push_back(std::numeric_limits<double>::max());
    return all;
  }();
  return limits;
}

/// Only the buckets from the first to the last that hold something.
void fill(events::Histogram &histogram, const std::vector<float> &values) {
  const std::vector<double> &limits = bucketLimits();
  std::vector<double> counts(limits.size(), 0);
  double low = 0, high = 0, count = 0, sum = 0, squares = 0;
  for (double value : values) {
    if (!std::isfinite(value)) continue;
    low = count == 0 ? value : std::min(low, value);
    high = count == 0 ? value : std::max(high, value);
    ++count, sum += value, squares += value * value;
    ++counts[static_cast<size_t>(std::lower_bound(limits.begin(), limits.end(), value) - limits.begin())];
  }
  histogram.set_min(low), histogram.set_max(high);
  histogram.set_num(count), histogram.set_sum(sum), histogram.set_sum_squares(squares);
  size_t first = 0, last = counts.size();
  while (first < last && counts[first] == 0) ++first;
  while (last > first && counts[last - 1] == 0) --last;
  for (size_t i = first > 0 ? first - 1 : 0; i < last; ++i) { // an empty one in front: where the first begins
    histogram.add_bucket_limit(limits[i]);
    histogram.add_bucket(counts[i]);
  }
}

} // namespace

uint32_t crc32c(const void *data, size_t size) {
  static const std::array<uint32_t, 256> table = [] {
    std::array<uint32_t, 256> entries;
    for (uint32_t byte = 0; byte < 256; ++byte) {
      uint32_t value = byte;
      for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0x82f63b78u : 0);
      entries[byte] = value;
    }
    return entries;
  }();
  uint32_t sum = ~0u;
  for (const auto *at = static_cast<const uint8_t *>(data); size > 0; ++at, --size)
    sum = sum >> 8 ^ table[(sum ^ *at) & 0xff];
  return ~sum;
}

uint32_t maskedCrc32c(const void *data, size_t size) {
  const uint32_t sum = crc32c(data, size);
  return (sum >> 15 | sum << 17) + 0xa282ead8u;
}

std::vector<std::string> readRecords(const std::filesystem::path &path) {
  const formats::Bytes content = formats::readFile(path);
  auto check = [&](size_t begin, size_t size) {
    uint32_t sum;
    std::memcpy(&sum, content.data() + begin + size, sizeof sum);
    if (sum != maskedCrc32c(content.data() + begin, size))
      throw Error(path.string() + ": the " + std::to_string(size) + " bytes at " + std::to_string(begin) +
                  " do not fit their checksum: the file is damaged or no event file, remove it");
  };
  std::vector<std::string> records;
  size_t at = 0;
  while (content.size() - at >= headerSize + footerSize) {
    uint64_t length;
    check(at, sizeof length);
    std::memcpy(&length, content.data() + at, sizeof length);
    if (length > content.size() - at - headerSize - footerSize) break;
    check(at + headerSize, length);
    const auto begin = content.begin() + static_cast<ptrdiff_t>(at + headerSize);
    records.emplace_back(begin, begin + static_cast<ptrdiff_t>(length));
    at += headerSize + length + footerSize;
  }
  return records;
}

EventLog::EventLog(const std::filesystem::path &path, int64_t kept) : file(path) {
  std::string content;
  if (kept >= 0 && std::filesystem::exists(path)) {
    for (const std::string &record : readRecords(path)) {
      events::Event event;
      if (!event.ParseFromString(record)) throw Error(path.string() + ": holds a record that is no event: remove it");
      if (event.step() <= kept) content += framed(record);
    }
  }
  if (content.empty()) {
    events::Event version = eventOf(0);
    version.set_file_version("brain.Event:2");
    content = framed(version.SerializeAsString());
  }
  formats::writeFile(path, content);
  out.open(path, std::ios::app | std::ios::binary);
}

void EventLog::append(const std::string &event) {
  out << framed(event) << std::flush;
  if (!out) throw Error(file.string() + ": cannot write: is the disk full?");
}

void EventLog::scalars(int64_t step, const std::vector<std::string> &tags, const std::vector<double> &values) {
  events::Event event = eventOf(step);
  for (size_t i = 0; i < tags.size(); ++i) {
    events::Summary::Value &value = *event.mutable_summary()->add_value();
    value.set_tag(tags[i]);
    value.set_simple_value(static_cast<float>(values[i]));
  }
  append(event.SerializeAsString());
}

void EventLog::picture(int64_t step, const std::string &tag, const Picture &picture) {
  events::Event event = eventOf(step);
  events::Summary::Value &value = *event.mutable_summary()->add_value();
  value.set_tag(tag);
  events::Summary::Image &image = *value.mutable_image();
  image.set_width(static_cast<int32_t>(picture.width()));
  image.set_height(static_cast<int32_t>(picture.height()));
  image.set_colorspace(3);
  const formats::Bytes png = picture.png();
  image.set_encoded_image_string(png.data(), png.size());
  append(event.SerializeAsString());
}

void EventLog::histogram(int64_t step, const std::string &tag, const std::vector<float> &values) {
  events::Event event = eventOf(step);
  events::Summary::Value &value = *event.mutable_summary()->add_value();
  value.set_tag(tag);
  fill(*value.mutable_histo(), values);
  append(event.SerializeAsString());
}

} // namespace fovea::training
