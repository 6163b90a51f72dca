// A handle's life: create, call, destroy. Everything a handle needs lies in one workspace, which is laid out here:
// the handle itself, its workers, the state, the arena, and scratch for the caller and for each worker.
#include "Device.h"

#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace fovea;

namespace {

thread_local char create_message[FOVEA_MESSAGE_BYTES];

constexpr int64_t kEndless = INT64_MAX; // what a number of bytes too large for 64 bits counts as

int64_t add(int64_t a, int64_t b) { return __builtin_add_overflow(a, b, &a) ? kEndless : a; }
int64_t multiply(int64_t a, int64_t b) { return __builtin_mul_overflow(a, b, &a) ? kEndless : a; }

int64_t saturating_affine(const int64_t *row, const int64_t *sizes, int32_t size_count) {
  int64_t value = row[0];
  for (int32_t i = 0; i < size_count; ++i) value = add(value, multiply(row[1 + i], sizes[i]));
  return value;
}

// Offsets of the parts from the aligned start of the workspace.
struct Layout {
  int64_t workers, device, state, arena, scratch, worker_scratch, bytes;
  int64_t scratch_slot, worker_slot; // bytes of the caller's and of each worker's
};

Layout lay_out(const fovea_model *model, const fovea_program *program, const int64_t *sizes, int32_t threads) {
  auto place = [end = int64_t{0}](int64_t bytes) mutable {
    int64_t offset = end;
    end = add(end, bytes > kEndless - kAlignment ? kEndless : round_up(bytes));
    return offset;
  };
  Layout layout;
  place(sizeof(fovea_handle));
  layout.workers = place((threads - 1) * sizeof(Worker));
  layout.device = place(program->driver ? program->driver->room(program) : 0);
  layout.state = place(program->state_bytes);
  layout.arena = place(program->driver ? 0 : saturating_affine(program->arena_bytes, sizes, model->size_count));
  layout.scratch_slot = round_up(program->scratch_bytes);
  layout.worker_slot = round_up(program->worker_scratch_bytes);
  layout.scratch = place(layout.scratch_slot);
  layout.worker_scratch = place(multiply(threads - 1, layout.worker_slot));
  layout.bytes = place(0);
  return layout;
}

int32_t check_options(const fovea_model *model, const fovea_options *options) {
  constexpr int32_t code = FOVEA_INVALID_ARGUMENT;
  if (model->abi_version != FOVEA_ABI_VERSION)
    return fail(create_message, model, code,
                "the generated code has ABI version %u and the runtime %d: link the parts of one Fovea",
                model->abi_version, FOVEA_ABI_VERSION);
  if (!options) return fail(create_message, model, code, "options is null");
  size_t least = offsetof(fovea_options, sizes) + model->size_count * sizeof(int64_t);
  if (options->struct_size < least || options->struct_size > sizeof(fovea_options))
    return fail(create_message, model, code,
                "options.struct_size is %u, this library expects %zu to %zu: initialize options with the header's "
                "default",
                options->struct_size, least, sizeof(fovea_options));
  if (options->threads < 0 || options->threads > kMaxThreads)
    return fail(create_message, model, code, "options.threads is %d: it must be 1 to %d, or 0 for one thread",
                options->threads, kMaxThreads);
  if (!options->allocate != !options->release)
    return fail(create_message, model, code, "options.%s is given without options.%s: give both or neither",
                options->allocate ? "allocate" : "release", options->allocate ? "release" : "allocate");
  for (int32_t i = 0; i < model->size_count; ++i)
    if (options->sizes[i] < 1)
      return fail(create_message, model, code, "options.sizes.%s is %lld: it must be at least 1", model->size_names[i],
                  (long long)options->sizes[i]);
  return FOVEA_OK;
}

struct SizesText { // "batch 64, tokens 5"
  char characters[160] = "";

