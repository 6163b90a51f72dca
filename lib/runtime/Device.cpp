// What all devices have in common: one allocation for state, arena, arguments and scratch; arguments copied in and out;
// and Halide's hooks, which kernels call. Kernels' own failures are kept for the call, because products ignore them.
#include "Device.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace fovea;

//===-- The table -------------------------------------------------------------------------------------------------===//

static uint32_t place_of(const void *key, int32_t capacity) {
  return static_cast<uint32_t>((reinterpret_cast<uint64_t>(key) * 0x9e3779b97f4a7c15) >> 32) & (capacity - 1);
}

void **PointerTable::find(const void *key) const {
  if (!capacity) return nullptr;
  for (uint32_t at = place_of(key, capacity); entries[at].key; at = (at + 1) & (capacity - 1))
    if (entries[at].key == key) return &entries[at].value;
  return nullptr;
}

bool PointerTable::reserve() {
  if (2 * (count + 1) <= capacity) return true;
  PointerTable larger = {nullptr, 0, capacity ? 2 * capacity : 64};
  larger.entries = static_cast<Entry *>(calloc(larger.capacity, sizeof(Entry)));
  if (!larger.entries) return false;
  for (int32_t i = 0; i < capacity; ++i)
    if (entries[i].key) larger.insert(entries[i].key, entries[i].value);
  free(entries);
  *this = larger;
  return true;
}

void PointerTable::insert(const void *key, void *value) {
  uint32_t at = place_of(key, capacity);
  while (entries[at].key) at = (at + 1) & (capacity - 1);
  entries[at] = {key, value};
  ++count;
}

