/* Reads and writes safetensors files (https://github.com/huggingface/safetensors): an 8-byte little-endian header
 * length, a JSON header that names each tensor with its dtype, shape and byte range, and the tensors' bytes, row-major
 * and little-endian, without gaps.
 *
 * A file is checked whole before anything is read from it: a truncated or damaged file is an error with a message and
 * never a wild read. Needs no handle; lib/formats uses it as well.
 *
 * Functions that return int32_t return a fovea_error. On failure they write a message that names the file into
 * `message`, which has room for FOVEA_MESSAGE_BYTES. */
#ifndef FOVEA_RUNTIME_SAFETENSORS_H
#define FOVEA_RUNTIME_SAFETENSORS_H

#include "program.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FOVEA_MESSAGE_BYTES 512

typedef struct fovea_safetensors fovea_safetensors;

typedef struct {
  const char *name; /* UTF-8, not empty */
  int32_t dtype;    /* fovea_dtype */
  int32_t rank;     /* at most FOVEA_MAX_RANK */
  int64_t shape[FOVEA_MAX_RANK];
  int64_t offset; /* of its first byte, from the end of the header; set by the reader, ignored by the writer */
  int64_t bytes;  /* product of the shape and the dtype's size; set by the reader, ignored by the writer */
} fovea_safetensors_tensor;

typedef struct {
  const char *key, *value; /* UTF-8 */
} fovea_safetensors_metadata;

/* Opens the file and checks it. *file is NULL on failure. */
int32_t fovea_safetensors_open(const char *path, fovea_safetensors **file, char *message);
void fovea_safetensors_close(fovea_safetensors *file);

/* The tensors, sorted by name; valid until the file is closed. */
int64_t fovea_safetensors_count(const fovea_safetensors *file);
const fovea_safetensors_tensor *fovea_safetensors_at(const fovea_safetensors *file, int64_t index);
/* NULL: the file has no tensor of this name, or no such key in its metadata. */
const fovea_safetensors_tensor *fovea_safetensors_find(const fovea_safetensors *file, const char *name);
const char *fovea_safetensors_value(const fovea_safetensors *file, const char *key);

/* Copies bytes [begin, begin + bytes) of a tensor of this file; the range must lie inside the tensor. */
int32_t fovea_safetensors_read(const fovea_safetensors *file, const fovea_safetensors_tensor *tensor, int64_t begin,
                               int64_t bytes, void *values, char *message);

/* Writes a file. `fill` is called for each tensor in order, for consecutive ranges [begin, begin + bytes) of whole
 * elements. The bytes go to a temporary file in the same folder, which is synced and then renamed to `path`: after a
 * failure the old file is as it was and no other file is left. */
int32_t fovea_safetensors_write(const char *path, const fovea_safetensors_tensor *tensors, int64_t count,
                                const fovea_safetensors_metadata *metadata, int64_t metadata_count,
                                void (*fill)(void *context, int64_t tensor, int64_t begin, int64_t bytes, void *values),
                                void *context, char *message);

/* Bytes of one element, and the format's name of the dtype ("F32"). */
int64_t fovea_dtype_bytes(int32_t dtype);
const char *fovea_dtype_name(int32_t dtype);
/* Writes "F32[3, 4]"; text has room for FOVEA_TYPE_TEXT_BYTES. Returns text. */
#define FOVEA_TYPE_TEXT_BYTES 192
const char *fovea_type_text(int32_t dtype, int32_t rank, const int64_t *shape, char *text);

#ifdef __cplusplus
}
#endif
#endif
