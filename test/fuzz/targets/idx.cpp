// IDX files, plain and gzip, read as labels and as images.
#include "formats/Idx.h"
#include "Require.h"
#include "formats/Error.h"

using namespace fovea;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  for (size_t rank : {1, 3}) try {
      formats::IdxArray array = formats::parseIdx({data, data + size}, rank, "file");
      REQUIRE(array.shape.size() == rank);
      size_t count = 1;
      for (int64_t extent : array.shape) count *= static_cast<size_t>(extent);
      REQUIRE(array.values.size() == count);
    } catch (const Error &) {
    }
  return 0;
}
