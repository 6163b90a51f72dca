/* What a compiled model hands to the runtime: constant tables and the generated host functions.
 * lib/emit writes them, lib/runtime reads them; users see only the generated NAME.h.
 *
 * A dimension or a byte count that depends on the sizes given at run time is a row of 1 + size_count integers:
 * row[0] + row[1] * sizes[0] + row[2] * sizes[1] + ... ("affine row" below). */
#ifndef FOVEA_RUNTIME_PROGRAM_H
#define FOVEA_RUNTIME_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FOVEA_ABI_VERSION 3
#define FOVEA_MAX_RANK 8
#define FOVEA_MAX_SIZES 4
/* What halide_malloc(n) takes of a thread's scratch beyond n rounded up to 64. */
#define FOVEA_SCRATCH_OVERHEAD 64
/* Where each part of a device's memory begins: multiples of this many bytes. */
#define FOVEA_DEVICE_ALIGNMENT 256

typedef struct fovea_handle fovea_handle;
/* How programs for devices reach them (Device.h): fovea_driver_cuda or fovea_driver_opencl. */
typedef struct fovea_driver fovea_driver;

typedef enum {
  FOVEA_F32,
  FOVEA_F64,
  FOVEA_I32,
  FOVEA_I64,
  FOVEA_BOOL,
  FOVEA_F16,
  FOVEA_BF16,
  FOVEA_U8,
  FOVEA_I8
} fovea_dtype;

/* What a tensor is to its user. Gradients, moments and counters are state but not parameters. */
typedef enum {
  FOVEA_INPUT,
  FOVEA_OUTPUT,
  FOVEA_SCALAR, /* an input of rank 0 that the generated C function takes by value */
  FOVEA_PARAMETER,
  FOVEA_GRADIENT,
  FOVEA_OPTIMIZER_STATE,
  FOVEA_SEED, /* i64 of rank 0; create writes options.seed into it */
  FOVEA_COUNTER
} fovea_role;

/* How create fills a state tensor: a and b are the two arguments. */
typedef enum {
  FOVEA_CONSTANT,         /* a everywhere */
  FOVEA_NORMAL,           /* mean a, standard deviation b */
  FOVEA_TRUNCATED_NORMAL, /* the same, redrawn outside two standard deviations */
  FOVEA_UNIFORM           /* in [a, b) */
} fovea_initializer;

/* One input, output, parameter or other state tensor. Element (i0, i1, ...) of a state tensor lies, in elements, at
 * sum over d of i_d * strides[d]; but where panel_axis >= 0 that axis adds
 * (i % panel_size) * strides[axis] + (i / panel_size) * panel_stride instead. Inputs and outputs are row-major. */
typedef struct {
  const char *name;
  int32_t dtype, role, rank, initializer;
  const int64_t *shape;   /* rank affine rows; of state, only the constants count */
  double a, b;            /* the initializer's arguments */
  int64_t offset;         /* state: bytes from the start of the state region, a multiple of 64 */
  int64_t bytes;          /* state: bytes of storage, padding included */
  const int64_t *strides; /* state */
  int32_t panel_axis, panel_size;
  int64_t panel_stride;
} fovea_tensor;

/* One entry point (forward, gradients, update, train_step). The generated function launches kernels, passing the handle
 * as Halide's user_context; it returns 0 or the first non-zero result of fovea_launched. Its arguments, scalars
 * included, are regions 2, 3, ... of fovea_wrap, in order; 0 is the state, 1 the arena. */
typedef struct {
  const char *name;
  int32_t argument_count;
  const fovea_tensor *arguments; /* in the order of the C function: inputs, scalars, outputs */
  int32_t (*run)(fovea_handle *handle, const int64_t *sizes);
} fovea_entry;

/* The model compiled for one target. */
typedef struct {
  const char *target;    /* as given to foveac, for messages and for options.target */
  uint64_t cpu_features; /* FOVEA_CPU_* bits that the kernels need */
  int64_t state_count;
  const fovea_tensor *state;
  int64_t state_bytes;
  const int64_t *arena_bytes;   /* affine row: the largest over the entry points */
  const int64_t *largest_bytes; /* affine row: no tensor a kernel reads or writes is larger */
  int64_t scratch_bytes;        /* the most that kernels hold at once on one thread; see FOVEA_SCRATCH_OVERHEAD */
  int64_t worker_scratch_bytes; /* the most on each further thread, which runs only tasks */
  const fovea_driver *driver;   /* of the device that the kernels run on; NULL: the processor */
  int32_t capability;           /* CUDA: the least compute capability, 80 for 8.0 */
  int64_t device_scratch_bytes; /* the most that one kernel's intermediates take on the device */
  int32_t entry_count;
  const fovea_entry *entries; /* the same order in every program of a model */
} fovea_program;

enum {
  FOVEA_CPU_AVX = 1,
  FOVEA_CPU_AVX2 = 2,
  FOVEA_CPU_FMA = 4,
  FOVEA_CPU_F16C = 8,
  FOVEA_CPU_AVX512 = 16, /* F, CD, BW, DQ, VL */
  FOVEA_CPU_AVX512_BF16 = 32, /* and what Sapphire Rapids and Zen 4 both have beside it */
  FOVEA_CPU_AVX512_VNNI = 64
};

/* What a kernel takes: rank affine rows of extents, then rank affine rows of strides in elements, the logical (outermost
 * first) order; fovea_wrap reverses them for Halide. */
