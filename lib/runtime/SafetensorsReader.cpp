// Opens safetensors files. Files come from anywhere, so nothing in one is believed: the header is parsed strictly, and
// every range is checked against the file's size before the file counts as open. Values are read with pread, because a
// mapped file that shrinks meanwhile would end the program.
#include "Safetensors.h"

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct fovea_safetensors {
  int descriptor;
  char *path, *header; // the tensors' names and the metadata lie in header
  int64_t data_start, data_bytes;
  fovea_safetensors_tensor *tensors;
  fovea_safetensors_metadata *metadata;
  int64_t tensor_count, tensor_room, metadata_count, metadata_room;
};

namespace {

constexpr int64_t kLargestHeader = 100'000'000; // the format's own limit

const struct {
  const char *name;
  int64_t bytes;
} kDtypes[] = {{"F32", 4}, {"F64", 8},  {"I32", 4}, {"I64", 8}, {"BOOL", 1},
               {"F16", 2}, {"BF16", 2}, {"U8", 1},  {"I8", 1}};
constexpr int32_t kDtypeCount = sizeof kDtypes / sizeof kDtypes[0];

void write_failure(char *message, const char *path, const char *format, va_list values) {
  int used = snprintf(message, FOVEA_MESSAGE_BYTES, "'%.200s': ", path);
  vsnprintf(message + used, FOVEA_MESSAGE_BYTES - used, format, values);
}

__attribute__((format(printf, 4, 5))) int32_t fail(char *message, const char *path, int32_t code, const char *format,
                                                   ...) {
  va_list values;
  va_start(values, format);
  write_failure(message, path, format, values);
  va_end(values);
  return code;
}

// Reads the header's JSON from left to right; strings are decoded in place. After the first error, which is kept, every
// function does nothing and returns a neutral value.
struct Parser {
  fovea_safetensors *file;
  char *message;
  char *start, *at, *end;
  int32_t code = FOVEA_OK;

  bool ok() const { return code == FOVEA_OK; }

  __attribute__((format(printf, 3, 4))) void error(int32_t error_code, const char *format, ...) {
    if (!ok()) return;
    code = error_code;
    va_list values;
    va_start(values, format);
    write_failure(message, file->path, format, values);
    va_end(values);
  }

  void expected(const char *what) {
    if (at == end)
      error(FOVEA_BAD_FILE, "the header ends where %s is expected", what);
    else if (*at > ' ' && *at < 127)
      error(FOVEA_BAD_FILE, "header byte %lld: expected %s, found '%c'", (long long)(at - start), what, *at);
    else
      error(FOVEA_BAD_FILE, "header byte %lld: expected %s, found byte 0x%02x", (long long)(at - start), what,
            static_cast<unsigned>(static_cast<uint8_t>(*at)));
  }

  void skip_space() {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) ++at;
  }

  bool accept(char character) {
    if (!ok()) return false;
    skip_space();
    if (at == end || *at != character) return false;
    ++at;
    return true;
  }

  void require(char character) {
    const char text[] = {'\'', character, '\'', 0};
    if (!accept(character)) expected(text);
  }

  // Calls item() for each item of a list that ends with `close`; the opening bracket has been read.
  template <typename Item> void list(char close, Item item) {
    if (accept(close)) return;
    do item();
    while (ok() && accept(','));
    require(close);
  }

  uint32_t hexadecimal() {
    uint32_t value = 0;
    for (int i = 0; i < 4; ++i, ++at) {
      if (at == end) return expected("four hexadecimal digits"), 0;
      char c = *at, lower = static_cast<char>(c | 0x20);
      bool digit = c >= '0' && c <= '9';
      if (!digit && (lower < 'a' || lower > 'f')) return expected("four hexadecimal digits"), 0;
      value = value * 16 + (digit ? c - '0' : lower - 'a' + 10);
    }
    return value;
  }

