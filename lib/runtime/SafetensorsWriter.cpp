// Writes safetensors files so that a reader, or a machine that loses power, sees the old file or the new one, whole.
#include "Safetensors.h"

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace {

constexpr int64_t kChunkBytes = 32768; // a multiple of every element's size

// Growing text; `failed` when memory ran out.
struct Text {
  char *characters = nullptr;
  size_t length = 0, room = 0;
  bool failed = false;

  ~Text() { free(characters); }

  void append(const char *piece, size_t bytes) {
    if (length + bytes > room && !failed) {
      size_t more = 2 * (length + bytes) + 1024;
      char *grown = static_cast<char *>(realloc(characters, more));
      if (grown) characters = grown, room = more;
      failed = !grown;
    }
    if (failed) return;
    memcpy(characters + length, piece, bytes);
    length += bytes;
  }
  void append(const char *piece) { append(piece, strlen(piece)); }

  void append(int64_t value) {
    char digits[24];
    append(digits, snprintf(digits, sizeof digits, "%lld", (long long)value));
  }

  void append_string(const char *value) {
    append("\"");
    for (; *value; ++value) {
      char escaped[8];
      if (*value == '"' || *value == '\\' || static_cast<uint8_t>(*value) < ' ')
        append(escaped, snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(*value)));
      else
        append(value, 1);
    }
    append("\"");
  }
};

int64_t tensor_bytes(const fovea_safetensors_tensor &tensor) {
  int64_t bytes = fovea_dtype_bytes(tensor.dtype);
  for (int32_t i = 0; i < tensor.rank; ++i) bytes *= tensor.shape[i];
  return bytes;
}

// The length field and the header, padded with spaces so that the data starts at a multiple of 8.
void write_header(Text &text, const fovea_safetensors_tensor *tensors, int64_t count,
                  const fovea_safetensors_metadata *metadata, int64_t metadata_count) {
  uint64_t header_bytes = 0;
  text.append(reinterpret_cast<const char *>(&header_bytes), 8);
  text.append("{\"__metadata__\":{");
  for (int64_t i = 0; i < metadata_count; ++i) {
    if (i) text.append(",");
    text.append_string(metadata[i].key);
    text.append(":");
    text.append_string(metadata[i].value);
  }
  text.append("}");
  int64_t offset = 0;
  for (int64_t i = 0; i < count; ++i) {
    text.append(",");
    text.append_string(tensors[i].name);
    text.append(":{\"dtype\":\"");
    text.append(fovea_dtype_name(tensors[i].dtype));
    text.append("\",\"shape\":[");
    for (int32_t axis = 0; axis < tensors[i].rank; ++axis) {
      if (axis) text.append(",");
      text.append(tensors[i].shape[axis]);
    }
    text.append("],\"data_offsets\":[");
    text.append(offset);
    text.append(",");
    text.append(offset += tensor_bytes(tensors[i]));
    text.append("]}");
  }
  text.append("}");
  while (text.length % 8 && !text.failed) text.append(" ");
  header_bytes = text.length - 8;
  if (!text.failed) memcpy(text.characters, &header_bytes, 8);
}

bool write_all(int descriptor, const void *values, size_t bytes) {
  for (size_t done = 0; done < bytes;) {
    ssize_t written = write(descriptor, static_cast<const char *>(values) + done, bytes - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    done += written;
  }
  return true;
}

// Opens a new file beside path and leaves its name in temporary.
int open_temporary(const char *path, char (&temporary)[PATH_MAX]) {
  for (int attempt = 0; attempt < 1000; ++attempt) {
    int length = snprintf(temporary, sizeof temporary, "%s.partial-%d", path, attempt);
    if (length >= static_cast<int>(sizeof temporary)) {
      errno = ENAMETOOLONG;
      return -1;
    }
    int descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0 || errno != EEXIST) return descriptor;
  }
  return -1;
}

// Makes the rename last. Some file systems cannot sync a folder (EINVAL); there is nothing more to do on those.
bool sync_folder(char (&path)[PATH_MAX]) {
  char *slash = strrchr(path, '/');
  if (slash) slash[slash == path] = 0;
  int folder = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return false;
  bool synced = fsync(folder) == 0 || errno == EINVAL;
  int error = errno;
  close(folder);
  errno = error;
  return synced;
}

} // namespace

int32_t fovea_safetensors_write(const char *path, const fovea_safetensors_tensor *tensors, int64_t count,
                                const fovea_safetensors_metadata *metadata, int64_t metadata_count,
                                void (*fill)(void *context, int64_t tensor, int64_t begin, int64_t bytes, void *values),
                                void *context, char *message) {
  Text header;
  write_header(header, tensors, count, metadata, metadata_count);
  if (header.failed) {
    snprintf(message, FOVEA_MESSAGE_BYTES, "'%.200s': no memory for the header", path);
    return FOVEA_OUT_OF_MEMORY;
  }
  char temporary[PATH_MAX];
  int descriptor = open_temporary(path, temporary);
  if (descriptor < 0) {
    snprintf(message, FOVEA_MESSAGE_BYTES, "'%.200s': no file can be made in its folder: %m", path);
    return FOVEA_IO_ERROR;
  }
  bool good = write_all(descriptor, header.characters, header.length);
  for (int64_t i = 0; i < count && good; ++i) {
    int64_t bytes = tensor_bytes(tensors[i]);
    for (int64_t begin = 0; begin < bytes && good; begin += kChunkBytes) {
      double values[kChunkBytes / sizeof(double)];
      int64_t length = bytes - begin < kChunkBytes ? bytes - begin : kChunkBytes;
      fill(context, i, begin, length, values);
      good = write_all(descriptor, values, length);
    }
  }
  good = good && fsync(descriptor) == 0;
  int error = errno;
  if (close(descriptor) != 0 && good) error = errno, good = false;
  if (good && rename(temporary, path) != 0) error = errno, good = false;
  if (!good) {
    unlink(temporary);
    errno = error;
    snprintf(message, FOVEA_MESSAGE_BYTES, "'%.200s': cannot be written: %m; what was there is unchanged", path);
    return FOVEA_IO_ERROR;
  }
  if (sync_folder(temporary)) return FOVEA_OK;
  snprintf(message, FOVEA_MESSAGE_BYTES, "'%.200s': is written, but its folder cannot be synced: %m", path);
  return FOVEA_IO_ERROR;
}