namespace {

/// The calling thread works with the device.
struct Entered {
  OpenDevice *device;
  explicit Entered(OpenDevice *device) : device(device) { device->api->enter(device); }
  ~Entered() { device->api->leave(device); }
};

constexpr int64_t kDeviceAlignment = FOVEA_DEVICE_ALIGNMENT;
constexpr int64_t kArgumentAlignment = 16; // of what a thread reads or writes at once

int64_t round_up_device(int64_t bytes) { return (bytes + kDeviceAlignment - 1) / kDeviceAlignment * kDeviceAlignment; }

int64_t argument_bytes(const fovea_model *model, const fovea_tensor *argument, const int64_t *sizes) {
  int64_t count = fovea_dtype_bytes(argument->dtype);
  for (int32_t i = 0; i < argument->rank; ++i)
    count *= affine(argument->shape + i * (1 + model->size_count), sizes, model->size_count);
  return count;
}

/// Bytes for the arguments of the entry with the most, with these sizes.
int64_t staging_bytes(const fovea_model *model, const fovea_program *program, const int64_t *sizes) {
  int64_t most = 0;
  for (int32_t i = 0; i < program->entry_count; ++i) {
    int64_t bytes = 0;
    for (int32_t j = 0; j < program->entries[i].argument_count; ++j)
      bytes += round_up_device(argument_bytes(model, &program->entries[i].arguments[j], sizes));
    if (bytes > most) most = bytes;
  }
  return most;
}

/// What went wrong, for the handle's message: an error of the interface, or 0, and `details`.
int32_t fail_device(fovea_handle *handle, const char *doing, int32_t error, int32_t code = FOVEA_DEVICE_ERROR) {
  OpenDevice *device = handle->device;
  char text[FOVEA_MESSAGE_BYTES];
  const char *why = error ? device->api->explain(device, error, text) : "";
  if (!device->failure)
    fail(handle, code, "%s: %s failed: %.300s%s%.200s", handle->entry ? handle->entry : "create", doing, why,
         error && device->details[0] ? ": " : "", device->details);
  device->details[0] = 0;
  device->failure = device->failure ? device->failure : code;
  return device->failure;
}

int32_t fail_details(fovea_handle *handle, const char *doing, int32_t code, const char *format, ...) {
  OpenDevice *device = handle->device;
  va_list values;
  va_start(values, format);
  vsnprintf(device->details, sizeof device->details, format, values);
  va_end(values);
  return fail_device(handle, doing, 0, code);
}

int64_t room(const fovea_program *program) {
  int64_t most = 0;
  for (int32_t i = 0; i < program->entry_count; ++i)
    if (program->entries[i].argument_count > most) most = program->entries[i].argument_count;
  return sizeof(OpenDevice) + most * sizeof(void *);
}

int32_t copy_state(fovea_handle *handle, int64_t offset, int64_t bytes, bool to_device) {
  OpenDevice *device = handle->device;
  if (!bytes) return FOVEA_OK;
  Entered entered(device);
  device->failure = 0;
  uint8_t *mirror = handle->state + offset;
  uint64_t address = device->state + offset;
  int32_t error = to_device ? device->api->copy_in(device, address, mirror, bytes)
                            : device->api->copy_out(device, mirror, address, bytes);
  if (!error) error = device->api->wait(device); // the mirror may change at once
  if (!error) return FOVEA_OK;
  return fail_device(handle, to_device ? "copying state to the device" : "copying state from the device", error);
}

int32_t store_state(fovea_handle *handle, int64_t offset, int64_t bytes) {
  return copy_state(handle, offset, bytes, true);
}
int32_t fetch_state(fovea_handle *handle, int64_t offset, int64_t bytes) {
  return copy_state(handle, offset, bytes, false);
}

void destroy(fovea_handle *handle) {
  OpenDevice *device = handle->device;
  {
    Entered entered(device);
    device->api->wait(device);
    for (int32_t i = 0; i < device->constants.capacity; ++i)
      if (device->constants.entries[i].key)
        device->api->release(device, reinterpret_cast<uint64_t>(device->constants.entries[i].value));
    if (device->memory) device->api->release(device, device->memory);
  }
  device->api->close(device);
  free(device->modules.entries);
  free(device->functions.entries);
  free(device->constants.entries);
}

int32_t begin(fovea_handle *handle, const fovea_entry *entry, const int64_t *sizes, void *const *pointers) {
  OpenDevice *device = handle->device;
  Entered entered(device);
  device->failure = 0;
  device->scratch_used = 0;
  uint64_t next = device->staging;
  for (int32_t i = 0; i < entry->argument_count; ++i) {
    const fovea_tensor *argument = &entry->arguments[i];
    char where[64];
    int32_t usable = argument->role == FOVEA_SCALAR ? 0 : device->api->locate(device, pointers[i], where);
    if (usable < 0)
      return fail(handle, FOVEA_INVALID_ARGUMENT,
                  "%s: argument '%s' is %s; give memory of the host or of device %d, on which the model is",
                  entry->name, argument->name, where, device->index);
    if (usable && reinterpret_cast<uint64_t>(pointers[i]) % kArgumentAlignment)
      return fail(handle, FOVEA_INVALID_ARGUMENT,
                  "%s: argument '%s' is memory of the device at %p; give it at a multiple of %lld bytes", entry->name,
                  argument->name, pointers[i], (long long)kArgumentAlignment);
    device->pointers[i] = pointers[i];
    if (usable) continue;
    int64_t bytes = argument_bytes(handle->model, argument, sizes);
    device->pointers[i] = reinterpret_cast<void *>(next);
    int32_t error = argument->role == FOVEA_OUTPUT ? 0 : device->api->copy_in(device, next, pointers[i], bytes);
    if (error) return fail_device(handle, "copying an input to the device", error);
    next += round_up_device(bytes);
  }
  handle->pointers = device->pointers;
  return FOVEA_OK;
}

int32_t finish(fovea_handle *handle, const fovea_entry *entry, const int64_t *sizes, void *const *pointers) {
  OpenDevice *device = handle->device;
  if (device->failure) return device->failure;
  Entered entered(device);
  bool copies = false;
  for (int32_t i = 0; i < entry->argument_count; ++i) {
    const fovea_tensor *argument = &entry->arguments[i];
    if (device->pointers[i] == pointers[i]) continue;
    copies = true; // inputs too may change when the call has returned
    if (argument->role != FOVEA_OUTPUT) continue;
    int32_t error = device->api->copy_out(device, pointers[i], reinterpret_cast<uint64_t>(device->pointers[i]),
                                          argument_bytes(handle->model, argument, sizes));
    if (error) return fail_device(handle, "copying an output from the device", error);
  }
  int32_t error = copies ? device->api->wait(device) : 0;
  return error ? fail_device(handle, "waiting for the device", error) : FOVEA_OK;
}

int32_t launched(fovea_handle *handle) {
  OpenDevice *device = handle->device;
  device->scratch_used = 0; // the device runs kernels one after another
  if (!device->failure && handle->profile) {
    Entered entered(device);
    if (int32_t error = device->api->wait(device)) return fail_device(handle, "waiting for the device", error);
  }
  return device->failure;
}

int32_t fail_memory(fovea_handle *handle, const char *doing) {
  return fail_details(handle, doing, FOVEA_OUT_OF_MEMORY, "the host has no memory for the table of what is there");
}

OpenDevice *device_of(void *user_context) { return static_cast<Worker *>(user_context)->handle->device; }

int32_t create(fovea_handle *handle, const fovea_options *options, const DeviceApi *api, void *room, char *message) {
  const fovea_program *program = handle->program;
  const fovea_model *model = handle->model;
  OpenDevice *device = static_cast<OpenDevice *>(room);
  memset(device, 0, sizeof *device);
  device->pointers = reinterpret_cast<void **>(device + 1);
  device->api = api;
  device->handle = handle;
  device->index = options->device;
  device->scratch_bytes = program->device_scratch_bytes;
  handle->device = device;
  if (int32_t code = api->open(device, model, program, options->device, options->stream, message)) return code;
  int64_t state = round_up_device(program->state_bytes),
          arena = round_up_device(affine(program->arena_bytes, handle->sizes, model->size_count)),
          staging = staging_bytes(model, program, handle->sizes), scratch = round_up_device(device->scratch_bytes),
          bytes = state + arena + staging + scratch + kDeviceAlignment;
  int32_t error;
  {
    Entered entered(device);
    error = api->allocate(device, bytes, &device->memory);
  }
  if (error) {
    char text[FOVEA_MESSAGE_BYTES];
    fail(message, model, FOVEA_OUT_OF_MEMORY, "device %d: %lld bytes could not be allocated: %.300s; use smaller sizes",
         device->index, (long long)bytes, api->explain(device, error, text));
    api->close(device);
    return FOVEA_OUT_OF_MEMORY;
  }
  device->state = device->memory;
  device->arena = device->state + state;
  device->staging = device->arena + arena;
  device->scratch = device->staging + staging;
  handle->kernel_state = reinterpret_cast<uint8_t *>(device->state);
  handle->arena = reinterpret_cast<uint8_t *>(device->arena);
  return FOVEA_OK;
}

} // namespace