  // Decodes the escape after a backslash to UTF-8 at *out, which is never longer than the escape.
  void escape(char *&out) {
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    if (at == end) return expected("an escape");
    if (*at != 'u') {
      const char *letter = static_cast<const char *>(memchr(letters, *at, sizeof letters - 1));
      if (!letter) return expected("an escape");
      *out++ = meanings[letter - letters];
      ++at;
      return;
    }
    ++at;
    uint32_t point = hexadecimal();
    if (point >= 0xd800 && point < 0xdc00) { // the first of two surrogates
      if (end - at < 2 || at[0] != '\\' || at[1] != 'u') return expected("the second half of a surrogate pair");
      at += 2;
      uint32_t low = hexadecimal();
      if (ok() && (low < 0xdc00 || low > 0xdfff)) return error(FOVEA_BAD_FILE, "a surrogate in the header has no pair");
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    } else if (point >= 0xdc00 && point < 0xe000) {
      return error(FOVEA_BAD_FILE, "a surrogate in the header has no pair");
    }
    if (!ok()) return;
    if (point == 0) return error(FOVEA_BAD_FILE, "a string in the header contains a zero byte");
    if (point < 0x80) {
      *out++ = static_cast<char>(point);
      return;
    }
    int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    static const uint8_t first[] = {0, 0xc0, 0xe0, 0xf0};
    *out++ = static_cast<char>(first[more] | point >> (6 * more));
    while (more--) *out++ = static_cast<char>(0x80 | (point >> (6 * more) & 0x3f));
  }

