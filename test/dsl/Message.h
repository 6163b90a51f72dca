// The message of an error, without the line's number, for tests.
#pragma once

#include <fovea/fovea.h>

#include <gtest/gtest.h>

/// What building throws, as `error: ...`; the file must be this test's.
template <typename Build> std::string message(const char *file, Build build) {
  try {
    build();
  } catch (const fovea::Error &error) {
    std::string text = error.what(), prefix = std::string(file) + ":";
    size_t end = text.find(": error: ");
    if (text.compare(0, prefix.size(), prefix) || end == std::string::npos ||
        text.find_first_not_of("0123456789", prefix.size()) != end)
      return "not a line of the author's: " + text;
    return text.substr(end + 2);
  }
  return "no error";
}

#define EXPECT_ERROR(STATEMENT, MESSAGE)                                                                               \
  EXPECT_EQ(message(__FILE__, [&] { STATEMENT; }), std::string("error: ") + MESSAGE)

/// The message alone, without the notes that name further lines.
template <typename Build> std::string firstLine(const char *file, Build build) {
  std::string text = message(file, build);
  return text.substr(0, text.find('\n'));
}
#define EXPECT_MESSAGE(STATEMENT, MESSAGE)                                                                             \
  EXPECT_EQ(firstLine(__FILE__, [&] { STATEMENT; }), std::string("error: ") + (MESSAGE))
