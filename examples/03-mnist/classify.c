/* Classifies digits with the exported model: C99, libc, and the one library that Fovea made.
 *
 *   classify digits.safetensors test-images.idx
 *
 * The images are an uncompressed IDX file of unsigned bytes, (count, 28, 28). Prints for each its class and
 * probability, then the time from the start of the program to the first result. */
#define _POSIX_C_SOURCE 199309L /* clock_gettime */

#include "digits_inference.h"
#include "pixels.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROWS = 28, COLUMNS = 28, PIXELS = ROWS * COLUMNS, CLASSES = 10, HEADER = 16 };

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static uint32_t big_endian(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Reads the header and returns the number of images, or -1 after a message. */
static int64_t read_header(FILE *file, const char *path) {
  static const uint8_t magic[4] = {0, 0, 8, 3};
  uint8_t header[HEADER];
  if (fread(header, 1, HEADER, file) != HEADER || memcmp(header, magic, sizeof magic) != 0) {
    fprintf(stderr, "classify: %s: is not an uncompressed IDX file of images (unsigned bytes, 3 dimensions)\n", path);
    return -1;
  }
  if (big_endian(header + 8) != ROWS || big_endian(header + 12) != COLUMNS) {
    fprintf(stderr, "classify: %s: holds images of %lu x %lu pixels, but the model takes %d x %d\n", path,
            (unsigned long)big_endian(header + 8), (unsigned long)big_endian(header + 12), ROWS, COLUMNS);
    return -1;
  }
  return big_endian(header + 4);
}

/* The likeliest class; its probability, by a softmax, goes to *probability. */
static int likeliest(const float *logits, double *probability) {
  int best = 0;
  double sum = 0;
  for (int i = 1; i < CLASSES; ++i)
    if (logits[i] > logits[best]) best = i;
  for (int i = 0; i < CLASSES; ++i) sum += exp((double)logits[i] - logits[best]);
  *probability = 1 / sum;
  return best;
}

/* Classifies one image after the other. Returns 0, or 1 after a message. */
static int classify(digits_inference *model, FILE *file, const char *path, double start) {
  const int64_t count = read_header(file, path);
  double first = 0;
  if (count < 0) return 1;
  for (int64_t index = 0; index < count; ++index) {
    uint8_t bytes[PIXELS];
    float image[PIXELS], logits[CLASSES];
    double probability;
    int found;
    if (fread(bytes, 1, PIXELS, file) != PIXELS) {
      fprintf(stderr, "classify: %s: promises %lld images, but ends within number %lld: get it anew\n", path,
              (long long)count, (long long)index);
      return 1;
    }
    for (int i = 0; i < PIXELS; ++i) image[i] = ((float)bytes[i] / 255 - DIGITS_PIXEL_MEAN) / DIGITS_PIXEL_DEVIATION;
    if (digits_inference_forward(model, 1, image, logits) != 0) {
      fprintf(stderr, "classify: %s\n", digits_inference_last_error(model));
      return 1;
    }
    if (index == 0) first = seconds() - start;
    found = likeliest(logits, &probability);
    printf("image %lld: %d (%.2f %%)\n", (long long)index, found, 100 * probability);
  }
  if (fgetc(file) != EOF) {
    fprintf(stderr, "classify: %s: promises %lld images, but more bytes follow: get it anew\n", path, (long long)count);
    return 1;
  }
  if (count > 0) printf("first result after %.2f ms\n", 1e3 * first);
  return 0;
}

/* Opens the model and the file, classifies, and closes both. */
static int run(const char *weights, const char *images, double start) {
  digits_inference_options options = DIGITS_INFERENCE_OPTIONS_DEFAULT;
  digits_inference *model;
  FILE *file;
  int result = 1;
  options.sizes.batch = 1;
  model = digits_inference_create(&options);
  if (!model || digits_inference_load(model, weights) != 0)
    fprintf(stderr, "classify: %s\n", digits_inference_last_error(model));
  else if (!(file = fopen(images, "rb")))
    fprintf(stderr, "classify: %s: cannot open: %s\n", images, strerror(errno));
  else {
    result = classify(model, file, images, start);
    fclose(file);
  }
  digits_inference_destroy(model);
  return result;
}

int main(int argc, char **argv) {
  const double start = seconds();
  if (argc != 3) {
    fprintf(stderr, "usage: classify WEIGHTS.safetensors IMAGES.idx\n");
    return 1;
  }
  return run(argv[1], argv[2], start);
}
