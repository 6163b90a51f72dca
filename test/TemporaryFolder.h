// A folder of its own for each test, removed afterwards, and a check of error messages.
#ifndef FOVEA_TEST_TEMPORARYFOLDER_H
#define FOVEA_TEST_TEMPORARYFOLDER_H

#include "formats/Error.h"

#include <cstdlib>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

namespace fovea {

class TemporaryFolder : public testing::Test {
protected:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "fovea-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw std::runtime_error("cannot make " + pattern);
    folder = pattern;
  }
  ~TemporaryFolder() override { std::filesystem::remove_all(folder); }

  size_t fileCount() const {
    return static_cast<size_t>(
        std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()));
  }

  std::filesystem::path folder;
};

/// The message of the fovea::Error that the function throws; empty where it throws none.
template <typename Function> std::string errorOf(Function function) {
  try {
    function();
  } catch (const Error &error) {
    return error.what();
  }
  return "";
}

} // namespace fovea

#endif
