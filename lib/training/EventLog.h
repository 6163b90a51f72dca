// Event files, which TensorBoard shows: numbers, pictures and histograms over the steps of a run.
#ifndef FOVEA_TRAINING_EVENTLOG_H
#define FOVEA_TRAINING_EVENTLOG_H

#include "formats/File.h"
#include "training/Picture.h"

#include <fstream>
#include <string>
#include <vector>

namespace fovea::training {

/// The Castagnoli checksum of RFC 3720, appendix B.4, and the form in which records hold it.
uint32_t crc32c(const void *data, size_t size);
uint32_t maskedCrc32c(const void *data, size_t size);

/// The records of a file in TFRecord's framing: their length, its checksum, the bytes, their checksum. A last record
/// that is cut off, as a killed program leaves it, is not taken. Throws fovea::Error where the file cannot be read or a
/// checksum is wrong.
std::vector<std::string> readRecords(const std::filesystem::path &path);

class EventLog {
public:
  /// Starts the file, with the events of up to step `kept` where it continues a run; -1: with none. A name that
  /// contains "tfevents" is one that TensorBoard looks at. Throws fovea::Error where the file cannot be written or, if
  /// it exists and is continued, read.
  explicit EventLog(const std::filesystem::path &path, int64_t kept = -1);

  // Each appends one event and flushes it, and throws fovea::Error where the file cannot be written. A tag is a name
  // such as "loss" or "attention/layer 1"; a step may have many.
  void scalars(int64_t step, const std::vector<std::string> &tags, const std::vector<double> &values);
  void picture(int64_t step, const std::string &tag, const Picture &picture);
  /// Values that are not finite are left out.
  void histogram(int64_t step, const std::string &tag, const std::vector<float> &values);

  const std::filesystem::path &path() const { return file; }

private:
  void append(const std::string &event);

  std::filesystem::path file;
  std::ofstream out;
};

} // namespace fovea::training

#endif