  // Bytes of the UTF-8 sequence at `at`, 0 if it is none: no overlong forms, no surrogates, nothing past U+10FFFF.
  int sequence_length() const {
    auto byte = [&](int i) { return end - at > i ? static_cast<uint8_t>(at[i]) : 0u; };
    auto continues = [&](int i) { return (byte(i) & 0xc0) == 0x80; };
    unsigned first = byte(0), second = byte(1);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first < 0xe0 && continues(1)) return 2;
    if (first >= 0xe0 && first < 0xf0 && continues(1) && continues(2) && (first != 0xe0 || second >= 0xa0) &&
        (first != 0xed || second < 0xa0))
      return 3;
    if (first >= 0xf0 && first < 0xf5 && continues(1) && continues(2) && continues(3) &&
        (first != 0xf0 || second >= 0x90) && (first != 0xf4 || second < 0x90))
      return 4;
    return 0;
  }

  // Returns a string that ends in zero, "" after an error.
  const char *string() {
    require('"');
    char *text = at, *out = at;
    while (ok() && at < end && *at != '"') {
      if (*at == '\\') {
        ++at;
        escape(out);
        continue;
      }
      int length = sequence_length();
      if (!length || static_cast<uint8_t>(*at) < ' ') {
        expected("valid UTF-8");
        break;
      }
      while (length--) *out++ = *at++;
    }
    if (ok() && at == end) expected("the end of a string");
    if (!ok()) return "";
    ++at;
    *out = 0;
    return text;
  }

  int64_t integer() {
    skip_space();
    if (!ok()) return 0;
    if (at == end || *at < '0' || *at > '9' || (*at == '0' && end - at > 1 && at[1] >= '0' && at[1] <= '9'))
      return expected("an integer that is not negative"), 0;
    int64_t value = 0;
    for (; at < end && *at >= '0' && *at <= '9'; ++at)
      if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *at - '0', &value))
        return error(FOVEA_BAD_FILE, "header byte %lld: the integer is too large", (long long)(at - start)), 0;
    return value;
  }

  // A new item at the end of a growing array, NULL when there is no memory.
  template <typename Item> Item *append(Item *&items, int64_t &count, int64_t &room) {
    if (count == room) {
      int64_t more = room ? 2 * room : 64;
      void *grown = realloc(items, more * sizeof(Item));
      if (!grown) return error(FOVEA_OUT_OF_MEMORY, "no memory for a list of %lld entries", (long long)more), nullptr;
      items = static_cast<Item *>(grown);
      room = more;
    }
    return &items[count++];
  }

  void metadata() {
    require('{');
    list('}', [&] {
      const char *key = string();
      require(':');
      const char *value = string();
      if (!ok()) return;
      auto *item = append(file->metadata, file->metadata_count, file->metadata_room);
      if (item) *item = {key, value};
    });
  }

  void tensor(const char *name) {
    fovea_safetensors_tensor tensor = {name, -1, -1, {}, -1, -1};
    int64_t end_offset = -1;
    require('{');
    list('}', [&] {
      const char *key = string();
      require(':');
      if (strcmp(key, "dtype") == 0 && tensor.dtype < 0) {
        const char *dtype = string();
        for (int32_t i = 0; i < kDtypeCount; ++i)
          if (strcmp(dtype, kDtypes[i].name) == 0) tensor.dtype = i;
        if (tensor.dtype < 0)
          error(FOVEA_BAD_FILE,
                "tensor '%.100s' has dtype '%.20s'; F64, F32, F16, BF16, I64, I32, I8, U8 and BOOL can be read", name,
                dtype);
      } else if (strcmp(key, "shape") == 0 && tensor.rank < 0) {
        tensor.rank = 0;
        require('[');
        list(']', [&] {
          int64_t dimension = integer();
          if (tensor.rank == FOVEA_MAX_RANK)
            return error(FOVEA_BAD_FILE, "tensor '%.100s' has more than %d dimensions", name, FOVEA_MAX_RANK);
          tensor.shape[tensor.rank++] = dimension;
        });
      } else if (strcmp(key, "data_offsets") == 0 && end_offset < 0) {
        require('[');
        tensor.offset = integer();
        require(',');
        end_offset = integer();
        require(']');
      } else {
        error(FOVEA_BAD_FILE, "tensor '%.100s' has an unknown or repeated key '%.40s'", name, key);
      }
    });
    if (!ok()) return;
    if (tensor.dtype < 0 || tensor.rank < 0 || end_offset < 0)
      return error(FOVEA_BAD_FILE, "tensor '%.100s' has no %s", name,
                   tensor.dtype < 0  ? "dtype"
                   : tensor.rank < 0 ? "shape"
                                     : "data_offsets");
    if (!*name) return error(FOVEA_BAD_FILE, "a tensor's name is empty");
    if (tensor.offset > end_offset || end_offset > file->data_bytes)
      return error(FOVEA_BAD_FILE, "tensor '%.100s' takes bytes %lld to %lld; the file has %lld bytes of data", name,
                   (long long)tensor.offset, (long long)end_offset, (long long)file->data_bytes);
    int64_t needed = kDtypes[tensor.dtype].bytes;
    bool overflow = false;
    for (int32_t i = 0; i < tensor.rank; ++i)
      if (tensor.shape[i] == 0) needed = 0;
    for (int32_t i = 0; i < tensor.rank; ++i) overflow |= __builtin_mul_overflow(needed, tensor.shape[i], &needed);
    tensor.bytes = end_offset - tensor.offset;
    char type[FOVEA_TYPE_TEXT_BYTES];
    fovea_type_text(tensor.dtype, tensor.rank, tensor.shape, type);
    if (overflow) return error(FOVEA_BAD_FILE, "tensor '%.100s' is %s, which is too large", name, type);
    if (needed != tensor.bytes)
      return error(FOVEA_BAD_FILE, "tensor '%.100s' is %s, %lld bytes, but its data_offsets hold %lld", name, type,
                   (long long)needed, (long long)tensor.bytes);
    auto *item = append(file->tensors, file->tensor_count, file->tensor_room);
    if (item) *item = tensor;
  }

  void header() {
    if (at == end || *at != '{') return expected("'{'"); // the format wants it in the first byte
    ++at;
    bool seen_metadata = false;
    list('}', [&] {
      const char *name = string();
      require(':');
      if (!ok()) return;
      if (strcmp(name, "__metadata__") != 0) return tensor(name);
      if (seen_metadata) return error(FOVEA_BAD_FILE, "__metadata__ is there twice");
      seen_metadata = true;
      metadata();
    });
    skip_space();
    if (ok() && at != end) expected("the end of the header");
  }
};

int compare_names(const void *a, const void *b) {
  return strcmp(static_cast<const fovea_safetensors_tensor *>(a)->name,
                static_cast<const fovea_safetensors_tensor *>(b)->name);
}

