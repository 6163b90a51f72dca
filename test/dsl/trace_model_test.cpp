// The trace test's models have exactly the parameters that trace.safetensors gives values for.
#include <fovea/fovea.h>

#include <fstream>
#include <set>

#include "gtest/gtest.h"

static std::set<std::string> namesAfter(const std::string &text, const std::string &prefix, char end) {
  std::set<std::string> names;
  for (size_t at = 0; (at = text.find(prefix, at)) != text.npos;) {
    at += prefix.size();
    names.insert(text.substr(at, text.find(end, at) - at));
  }
  return names;
}

TEST(TraceModel, HasTheTracesParameters) {
  std::ifstream file(TRACE, std::ios::binary);
  ASSERT_TRUE(file) << TRACE;
  std::string header(20000, ' ');
  file.read(header.data(), header.size());
  std::set<std::string> expected = namesAfter(header, "\"initial.", '"');
  EXPECT_EQ(expected.size(), 29u);
  for (const fovea::Model &model : define())
    EXPECT_EQ(namesAfter(model.text(), "\"parameter\" @", ' '), expected) << model.name();
}