#define FOVEA_DRIVER(name, api)                                                                                        \
  static int32_t create_##name(fovea_handle *handle, const fovea_options *options, void *room, char *message) {        \
    return create(handle, options, &api, room, message);                                                               \
  }                                                                                                                    \
  extern "C" const fovea_driver fovea_driver_##name = {room,   create_##name, destroy,     begin,                      \
                                                       finish, launched,      fetch_state, store_state};

namespace fovea {
extern const DeviceApi kCudaApi, kOpenClApi;
}
FOVEA_DRIVER(cuda, kCudaApi)
FOVEA_DRIVER(opencl, kOpenClApi)

//===-- Halide's hooks --------------------------------------------------------------------------------------------===//

// The kernel's source itself stands for it: the module belongs to a handle, the slot to all of them.
int32_t fovea::device_initialize_kernels(void *user_context, void **state, const char *source, int32_t bytes) {
  OpenDevice *device = device_of(user_context);
  __atomic_store_n(state, const_cast<char *>(source), __ATOMIC_RELAXED);
  if (device->failure || device->modules.find(source)) return 0;
  if (!device->modules.reserve()) return fail_memory(device->handle, "loading a kernel");
  Entered entered(device);
  void *module;
  int32_t error = device->api->load(device, source, bytes, &module);
  if (error) return fail_device(device->handle, "loading a kernel", error);
  device->modules.insert(source, module);
  return 0;
}

