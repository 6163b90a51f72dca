// Numbers of a run as a CSV file, a row at a time, and back.
#ifndef FOVEA_TRAINING_CSVLOG_H
#define FOVEA_TRAINING_CSVLOG_H

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace fovea::training {

using Row = std::vector<double>;

/// Reads a file that a CsvLog with these columns wrote. A last row without its line end, as a killed program leaves
/// it, is not taken. Throws fovea::Error where the file is missing, has other columns, or has a row that does not fit.
std::vector<Row> readCsv(const std::filesystem::path &path, const std::vector<std::string> &columns);

class CsvLog {
public:
  /// Starts the file with the header and the rows that a resumed run keeps. Throws fovea::Error where it cannot be
  /// written.
  CsvLog(const std::filesystem::path &path, std::vector<std::string> columns, std::vector<Row> kept = {});

  /// Appends a row and flushes it. Throws fovea::Error where its length is not the number of columns or the file
  /// cannot be written.
  void append(const Row &row);

  /// All rows so far, the kept ones first, with the digits that the file holds.
  const std::vector<Row> &rows() const { return content; }
  const std::vector<std::string> &names() const { return columns; }
  const std::filesystem::path &path() const { return file; }

private:
  std::filesystem::path file;
  std::vector<std::string> columns;
  std::vector<Row> content;
  std::ofstream out;
};

} // namespace fovea::training

#endif
