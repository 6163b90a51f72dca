/* Programs whose kernels run on a device: what the generic half (Device.cpp) needs of an interface (Cuda.cpp,
 * OpenCl.cpp), and what it gives to the runtime's other files. These link into models that have such programs only. */
#ifndef FOVEA_RUNTIME_DEVICE_H
#define FOVEA_RUNTIME_DEVICE_H

#include "Handle.h"

#include <HalideRuntime.h>

namespace fovea {

/* A table from the addresses of constants, such as a kernel's source, to what the interface made of them. */
struct PointerTable {
  struct Entry {
    const void *key;
    void *value;
  } * entries;
  int32_t count, capacity; // a power of two

  void **find(const void *key) const;
  bool reserve();                            // room for one more; false: no memory
  void insert(const void *key, void *value); // into room that there is
};

struct Launch {
  int32_t blocks[3], threads[3], shared_bytes;
  const size_t *sizes; // of the arguments, up to a 0
  void *const *arguments;
  const int8_t *is_buffer;
};

struct DeviceApi {
  /* Opens device `index` for `stream`, NULL for the interface's own. Returns a fovea_error and writes a message. */
  int32_t (*open)(OpenDevice *device, const fovea_model *model, const fovea_program *program, int32_t index,
                  void *stream, char *message);
  void (*close)(OpenDevice *device);
  /* The calling thread works with the device until leave. */
  void (*enter)(OpenDevice *device);
  void (*leave)(OpenDevice *device);
  /* 0, or the interface's own error, which `explain` turns into words. */
  int32_t (*allocate)(OpenDevice *device, size_t bytes, uint64_t *address);
  void (*release)(OpenDevice *device, uint64_t address);
  int32_t (*copy_in)(OpenDevice *device, uint64_t to, const void *from, size_t bytes);
  int32_t (*copy_out)(OpenDevice *device, void *to, uint64_t from, size_t bytes);
  int32_t (*wait)(OpenDevice *device);
  int32_t (*load)(OpenDevice *device, const char *source, size_t bytes, void **module);
  int32_t (*find)(OpenDevice *device, void *module, const char *entry, void **function);
  int32_t (*launch)(OpenDevice *device, void *function, const Launch &launch);
  /* Whether kernels can use a caller's address as it is (1), or it is memory of the host (0); -1: neither, and `where`
   * says what it is. */
  int32_t (*locate)(OpenDevice *device, const void *pointer, char where[64]);
  const char *(*explain)(OpenDevice *device, int32_t error, char text[FOVEA_MESSAGE_BYTES]);
};

struct OpenDevice {
  const DeviceApi *api;
  fovea_handle *handle;
  void *library, *context, *queue; // the interface's
  int32_t index;
  bool owns_queue;
  int32_t failure;    // of a call in progress: a fovea_error, 0: none
  int32_t last_error; // the interface's
  uint64_t memory, state, arena, staging, scratch;
  int64_t scratch_bytes, scratch_used;
  void **pointers; // of the call in progress, as kernels see its arguments
  PointerTable modules, functions, constants;
  char details[256]; // what the interface said beyond its error
};

/* The tables that fovea_program.driver points to. */
extern "C" const fovea_driver fovea_driver_cuda, fovea_driver_opencl;

/* What Halide's hooks of an interface come down to. */
int32_t device_initialize_kernels(void *user_context, void **state, const char *source, int32_t bytes);
int32_t device_run(void *user_context, void *state, const char *entry, const Launch &launch);
extern const halide_device_interface_t kDeviceInterface;

} // namespace fovea

/* How the runtime's core reaches a device. */
struct fovea_driver {
  /* Bytes of the workspace for what the host keeps. */
  int64_t (*room)(const fovea_program *program);
  int32_t (*create)(fovea_handle *handle, const fovea_options *options, void *room, char *message);
  void (*destroy)(fovea_handle *handle);
  /* Around a call: brings the arguments to the device and the outputs back. */
  int32_t (*begin)(fovea_handle *handle, const fovea_entry *entry, const int64_t *sizes, void *const *pointers);
  int32_t (*finish)(fovea_handle *handle, const fovea_entry *entry, const int64_t *sizes, void *const *pointers);
  /* After a launch: 0, or the call's failure. */
  int32_t (*launched)(fovea_handle *handle);
  /* Copies bytes of the state from the device to the host's mirror of it, or back. */
  int32_t (*fetch)(fovea_handle *handle, int64_t offset, int64_t bytes);
  int32_t (*store)(fovea_handle *handle, int64_t offset, int64_t bytes);
};

#endif