/// A constant of a kernel lies in the library; the device gets a copy of it, once.
static uint64_t constant_on_device(OpenDevice *device, const halide_buffer_t *buffer) {
  constexpr char doing[] = "copying a constant to the device";
  if (void **known = device->constants.find(buffer->host)) return reinterpret_cast<uint64_t>(*known);
  uint64_t address = 0;
  size_t bytes = buffer->size_in_bytes();
  if (!device->constants.reserve()) return fail_memory(device->handle, doing), address;
  if (int32_t error = device->api->allocate(device, bytes, &address))
    return fail_device(device->handle, doing, error), address;
  int32_t error = device->api->copy_in(device, address, buffer->host, bytes);
  if (!error) error = device->api->wait(device);
  if (error) {
    device->api->release(device, address);
    return fail_device(device->handle, doing, error), 0;
  }
  device->constants.insert(buffer->host, reinterpret_cast<void *>(address));
  return address;
}

int32_t fovea::device_run(void *user_context, void *state, const char *entry, const Launch &launch) {
  OpenDevice *device = device_of(user_context);
  if (device->failure) return device->failure;
  Entered entered(device);
  void *function, **known = device->functions.find(entry);
  if (known) {
    function = *known;
  } else {
    if (!device->functions.reserve()) return fail_memory(device->handle, "finding a kernel");
    int32_t error = device->api->find(device, *device->modules.find(state), entry, &function);
    if (error) return fail_device(device->handle, "finding a kernel", error);
    device->functions.insert(entry, function);
  }
  // Nothing runs where there is nothing to do.
  for (int32_t i = 0; i < 3; ++i)
    if (launch.blocks[i] <= 0 || launch.threads[i] <= 0) return 0;
  constexpr int32_t kMaxArguments = 512; // CUDA takes 4096 bytes of them
  uint64_t addresses[kMaxArguments];
  void *arguments[kMaxArguments];
  int32_t count = 0;
  for (; launch.sizes[count]; ++count) {
    if (count == kMaxArguments)
      return fail_details(device->handle, "launching a kernel", FOVEA_DEVICE_ERROR,
                          "it has more than %d arguments: join some of its inputs before", kMaxArguments);
    arguments[count] = launch.arguments[count];
    if (!launch.is_buffer[count]) continue;
    const halide_buffer_t *buffer = static_cast<const halide_buffer_t *>(launch.arguments[count]);
    addresses[count] = buffer->device ? buffer->device : constant_on_device(device, buffer);
    arguments[count] = &addresses[count];
  }
  if (device->failure) return device->failure;
  Launch resolved = launch;
  resolved.arguments = arguments;
  int32_t error = device->api->launch(device, function, resolved);
  return error ? fail_device(device->handle, "launching a kernel", error) : 0;
}

extern "C" {

int halide_device_malloc(void *user_context, halide_buffer_t *buffer, const halide_device_interface_t *) {
  OpenDevice *device = device_of(user_context);
  if (buffer->device) return 0;
  int64_t bytes = round_up_device(buffer->size_in_bytes());
  if (bytes > device->scratch_bytes - device->scratch_used) {
    return fail_details(device->handle, "a kernel's intermediate", FOVEA_DEVICE_ERROR,
                        "it asks for %lld bytes, %lld are left: its plan is too small, a defect", (long long)bytes,
                        (long long)(device->scratch_bytes - device->scratch_used));
  }
  buffer->device = device->scratch + device->scratch_used;
  buffer->device_interface = &kDeviceInterface;
  device->scratch_used += bytes;
  return 0;
}

int halide_device_free(void *, halide_buffer_t *buffer) {
  buffer->device = 0;
  return 0;
}
void halide_device_free_as_destructor(void *, void *buffer) { static_cast<halide_buffer_t *>(buffer)->device = 0; }

// Arguments are there already, and constants go when a kernel reads them.
int halide_copy_to_device(void *, halide_buffer_t *, const halide_device_interface_t *) { return 0; }
int halide_copy_to_host(void *user_context, halide_buffer_t *) {
  return fail_details(device_of(user_context)->handle, "a kernel", FOVEA_DEVICE_ERROR,
                      "a stage of it would run on the host, a defect");
}

} // extern "C"

const halide_device_interface_t fovea::kDeviceInterface = {};
