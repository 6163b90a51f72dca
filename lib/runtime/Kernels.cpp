// What the generated host program and its kernels call while an entry point runs: buffer views, the launch hook, and
// Halide's hooks for memory and errors. Nothing here allocates from the system.
#include "Device.h"

#include <HalideRuntime.h>
#include <cstdio>
#include <cstring>
#include <ctime>

using namespace fovea;

namespace {

// In front of every scratch allocation, which it keeps aligned.
struct alignas(kAlignment) Block {
  int64_t previous; // offset of the block allocated before it, -1: none
  bool freed;
};
static_assert(sizeof(Block) == FOVEA_SCRATCH_OVERHEAD, "emit adds this up for each allocation");

struct Buffer {
  halide_buffer_t header;
  halide_dimension_t dimensions[FOVEA_MAX_RANK];
};
static_assert(sizeof(Buffer) <= sizeof(fovea_buffer), "generated code reserves a fovea_buffer");

} // namespace

double fovea::monotonic_seconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec + now.tv_nsec * 1e-9;
}

void fovea_wrap(fovea_handle *handle, const int64_t *sizes, int32_t count, const int64_t *places,
                fovea_buffer *buffers) {
  int32_t size_count = handle->model->size_count, row = 1 + size_count;
  for (int32_t index = 0; index < count; ++index, places += 2 + row) {
    int64_t region = places[0];
    const fovea_view *view = &handle->model->views[places[1]];
    uint8_t *start = region == 0   ? handle->kernel_state
                     : region == 1 ? handle->arena
                                   : static_cast<uint8_t *>(handle->pointers[region - 2]);
    Buffer *buffer = reinterpret_cast<Buffer *>(buffers + index);
    buffer->header = halide_buffer_t();
    uint8_t *address = start + affine(places + 2, sizes, size_count);
    if (handle->device)
      buffer->header.device = reinterpret_cast<uint64_t>(address);
    else
      buffer->header.host = address;
    buffer->header.type = halide_type_t(static_cast<halide_type_code_t>(view->type_code), view->type_bits);
    buffer->header.dimensions = view->rank;
    buffer->header.dim = buffer->dimensions;
    for (int32_t i = 0; i < view->rank; ++i)
      buffer->dimensions[view->rank - 1 - i] =
          halide_dimension_t(0, static_cast<int32_t>(affine(view->extents + i * row, sizes, size_count)),
                             static_cast<int32_t>(affine(view->strides + i * row, sizes, size_count)));
  }
}

int32_t fovea_launched(fovea_handle *handle, const char *kernel, int32_t status) {
  if (handle->device) status = handle->program->driver->launched(handle);
  if (handle->profile) {
    handle->profile(handle->profile_context, kernel, monotonic_seconds() - handle->launch_start);
    handle->launch_start = monotonic_seconds();
  }
  if (!status) return 0;
  if (!handle->message[0]) fail(handle, FOVEA_KERNEL_ERROR, "%s: failed with code %d", handle->entry, status);
  size_t used = strlen(handle->message);
  snprintf(handle->message + used, sizeof handle->message - used, " (in kernel '%s')", kernel);
  return status;
}

// Keeps the message of the task with the lowest index, and of one task the first: like the code that
// halide_do_par_for returns, it does not depend on which thread ran when.
extern "C" void halide_error(void *user_context, const char *text) {
  Worker *worker = static_cast<Worker *>(user_context);
  fovea_handle *handle = worker->handle;
  int length = static_cast<int>(strcspn(text, "\n"));
  pthread_mutex_lock(&handle->pool.mutex);
  if (!handle->message[0] || worker->task < handle->message_task) {
    fail(handle, FOVEA_KERNEL_ERROR, "%s: %.*s", handle->entry, length, text);
    handle->message_task = worker->task;
  }
  pthread_mutex_unlock(&handle->pool.mutex);
}

extern "C" void *halide_malloc(void *user_context, size_t bytes) {
  Worker *worker = static_cast<Worker *>(user_context);
  int64_t free_bytes = worker->scratch_bytes - worker->scratch_used;
  if (free_bytes < (int64_t)sizeof(Block) || bytes > static_cast<size_t>(free_bytes) - sizeof(Block)) {
    char text[160];
    snprintf(text, sizeof text, "scratch: a kernel asks for %zu bytes, %lld are left: its plan is too small, a defect",
             bytes, (long long)free_bytes);
    halide_error(user_context, text);
    return nullptr;
  }
  Block *block = reinterpret_cast<Block *>(worker->scratch + worker->scratch_used);
  block->previous = worker->newest_block;
  block->freed = false;
  worker->newest_block = worker->scratch_used;
  worker->scratch_used += sizeof(Block) + round_up(bytes);
  return block + 1;
}

// Halide frees each allocation after its last use, so not always the newest first: space returns once all that was
// allocated later is free too.
extern "C" void halide_free(void *user_context, void *memory) {
  if (!memory) return;
  Worker *worker = static_cast<Worker *>(user_context);
  (static_cast<Block *>(memory) - 1)->freed = true;
  while (worker->newest_block >= 0) {
    const Block *newest = reinterpret_cast<Block *>(worker->scratch + worker->newest_block);
    if (!newest->freed) return;
    worker->scratch_used = worker->newest_block;
    worker->newest_block = newest->previous;
  }
}
