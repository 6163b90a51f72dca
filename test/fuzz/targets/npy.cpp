// NumPy's files: archives where they begin like one, else single arrays. What was read can be written, and reads the
// same again.
#include "formats/Npy.h"
#include "Require.h"
#include "formats/Error.h"

using namespace fovea;
using namespace fovea::formats;

static bool same(const NpyArray &a, const NpyArray &b) {
  return a.dtype == b.dtype && a.shape == b.shape && a.values == b.values;
}

static void array(const Bytes &content) {
  NpyArray read = parseNpy(content, "file");
  REQUIRE(same(read, parseNpy(npyContent(read, "again"), "again")));
}

static void archive(const Bytes &content) {
  NpzArrays read = parseNpz(content, "file");
  if (read.empty()) return;
  NpzArrays again;
  try {
    again = parseNpz(npzContent(read, true, "again"), "again");
  } catch (const Error &error) { // some programs write names that are no UTF-8, or none before the .npy
    REQUIRE(std::string(error.what()).find("cannot have an array named") != std::string::npos);
    return;
  }
  REQUIRE(again.size() == read.size());
  for (const auto &[name, values] : read) REQUIRE(again.count(name) && same(again.at(name), values));
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Bytes content(data, data + size);
  try {
    size >= 2 && data[0] == 'P' && data[1] == 'K' ? archive(content) : array(content);
  } catch (const Error &) {
  }
  return 0;
}
