// Safetensors files: opened, every tensor found by its name and read whole; and loaded, as parameters and as a
// checkpoint, into a model's state. The file lies in memory, behind a descriptor.
#include "runtime/Safetensors.h"
#include "Require.h"
#include "Table.h"

#include <cstring>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

static void readAll(const fovea_safetensors *file, size_t size) {
  char message[FOVEA_MESSAGE_BYTES], type[FOVEA_TYPE_TEXT_BYTES];
  int64_t total = 0;
  for (int64_t i = 0; i < fovea_safetensors_count(file); ++i) {
    const fovea_safetensors_tensor *tensor = fovea_safetensors_at(file, i);
    REQUIRE(fovea_safetensors_find(file, tensor->name) == tensor);
    REQUIRE(tensor->rank <= FOVEA_MAX_RANK);
    auto bytes = static_cast<uint64_t>(fovea_dtype_bytes(tensor->dtype));
    for (int32_t axis = 0; axis < tensor->rank; ++axis) bytes *= static_cast<uint64_t>(tensor->shape[axis]);
    REQUIRE(bytes == static_cast<uint64_t>(tensor->bytes));
    fovea_type_text(tensor->dtype, tensor->rank, tensor->shape, type);
    std::vector<char> values(static_cast<size_t>(tensor->bytes));
    REQUIRE(fovea_safetensors_read(file, tensor, 0, tensor->bytes, values.data(), message) == FOVEA_OK);
    total += tensor->bytes;
  }
  REQUIRE(static_cast<size_t>(total) < size || size == 0);
  fovea_safetensors_value(file, "format");
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const int descriptor = memfd_create("fuzz", 0);
  static const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  static fovea_handle *handle = fovea::fuzz::create();
  REQUIRE(handle && ftruncate(descriptor, static_cast<off_t>(size)) == 0);
  REQUIRE(pwrite(descriptor, data, size, 0) == static_cast<ssize_t>(size));

  fovea_safetensors *file;
  char message[FOVEA_MESSAGE_BYTES] = "";
  const int32_t code = fovea_safetensors_open(path.c_str(), &file, message);
  REQUIRE((code == FOVEA_OK) == (file != nullptr) && (code == FOVEA_OK) == (message[0] == 0));
  REQUIRE(std::strlen(message) < FOVEA_MESSAGE_BYTES);
  if (file) readAll(file, size);
  fovea_safetensors_close(file);

  for (auto load : {fovea_load, fovea_load_checkpoint}) {
    const int32_t loaded = load(handle, path.c_str());
    REQUIRE(code == FOVEA_OK || loaded == code);
    REQUIRE((loaded == FOVEA_OK) == (fovea_last_error(handle)[0] == 0));
  }
  return 0;
}