  SizesText(const fovea_model *model, const int64_t *sizes) {
    for (int32_t i = 0; i < model->size_count; ++i) {
      size_t used = strlen(characters);
      snprintf(characters + used, sizeof characters - used, "%s%s %lld", i ? ", " : "", model->size_names[i],
               (long long)sizes[i]);
    }
  }
};

bool tensors_addressable(const fovea_model *model, const fovea_program *program, const int64_t *sizes) {
  int64_t largest = saturating_affine(program->largest_bytes, sizes, model->size_count);
  if (largest < int64_t{1} << 31) return true;
  fail(create_message, model, FOVEA_INVALID_ARGUMENT,
       "the largest tensor would take %s%lld bytes at %s; kernels address less than 2147483648: use smaller sizes",
       largest == kEndless ? "more than " : "", (long long)largest, SizesText(model, sizes).characters);
  return false;
}

// Returns the workspace's start, not yet aligned, or NULL with a message. *owned is what destroy releases.
void *obtain_workspace(const fovea_model *model, const fovea_options *options, int32_t threads, void **owned) {
  size_t bytes = fovea_workspace_bytes(model, options->sizes, threads);
  *owned = nullptr;
  if (!options->workspace) {
    *owned = options->allocate ? options->allocate(options->allocator_context, bytes, kAlignment)
                               : aligned_alloc(kAlignment, bytes);
    if (!*owned) fail(create_message, model, FOVEA_OUT_OF_MEMORY, "workspace: %zu bytes could not be allocated", bytes);
    return *owned;
  }
  if (options->workspace_bytes >= bytes) return options->workspace;
  fail(create_message, model, FOVEA_INVALID_ARGUMENT, "workspace: %zu bytes given, %zu needed for %s%s%d thread%s",
       options->workspace_bytes, bytes, SizesText(model, options->sizes).characters, model->size_count ? " and " : "",
       threads, threads == 1 ? "" : "s");
  return nullptr;
}

void prepare_worker(Worker *worker, fovea_handle *handle, int32_t index, uint8_t *scratch, int64_t scratch_bytes) {
  worker->handle = handle;
  worker->index = index;
  worker->scratch = scratch;
  worker->scratch_bytes = scratch_bytes;
  worker->newest_block = -1;
  worker->task = -1;
}

} // namespace

static void write_failure(char *message, const fovea_model *model, const char *format, va_list values) {
  int used = snprintf(message, FOVEA_MESSAGE_BYTES, "model '%.100s': ", model->name);
  vsnprintf(message + used, FOVEA_MESSAGE_BYTES - used, format, values);
}

int32_t fovea::fail(char *message, const fovea_model *model, int32_t code, const char *format, ...) {
  va_list values;
  va_start(values, format);
  write_failure(message, model, format, values);
  va_end(values);
  return code;
}

int32_t fovea::fail(fovea_handle *handle, int32_t code, const char *format, ...) {
  va_list values;
  va_start(values, format);
  write_failure(handle->message, handle->model, format, values);
  va_end(values);
  return code;
}

size_t fovea_workspace_bytes(const fovea_model *model, const int64_t *sizes, int32_t threads) {
  if (threads == 0) threads = 1;
  if (threads < 0 || threads > kMaxThreads) return 0;
  for (int32_t i = 0; i < model->size_count; ++i)
    if (sizes[i] < 1) return 0;
  int64_t bytes = 0;
  for (int32_t i = 0; i < model->program_count; ++i) {
    int64_t needed = lay_out(model, &model->programs[i], sizes, threads).bytes;
    if (needed > bytes) bytes = needed;
  }
  return add(bytes, kAlignment); // the caller's memory may start anywhere
}

// The handle with everything in its workspace but for the device.
static fovea_handle *create_on_host(const fovea_model *model, const fovea_options *options,
                                    const fovea_program *program) {
  int32_t threads = options->threads ? options->threads : 1;
  void *owned, *workspace = obtain_workspace(model, options, threads, &owned);
  if (!workspace) return nullptr;

  uint8_t *base = reinterpret_cast<uint8_t *>(round_up(reinterpret_cast<intptr_t>(workspace)));
  Layout layout = lay_out(model, program, options->sizes, threads);
  memset(base, 0, layout.arena); // the handle, the workers, and the state with its padding
  fovea_handle *handle = reinterpret_cast<fovea_handle *>(base);
  handle->workers = reinterpret_cast<Worker *>(base + layout.workers);
  prepare_worker(&handle->caller, handle, 0, base + layout.scratch, layout.scratch_slot);
  for (int32_t i = 0; i < threads - 1; ++i)
    prepare_worker(&handle->workers[i], handle, i + 1, base + layout.worker_scratch + i * layout.worker_slot,
                   layout.worker_slot);
  handle->threads = threads;
  handle->model = model;
  handle->program = program;
  memcpy(handle->sizes, options->sizes, model->size_count * sizeof(int64_t));
  handle->state = handle->kernel_state = base + layout.state;
  handle->arena = base + layout.arena;
  handle->memory = owned;
  handle->release = options->release;
  handle->allocator_context = options->allocator_context;
  handle->profile = options->profile;
  handle->profile_context = options->profile_context;
  return handle;
}