typedef struct {
  int32_t type_code, type_bits, rank;
  const int64_t *extents, *strides;
} fovea_view;

typedef struct {
  uint32_t abi_version;
  const char *name;
  uint64_t fingerprint; /* of the state's names, shapes and dtypes: a checkpoint of another model is told by it */
  int32_t size_count;
  const char *const *size_names;
  int32_t program_count;
  const fovea_program *programs; /* best first: create takes the first that the machine can run */
  const fovea_view *views;
} fovea_model;

/* NAME_options of the generated header has this layout. A zero field means its default. */
typedef struct {
  uint32_t struct_size;
  int32_t threads;    /* the caller's included; 0: one */
  uint64_t seed;      /* of parameter initialisation and of random ops */
  const char *target; /* NULL: the best that the machine runs; else one of the library's targets, by name */
  void *workspace;    /* NULL: create allocates */
  size_t workspace_bytes;
  void *(*allocate)(void *context, size_t bytes, size_t alignment); /* NULL: aligned_alloc */
  void (*release)(void *context, void *memory);
  void *allocator_context;
  int32_t device;       /* for device targets: which one */
  int32_t cpu_fallback; /* where the device cannot be used and target is NULL: take the best target that the processor
                           runs, rather than fail */
  void *stream;         /* for device targets: of the caller, in whose order kernels run; NULL: the default one */
  /* Called after every kernel launch, from the calling thread. */
  void (*profile)(void *context, const char *kernel, double seconds);
  void *profile_context;
  int64_t sizes[FOVEA_MAX_SIZES]; /* the largest that calls will use; the generated header names them */
} fovea_options;

/* Error codes of every generated function that returns int. */
typedef enum {
  FOVEA_OK = 0,
  FOVEA_INVALID_ARGUMENT = 1,
  FOVEA_BAD_FILE = 2,
  FOVEA_IO_ERROR = 3,
  FOVEA_KERNEL_ERROR = 4,
  FOVEA_OUT_OF_MEMORY = 5,
  FOVEA_UNSUPPORTED_MACHINE = 6,
  FOVEA_DEVICE_ERROR = 7
} fovea_error;

/* Called by the generated C functions. model is the generated constant table.
 *
 * A handle is used by one thread at a time; different handles may be used at once. After create, calls neither allocate
 * memory nor start threads; load and save allocate while they run. Functions that return int32_t return a fovea_error
 * and leave a message in the handle.
 *
 * create lays the handle, the state, the arena and the threads' scratch out in one workspace; workspace_bytes says how
 * large it is for any target of the library and any alignment of the caller's memory (0: a size or threads is invalid).
 *
 * On a device the state is there, and its mirror in the workspace is read and written by load, save, get and set only;
 * arena and kernels' scratch are one allocation on the device. Arguments may lie in memory of the host, which is copied,
 * or of the device, at a multiple of 16 bytes. A call returns when outputs in memory of the host are there; without such arguments, when its
 * kernels are in the stream.
 *
 * pointers holds one address for each argument of the entry; of a scalar, the address of its value.
 *
 * load takes every parameter from the file, in the parameter's shape and in f32 or f64 where the parameter is f32 or
 * f64 (else in its own dtype). A further tensor in the file is an error, unless the file is a checkpoint, whose other
 * tensors are training state. load_checkpoint takes all state, in its own dtypes, from a checkpoint of the same model.
 * Both check the whole file first: where it does not fit, the state is untouched. After an I/O error that strikes while
 * values are read, the state is partly overwritten; the message says so. */
fovea_handle *fovea_create(const fovea_model *model, const fovea_options *options);
void fovea_destroy(fovea_handle *handle);
const char *fovea_last_error(const fovea_handle *handle); /* NULL handle: of the last failed create in this thread */
size_t fovea_workspace_bytes(const fovea_model *model, const int64_t *sizes, int32_t threads);
int32_t fovea_call(fovea_handle *handle, int32_t entry, const int64_t *sizes, void *const *pointers);
int32_t fovea_load(fovea_handle *handle, const char *path); /* parameters, safetensors */
int32_t fovea_save(fovea_handle *handle, const char *path);
int32_t fovea_save_average(fovea_handle *handle,
                           const char *path); /* parameters, with the averages ema/NAME as values */
int32_t fovea_load_checkpoint(fovea_handle *handle, const char *path); /* all state, safetensors */
int32_t fovea_save_checkpoint(fovea_handle *handle, const char *path);
int32_t fovea_get(fovea_handle *handle, const char *name, void *values, size_t bytes); /* one state tensor, row-major */
int32_t fovea_set(fovea_handle *handle, const char *name, const void *values, size_t bytes);
const char *fovea_target(const fovea_handle *handle);

/* Room for one kernel argument on the generated function's stack. Its first member is the halide_buffer_t. */
typedef struct {
  uint64_t storage[7 + 2 * FOVEA_MAX_RANK];
} fovea_buffer;

/* Called by generated host code: fills `count` buffers. `places` has for each a region, one of the model's views, and an
 * affine row: how many bytes into the region it begins. */
void fovea_wrap(fovea_handle *handle, const int64_t *sizes, int32_t count, const int64_t *places,
                fovea_buffer *buffers);
/* Called by generated host code after each launch; calls the profile hook. Returns status, for chaining. */
int32_t fovea_launched(fovea_handle *handle, const char *kernel, int32_t status);

#ifdef __cplusplus
}
#endif
#endif
