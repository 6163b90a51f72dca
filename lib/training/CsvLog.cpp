// Numbers are written with nine digits, which keep every float.
#include "training/CsvLog.h"

#include "formats/Error.h"
#include "formats/File.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace fovea::training {
namespace {

std::string headerText(const std::vector<std::string> &columns) {
  std::string text;
  for (const std::string &column : columns) text += (text.empty() ? "" : ",") + column;
  return text;
}

std::string rowText(const Row &row) {
  std::string text;
  for (double value : row) {
    char number[32];
    std::snprintf(number, sizeof number, "%.9g", value);
    text += (text.empty() ? "" : ",") + std::string(number);
  }
  return text + "\n";
}

/// The numbers of a line; empty where it is not made of numbers.
Row parseRow(const std::string &line) {
  Row row;
  const char *at = line.c_str();
  while (true) {
    char *end = nullptr;
    row.push_back(std::strtod(at, &end));
    if (end == at) return {};
    if (*end == '\0') return row;
    if (*end != ',') return {};
    at = end + 1;
  }
}

} // namespace

std::vector<Row> readCsv(const std::filesystem::path &path, const std::vector<std::string> &columns) {
  const formats::Bytes bytes = formats::readFile(path);
  std::vector<Row> rows;
  size_t number = 0;
  for (auto begin = bytes.begin(), end = begin; (end = std::find(begin, bytes.end(), '\n')) != bytes.end();
       begin = end + 1) {
    const std::string line(begin, end);
    ++number;
    if (number == 1) {
      if (line == headerText(columns)) continue;
      throw Error(path.string() + ": has the columns " + line + ", but " + headerText(columns) +
                  " are expected: remove the file or name another folder");
    }
    rows.push_back(parseRow(line));
    if (rows.back().size() != columns.size())
      throw Error(path.string() + ":" + std::to_string(number) + ": \"" + line + "\" is not a row of " +
                  std::to_string(columns.size()) + " numbers: mend or remove the file");
  }
  if (number == 0) throw Error(path.string() + ": is empty, but " + headerText(columns) + " are expected: remove it");
  return rows;
}

CsvLog::CsvLog(const std::filesystem::path &path, std::vector<std::string> columns, std::vector<Row> kept)
    : file(path), columns(std::move(columns)), content(std::move(kept)) {
  std::string text = headerText(this->columns) + "\n";
  for (const Row &row : content) text += rowText(row);
  formats::writeFile(path, text);
  out.open(path, std::ios::app);
}

void CsvLog::append(const Row &row) {
  if (row.size() != columns.size())
    throw Error(file.string() + ": a row of " + std::to_string(row.size()) + " numbers does not fit the columns " +
                headerText(columns));
  std::string text = rowText(row);
  out << text << std::flush;
  if (!out) throw Error(file.string() + ": cannot write: is the disk full?");
  text.pop_back();
  content.push_back(parseRow(text));
}

} // namespace fovea::training
