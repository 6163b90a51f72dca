// What the deployed programs of the systems share: their arguments, their inputs, and what they say of themselves.
// Besides the generated library they need libc and libm alone, so nothing here uses the C++ library.
//
//   int main(int argc, char **argv) {
//     deploy::Program program(argc, argv);
//     MODEL *model = ...; // of program.file(0); where that fails, program.fail("%s", MODEL_last_error(model))
//     const deploy::Array images(program, program.file(1), {3, 32, 32});
//     program.run(images.count, [&](int64_t i) { ... }, [&](int64_t i) { std::printf("item %lld: ...\n", ...); });
//   }
#pragma once

#include <errno.h>
#include <initializer_list>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

namespace deploy {

/// The index of the largest value, of several the first.
inline int largest(const float *values, int count) {
  int best = 0;
  for (int i = 1; i < count; ++i)
    if (values[i] > values[best]) best = i;
  return best;
}

inline double milliseconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

/// To be made first in main. A mistake ends the program with exit code 1 and one line on stderr.
class Program {
public:
  /// `files` names the arguments, one word each; with another number of them, the usage is said.
  Program(int argc, char **argv, const char *files = "WEIGHTS.safetensors INPUTS.npy")
      : // Before main the loader ran, and only it: its time is the process's own so far.
        begin(milliseconds(CLOCK_MONOTONIC) - milliseconds(CLOCK_PROCESS_CPUTIME_ID)), arguments(argv) {
    int words = 1;
    for (const char *c = files; *c; ++c) words += *c == ' ';
    if (argc == words + 1) return;
    fprintf(stderr, "usage: %s %s\n", name(), files);
    exit(1);
  }

  const char *file(int index) const { return arguments[index + 1]; }

  [[noreturn]] __attribute__((format(printf, 2, 3))) void fail(const char *format, ...) const {
    va_list values;
    va_start(values, format);
    fprintf(stderr, "%s: ", name());
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    exit(1);
  }

  /// Calls `infer` and then `print` for each of the items, then says the size of this program's file (KB of 1024
  /// bytes), the time from the start of the process to the first result, and the median time of `infer`.
  template <typename Infer, typename Print> void run(int64_t count, Infer infer, Print print) const {
    double started = 0;
    for (int64_t i = 0; i < count; ++i) {
      infer(i);
      if (i == 0) started = milliseconds(CLOCK_MONOTONIC) - begin;
      print(i);
    }
    constexpr int most = 201, least = 5;
    constexpr double enough = 2000; // milliseconds for all of them
    double times[most], all = 0;
    int calls = 0;
    while (calls < most && (calls < least || all < enough)) {
      const double before = milliseconds(CLOCK_MONOTONIC);
      infer(calls % count);
      all += times[calls] = milliseconds(CLOCK_MONOTONIC) - before;
      ++calls;
    }
    qsort(times, static_cast<size_t>(calls), sizeof(double), [](const void *a, const void *b) {
      const double x = *static_cast<const double *>(a), y = *static_cast<const double *>(b);
      return (x > y) - (x < y);
    });
    struct stat self = {};
    stat("/proc/self/exe", &self);
    printf("deploy: %lld KB, started in %.2f ms, %.3f ms an image\n",
           static_cast<long long>((self.st_size + 512) / 1024), started, times[calls / 2]);
  }

private:
  const char *name() const {
    const char *slash = strrchr(arguments[0], '/');
    return slash ? slash + 1 : arguments[0];
  }

  double begin;
  char **arguments;
};

/// Items of one shape from a NumPy file of bytes or of floats (numpy.save, of '|u1' or '<f4', row-major).
class Array {
public:
  Array(const Program &program, const char *path, std::initializer_list<int64_t> shape) {
    FILE *file = fopen(path, "rb");
    if (!file) program.fail("%s: cannot open: %s", path, strerror(errno));
    char header[1024];
    const size_t itemBytes = readHeader(program, path, file, header, sizeof header);
    checkShape(program, path, header, shape);
    const size_t values = static_cast<size_t>(count * size);
    numbers = static_cast<float *>(malloc(values * sizeof(float)));
    if (!numbers) program.fail("%s: there is no memory for its %lld items", path, static_cast<long long>(count));
    // Bytes are read into the back of their floats' place, and become floats from the front on.
    uint8_t *raw = reinterpret_cast<uint8_t *>(numbers) + values * (sizeof(float) - itemBytes);
    if (fread(raw, itemBytes, values, file) != values || fgetc(file) != EOF)
      program.fail("%s: its size is not that of the %lld items that it promises: get it anew", path,
                   static_cast<long long>(count));
    fclose(file);
    if (itemBytes == 1)
      for (size_t i = 0; i < values; ++i) {
        const uint8_t byte = raw[i];
        numbers[i] = byte;
      }
  }
  ~Array() { free(numbers); }
  Array(const Array &) = delete;

  int64_t count = 0, size = 1; // items, at least 1; numbers of an item
  float *item(int64_t index) { return numbers + index * size; }
  const float *item(int64_t index) const { return numbers + index * size; }

  /// Every number x becomes (x / 255 - mean) / deviation, by the channels that items have in their first dimension.
  template <int64_t channels> void normalise(const float (&mean)[channels], const float (&deviation)[channels]) {
    const int64_t plane = size / channels;
    for (int64_t i = 0; i < count * size; ++i) {
      const int64_t channel = i / plane % channels;
      numbers[i] = (numbers[i] / 255 - mean[channel]) / deviation[channel];
    }
  }

private:
  // The header's text, and the bytes of a number.
  static size_t readHeader(const Program &program, const char *path, FILE *file, char *header, size_t room) {
    uint8_t start[10];
    if (fread(start, 1, sizeof start, file) != sizeof start || memcmp(start, "\x93NUMPY\x01\x00", 8) != 0)
      program.fail("%s: is not a NumPy file of version 1", path);
    const size_t length = start[8] + 256u * start[9];
    if (length >= room || fread(header, 1, length, file) != length) program.fail("%s: its header is damaged", path);
    header[length] = 0;
    const bool bytes = strstr(header, "'|u1'"), floats = strstr(header, "'<f4'");
    if ((!bytes && !floats) || !strstr(header, "'fortran_order': False"))
      program.fail("%s: holds neither bytes nor floats, row-major, but: %s", path, header);
    return bytes ? 1 : sizeof(float);
  }

  void checkShape(const Program &program, const char *path, const char *header, std::initializer_list<int64_t> shape) {
    const char *at = strstr(header, "'shape': (");
    char *end = nullptr;
    if (at) count = strtoll(at + 10, &end, 10);
    bool fits = at && count > 0;
    for (int64_t dimension : shape) {
      size *= dimension;
      fits = fits && *end == ',' && strtoll(end + 1, &end, 10) == dimension;
    }
    if (fits && (*end == ')' || (*end == ',' && end[1] == ')')) && count <= INT64_MAX / 8 / size) return;
    char wanted[128] = "count";
    for (int64_t dimension : shape)
      snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted), ", %lld", static_cast<long long>(dimension));
    program.fail("%s: must hold an array (%s), but its header is: %s", path, wanted, header);
  }

  float *numbers = nullptr;
};

} // namespace deploy