int compare_keys(const void *a, const void *b) {
  return strcmp(static_cast<const fovea_safetensors_metadata *>(a)->key,
                static_cast<const fovea_safetensors_metadata *>(b)->key);
}

int compare_ranges(const void *a, const void *b) {
  const auto *x = static_cast<const fovea_safetensors_tensor *>(a);
  const auto *y = static_cast<const fovea_safetensors_tensor *>(b);
  if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
  return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

template <typename Item> void sort(Item *items, int64_t count, int (*compare)(const void *, const void *)) {
  if (count) qsort(items, count, sizeof(Item), compare); // of no items, items is NULL
}

// Leaves the tensors sorted by name.
void check_tensors(Parser &parser) {
  fovea_safetensors *file = parser.file;
  int64_t count = file->tensor_count, position = 0;
  sort(file->tensors, count, compare_ranges);
  for (int64_t i = 0; i < count; ++i) {
    const fovea_safetensors_tensor &tensor = file->tensors[i];
    if (tensor.offset < position)
      return parser.error(FOVEA_BAD_FILE, "tensors '%.100s' and '%.100s' overlap at byte %lld",
                          file->tensors[i - 1].name, tensor.name, (long long)tensor.offset);
    if (tensor.offset > position)
      return parser.error(FOVEA_BAD_FILE, "bytes %lld to %lld of the data belong to no tensor", (long long)position,
                          (long long)tensor.offset);
    position += tensor.bytes;
  }
  if (position != file->data_bytes)
    return parser.error(FOVEA_BAD_FILE, "the file has %lld bytes of data, its tensors take %lld",
                        (long long)file->data_bytes, (long long)position);
  sort(file->tensors, count, compare_names);
  for (int64_t i = 1; i < count; ++i)
    if (compare_names(&file->tensors[i - 1], &file->tensors[i]) == 0)
      return parser.error(FOVEA_BAD_FILE, "tensor '%.100s' is there twice", file->tensors[i].name);
  sort(file->metadata, file->metadata_count, compare_keys);
  for (int64_t i = 1; i < file->metadata_count; ++i)
    if (compare_keys(&file->metadata[i - 1], &file->metadata[i]) == 0)
      return parser.error(FOVEA_BAD_FILE, "metadata '%.100s' is there twice", file->metadata[i].key);
}

// Reads exactly bytes at offset of the file.
int32_t read_exactly(const fovea_safetensors *file, int64_t offset, int64_t bytes, void *values, char *message) {
  for (int64_t done = 0; done < bytes;) {
    ssize_t got = pread(file->descriptor, static_cast<uint8_t *>(values) + done, bytes - done, offset + done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(message, file->path, FOVEA_IO_ERROR, "cannot be read: %m");
    if (got == 0)
      return fail(message, file->path, FOVEA_IO_ERROR, "ends at byte %lld; it was longer when it was opened",
                  (long long)(offset + done));
    done += got;
  }
  return FOVEA_OK;
}

int32_t open_and_check(fovea_safetensors *file, char *message) {
  const char *path = file->path;
  file->descriptor = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // O_NONBLOCK: a pipe is refused, not awaited
  struct stat status;
  if (file->descriptor < 0 || fstat(file->descriptor, &status) != 0)
    return fail(message, path, FOVEA_IO_ERROR, "cannot be opened: %m");
  if (!S_ISREG(status.st_mode)) return fail(message, path, FOVEA_IO_ERROR, "is not a regular file");
  int64_t file_bytes = status.st_size;
  if (file_bytes < 8)
    return fail(message, path, FOVEA_BAD_FILE, "has %lld bytes; a safetensors file has at least 8",
                (long long)file_bytes);
  uint64_t header_bytes; // little-endian, like the machines that Fovea compiles for
  if (int32_t code = read_exactly(file, 0, 8, &header_bytes, message)) return code;
  if (header_bytes > static_cast<uint64_t>(file_bytes - 8))
    return fail(message, path, FOVEA_BAD_FILE,
                "the header takes %llu bytes by its length field; %lld follow. The file is truncated, "
                "or not in safetensors format",
                (unsigned long long)header_bytes, (long long)(file_bytes - 8));
  if (header_bytes > static_cast<uint64_t>(kLargestHeader))
    return fail(message, path, FOVEA_BAD_FILE, "the header takes %llu bytes; at most %lld are allowed",
                (unsigned long long)header_bytes, (long long)kLargestHeader);
  file->header = static_cast<char *>(malloc(header_bytes + 1));
  if (!file->header)
    return fail(message, path, FOVEA_OUT_OF_MEMORY, "no memory for the header's %llu bytes",
                (unsigned long long)header_bytes);
  if (int32_t code = read_exactly(file, 8, header_bytes, file->header, message)) return code;
  file->data_start = 8 + header_bytes;
  file->data_bytes = file_bytes - file->data_start;
  Parser parser = {file, message, file->header, file->header, file->header + header_bytes};
  parser.header();
  if (parser.ok()) check_tensors(parser);
  return parser.code;
}

} // namespace

int64_t fovea_dtype_bytes(int32_t dtype) { return kDtypes[dtype].bytes; }
const char *fovea_dtype_name(int32_t dtype) { return kDtypes[dtype].name; }

const char *fovea_type_text(int32_t dtype, int32_t rank, const int64_t *shape, char *text) {
  int used = snprintf(text, FOVEA_TYPE_TEXT_BYTES, "%s[", fovea_dtype_name(dtype));
  for (int32_t i = 0; i < rank; ++i)
    used += snprintf(text + used, FOVEA_TYPE_TEXT_BYTES - used, "%s%lld", i ? ", " : "", (long long)shape[i]);
  snprintf(text + used, FOVEA_TYPE_TEXT_BYTES - used, "]");
  return text;
}

int32_t fovea_safetensors_open(const char *path, fovea_safetensors **opened, char *message) {
  *opened = nullptr;
  auto *file = static_cast<fovea_safetensors *>(calloc(1, sizeof(fovea_safetensors)));
  if (file) file->descriptor = -1;
  if (file) file->path = strdup(path);
  if (!file || !file->path) {
    fovea_safetensors_close(file);
    return fail(message, path, FOVEA_OUT_OF_MEMORY, "no memory to open it");
  }
  int32_t code = open_and_check(file, message);
  if (code)
    fovea_safetensors_close(file);
  else
    *opened = file;
  return code;
}

void fovea_safetensors_close(fovea_safetensors *file) {
  if (!file) return;
  if (file->descriptor >= 0) close(file->descriptor);
  free(file->path);
  free(file->header);
  free(file->tensors);
  free(file->metadata);
  free(file);
}

int64_t fovea_safetensors_count(const fovea_safetensors *file) { return file->tensor_count; }

const fovea_safetensors_tensor *fovea_safetensors_at(const fovea_safetensors *file, int64_t index) {
  return &file->tensors[index];
}

const fovea_safetensors_tensor *fovea_safetensors_find(const fovea_safetensors *file, const char *name) {
  fovea_safetensors_tensor wanted = {name, 0, 0, {}, 0, 0};
  return static_cast<const fovea_safetensors_tensor *>(
      file->tensor_count ? bsearch(&wanted, file->tensors, file->tensor_count, sizeof wanted, compare_names) : nullptr);
}

const char *fovea_safetensors_value(const fovea_safetensors *file, const char *key) {
  fovea_safetensors_metadata wanted = {key, nullptr};
  const void *found = file->metadata_count
                          ? bsearch(&wanted, file->metadata, file->metadata_count, sizeof wanted, compare_keys)
                          : nullptr;
  return found ? static_cast<const fovea_safetensors_metadata *>(found)->value : nullptr;
}

int32_t fovea_safetensors_read(const fovea_safetensors *file, const fovea_safetensors_tensor *tensor, int64_t begin,
                               int64_t bytes, void *values, char *message) {
  return read_exactly(file, file->data_start + tensor->offset + begin, bytes, values, message);
}