// The handle lies in the memory that is released.
static void release_memory(fovea_handle *handle) {
  if (void *memory = handle->memory)
    handle->release ? handle->release(handle->allocator_context, memory) : free(memory);
}

static fovea_handle *create_for(const fovea_model *model, const fovea_options *options, const fovea_program *program) {
  if (!program || !tensors_addressable(model, program, options->sizes)) return nullptr;
  fovea_handle *handle = create_on_host(model, options, program);
  if (!handle) return nullptr;
  const fovea_driver *driver = program->driver;
  void *room = reinterpret_cast<uint8_t *>(handle) + lay_out(model, program, options->sizes, handle->threads).device;
  if (driver && driver->create(handle, options, room, create_message)) {
    release_memory(handle);
    return nullptr;
  }
  if (!start_threads(handle, create_message)) {
    if (driver) driver->destroy(handle);
    release_memory(handle);
    return nullptr;
  }
  initialize_state(handle, options->seed);
  if (!driver || !driver->store(handle, 0, program->state_bytes)) return handle;
  memcpy(create_message, handle->message, sizeof create_message);
  fovea_destroy(handle);
  return nullptr;
}

fovea_handle *fovea_create(const fovea_model *model, const fovea_options *options) {
  if (check_options(model, options)) return nullptr;
  uint64_t features = machine_cpu_features();
  const fovea_program *program = select_program(model, options->target, features, false, create_message);
  fovea_handle *handle = create_for(model, options, program);
  if (handle || !program || !program->driver || options->target || !options->cpu_fallback) return handle;
  return create_for(model, options, select_program(model, nullptr, features, true, create_message));
}

void fovea_destroy(fovea_handle *handle) {
  if (!handle) return;
  stop_threads(handle, handle->threads - 1);
  if (handle->device) handle->program->driver->destroy(handle);
  release_memory(handle);
}

const char *fovea_last_error(const fovea_handle *handle) { return handle ? handle->message : create_message; }

const char *fovea_target(const fovea_handle *handle) { return handle->program->target; }

int32_t fovea_call(fovea_handle *handle, int32_t entry_index, const int64_t *sizes, void *const *pointers) {
  if (!handle) return FOVEA_INVALID_ARGUMENT;
  const fovea_entry *entry = &handle->program->entries[entry_index];
  const fovea_model *model = handle->model;
  handle->message[0] = 0;
  handle->entry = entry->name;
  handle->pointers = pointers;
  for (int32_t i = 0; i < model->size_count; ++i) {
    const char *size = model->size_names[i];
    if (sizes[i] < 1)
      return fail(handle, FOVEA_INVALID_ARGUMENT, "%s: %s is %lld: it must be at least 1", entry->name, size,
                  (long long)sizes[i]);
    if (sizes[i] > handle->sizes[i])
      return fail(handle, FOVEA_INVALID_ARGUMENT, "%s: %s %lld is beyond the %lld given at create", entry->name, size,
                  (long long)sizes[i], (long long)handle->sizes[i]);
  }
  for (int32_t i = 0; i < entry->argument_count; ++i)
    if (!pointers[i])
      return fail(handle, FOVEA_INVALID_ARGUMENT, "%s: argument '%s' is null", entry->name, entry->arguments[i].name);
  const fovea_driver *driver = handle->program->driver;
  if (driver)
    if (int32_t code = driver->begin(handle, entry, sizes, pointers)) return code;
  if (handle->profile) handle->launch_start = monotonic_seconds();
  int32_t status = entry->run(handle, sizes);
  if (driver) return driver->finish(handle, entry, sizes, pointers);
  return status ? FOVEA_KERNEL_ERROR : FOVEA_OK;
}
