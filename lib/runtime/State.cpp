// Access to state tensors by their users: by name, and in files. Kernels keep state in any stride order or in panels;
// users and files see it logical and row-major.
#include "Device.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace fovea;

namespace {

constexpr int64_t kChunkBytes = 32768;

int64_t axis_offset(const fovea_tensor *tensor, int32_t axis, int64_t index) {
  if (axis != tensor->panel_axis) return index * tensor->strides[axis];
  return index % tensor->panel_size * tensor->strides[axis] + index / tensor->panel_size * tensor->panel_stride;
}

// Calls copy(element, position, count, stride) for runs of elements that lie `stride` elements apart in the state:
// `element` is the address of the first, `position` its place among the logical elements [first, first + count).
template <typename Copy>
void for_each_run(const fovea_handle *handle, const fovea_tensor *tensor, int64_t first, int64_t count, Copy copy) {
  int64_t element_bytes = fovea_dtype_bytes(tensor->dtype);
  uint8_t *start = handle->state + tensor->offset;
  int32_t last = tensor->rank - 1;
  int64_t width = last < 0 ? 1 : state_dimension(handle, tensor, last);
  for (int64_t position = 0; position < count;) {
    int64_t rest = (first + position) / width, column = (first + position) % width, offset = 0;
    for (int32_t axis = last - 1; axis >= 0; --axis) {
      int64_t dimension = state_dimension(handle, tensor, axis);
      offset += axis_offset(tensor, axis, rest % dimension);
      rest /= dimension;
    }
    int64_t run = width - column < count - position ? width - column : count - position;
    if (last >= 0) {
      if (last == tensor->panel_axis && tensor->panel_size - column % tensor->panel_size < run)
        run = tensor->panel_size - column % tensor->panel_size;
      offset += axis_offset(tensor, last, column);
    }
    copy(start + offset * element_bytes, position, run, last < 0 ? 1 : tensor->strides[last]);
    position += run;
  }
}

// Copies count elements that lie target_stride and source_stride elements apart.
template <typename Element>
void copy_strided(void *target, int64_t target_stride, const void *source, int64_t source_stride, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    static_cast<Element *>(target)[i * target_stride] = static_cast<const Element *>(source)[i * source_stride];
}

void copy_elements(int64_t element_bytes, void *target, int64_t target_stride, const void *source,
                   int64_t source_stride, int64_t count) {
  if (target_stride == 1 && source_stride == 1) {
    memcpy(target, source, count * element_bytes);
    return;
  }
  switch (element_bytes) {
  case 1:
    return copy_strided<uint8_t>(target, target_stride, source, source_stride, count);
  case 2:
    return copy_strided<uint16_t>(target, target_stride, source, source_stride, count);
  case 4:
    return copy_strided<uint32_t>(target, target_stride, source, source_stride, count);
  default:
    return copy_strided<uint64_t>(target, target_stride, source, source_stride, count);
  }
}

// The description of a state tensor as files hold it.
fovea_safetensors_tensor described(const fovea_handle *handle, const fovea_tensor *tensor) {
  fovea_safetensors_tensor result = {tensor->name, tensor->dtype, tensor->rank, {}, 0, 0};
  for (int32_t i = 0; i < tensor->rank; ++i) result.shape[i] = state_dimension(handle, tensor, i);
  result.bytes = element_count(handle, tensor) * fovea_dtype_bytes(tensor->dtype);
  return result;
}

const char *type_text(const fovea_safetensors_tensor &tensor, char *text) {
  return fovea_type_text(tensor.dtype, tensor.rank, tensor.shape, text);
}

struct Fingerprint {
  char digits[17];
  Fingerprint(const fovea_model *model) { snprintf(digits, sizeof digits, "%016" PRIx64, model->fingerprint); }
};

// Finds the tensor that get and set name and checks the caller's bytes.
int32_t find_state(fovea_handle *handle, const char *function, const char *name, const void *values, size_t bytes,
                   const fovea_tensor **found) {
  handle->message[0] = 0;
  if (!name || !values)
    return fail(handle, FOVEA_INVALID_ARGUMENT, "%s: %s is null", function, name ? "values" : "name");
  for (int64_t i = 0; i < handle->program->state_count; ++i) {
    const fovea_tensor *tensor = &handle->program->state[i];
    if (strcmp(tensor->name, name) != 0) continue;
    fovea_safetensors_tensor description = described(handle, tensor);
    char type[FOVEA_TYPE_TEXT_BYTES];
    if (bytes != static_cast<size_t>(description.bytes))
      return fail(handle, FOVEA_INVALID_ARGUMENT, "%s: '%.100s' is %s, %lld bytes, but %zu are given", function, name,
                  type_text(description, type), (long long)description.bytes, bytes);
    *found = tensor;
    return FOVEA_OK;
  }
  return fail(handle, FOVEA_INVALID_ARGUMENT,
              "%s: there is no state tensor '%.100s'; the generated header lists the %lld that there are", function,
              name, (long long)handle->program->state_count);
}

// The tensor from the device to the host's mirror, or back.
int32_t fetch_tensor(fovea_handle *handle, const fovea_tensor *tensor) {
  return handle->device ? handle->program->driver->fetch(handle, tensor->offset, tensor->bytes) : FOVEA_OK;
}
int32_t store_tensor(fovea_handle *handle, const fovea_tensor *tensor) {
  return handle->device ? handle->program->driver->store(handle, tensor->offset, tensor->bytes) : FOVEA_OK;
}

bool is_float(int32_t dtype) { return dtype == FOVEA_F32 || dtype == FOVEA_F64; }

// An open file that is closed on return.
struct Input {
  fovea_safetensors *file = nullptr;
  ~Input() { fovea_safetensors_close(file); }
};

// What load and load_checkpoint demand of a file; message holds why it is refused.
int32_t check_file(fovea_handle *handle, const fovea_safetensors *file, const char *path, bool checkpoint) {
  const fovea_model *model = handle->model;
  const char *function = checkpoint ? "load_checkpoint" : "load";
  const char *format = fovea_safetensors_value(file, "fovea");
  bool is_checkpoint = format && strcmp(format, "checkpoint") == 0;
  if (checkpoint) {
    if (!is_checkpoint)
      return fail(
          handle, FOVEA_BAD_FILE,
          "%s: '%.200s' is no checkpoint of Fovea (its metadata does not say so); to read parameters alone, use "
          "load",
          function, path);
    const char *name = fovea_safetensors_value(file, "model"), *print = fovea_safetensors_value(file, "fingerprint");
    if (!print || strcmp(print, Fingerprint(model).digits) != 0)
      return fail(handle, FOVEA_BAD_FILE,
                  "%s: '%.200s' is a checkpoint of model '%.60s' with fingerprint %.16s; this is model '%.60s' with "
                  "fingerprint %s",
                  function, path, name ? name : "", print ? print : "(none)", model->name, Fingerprint(model).digits);
  }
  int64_t expected = 0;
  for (int64_t i = 0; i < handle->program->state_count; ++i) {
    const fovea_tensor *tensor = &handle->program->state[i];
    if (!checkpoint && tensor->role != FOVEA_PARAMETER) continue;
    ++expected;
    const fovea_safetensors_tensor *found = fovea_safetensors_find(file, tensor->name);
    if (!found)
      return fail(handle, FOVEA_BAD_FILE, "%s: '%.200s' has no tensor '%.100s', which the model needs", function, path,
                  tensor->name);
    fovea_safetensors_tensor wanted = described(handle, tensor);
    bool dtype_fits = found->dtype == wanted.dtype || (!checkpoint && is_float(found->dtype) && is_float(wanted.dtype));
    char given[FOVEA_TYPE_TEXT_BYTES], needed[FOVEA_TYPE_TEXT_BYTES];
    if (!dtype_fits || found->rank != wanted.rank || memcmp(found->shape, wanted.shape, sizeof wanted.shape) != 0)
      return fail(handle, FOVEA_BAD_FILE, "%s: '%.120s': tensor '%.80s' is %.100s; the model needs %.100s", function,
                  path, tensor->name, type_text(*found, given), type_text(wanted, needed));
  }
  if (fovea_safetensors_count(file) == expected || (is_checkpoint && !checkpoint)) return FOVEA_OK;
  for (int64_t i = 0;; ++i) { // there is one: names are distinct, and all that are expected were found
    const char *name = fovea_safetensors_at(file, i)->name;
    bool known = false;
    for (int64_t j = 0; j < handle->program->state_count && !known; ++j) {
      const fovea_tensor *tensor = &handle->program->state[j];
      known = (checkpoint || tensor->role == FOVEA_PARAMETER) && strcmp(tensor->name, name) == 0;
    }
    if (!known)
      return fail(handle, FOVEA_BAD_FILE,
                  "%s: '%.200s' has a tensor '%.100s' that is no %s of the model; remove it from "
                  "the file",
                  function, path, name, checkpoint ? "state" : "parameter");
  }
}

int32_t read_tensor(fovea_handle *handle, const fovea_safetensors *file, const fovea_tensor *tensor, char *message) {
  const fovea_safetensors_tensor *source = fovea_safetensors_find(file, tensor->name);
  int64_t source_bytes = fovea_dtype_bytes(source->dtype);
  int64_t count = source->bytes / source_bytes, step = kChunkBytes / source_bytes;
  for (int64_t first = 0; first < count; first += step) {
    int64_t length = count - first < step ? count - first : step;
    double bytes[kChunkBytes / sizeof(double)];
    double doubles[kChunkBytes / sizeof(float)];
    float *floats = reinterpret_cast<float *>(doubles);
    if (int32_t code =
            fovea_safetensors_read(file, source, first * source_bytes, length * source_bytes, bytes, message))
      return code;
    const void *values = bytes;
    if (source->dtype != tensor->dtype && tensor->dtype == FOVEA_F64) {
      for (int64_t i = 0; i < length; ++i) doubles[i] = reinterpret_cast<const float *>(bytes)[i];
      values = doubles;
    } else if (source->dtype != tensor->dtype) {
      for (int64_t i = 0; i < length; ++i) floats[i] = static_cast<float>(bytes[i]);
      values = floats;
    }
    write_elements(handle, tensor, first, length, values);
  }
  return store_tensor(handle, tensor);
}

int32_t load(fovea_handle *handle, const char *path, bool checkpoint) {
  if (!handle) return FOVEA_INVALID_ARGUMENT;
  handle->message[0] = 0;
  const char *function = checkpoint ? "load_checkpoint" : "load";
  if (!path) return fail(handle, FOVEA_INVALID_ARGUMENT, "%s: path is null", function);
  char message[FOVEA_MESSAGE_BYTES];
  Input input;
  if (int32_t code = fovea_safetensors_open(path, &input.file, message))
    return fail(handle, code, "%s: %s", function, message);
  if (int32_t code = check_file(handle, input.file, path, checkpoint)) return code;
  for (int64_t i = 0; i < handle->program->state_count; ++i) {
    const fovea_tensor *tensor = &handle->program->state[i];
    if (!checkpoint && tensor->role != FOVEA_PARAMETER) continue;
    message[0] = 0;
    int32_t code = read_tensor(handle, input.file, tensor, message);
    if (code && !message[0]) return code; // the device's, with its message
    if (code) return fail(handle, code, "%s: %s; the state is partly overwritten: load again", function, message);
  }
  return FOVEA_OK;
}

// What is written to a file: parameters, these with their moving averages as values, or all state.
enum class Content { parameters, averages, all };

const char *function_of(Content content) {
  return content == Content::parameters ? "save" : content == Content::averages ? "save_average" : "save_checkpoint";
}

bool is_average(const fovea_tensor *tensor) {
  return tensor->role == FOVEA_OPTIMIZER_STATE && strlen(tensor->name) > 4 && memcmp(tensor->name, "ema/", 4) == 0;
}

// The moving average of a parameter, or null.
const fovea_tensor *average_of(const fovea_handle *handle, const fovea_tensor *parameter) {
  for (int64_t i = 0; i < handle->program->state_count; ++i) {
    const fovea_tensor *tensor = &handle->program->state[i];
    if (is_average(tensor) && strcmp(tensor->name + 4, parameter->name) == 0) return tensor;
  }
  return nullptr;
}

// Fails where there are no averages to write.
int32_t check_averages(fovea_handle *handle) {
  bool kept = false;
  int64_t step = 0;
  for (int64_t i = 0; i < handle->program->state_count; ++i) {
    const fovea_tensor *tensor = &handle->program->state[i];
    kept |= is_average(tensor);
    if (tensor->role == FOVEA_COUNTER && strcmp(tensor->name, "step") == 0) read_elements(handle, tensor, 0, 1, &step);
  }
  if (!kept)
    return fail(handle, FOVEA_INVALID_ARGUMENT,
                "save_average: the model keeps no averages of its parameters; train it with the option ema");
  if (step < 1)
    return fail(handle, FOVEA_INVALID_ARGUMENT, "save_average: there is nothing to average before the first update");
  return FOVEA_OK;
}

struct Saving {
  fovea_handle *handle;
  const fovea_tensor **tensors;
};

void fill_from_state(void *context, int64_t index, int64_t begin, int64_t bytes, void *values) {
  const Saving *saving = static_cast<const Saving *>(context);
  const fovea_tensor *tensor = saving->tensors[index];
  int64_t element_bytes = fovea_dtype_bytes(tensor->dtype);
  read_elements(saving->handle, tensor, begin / element_bytes, bytes / element_bytes, values);
}

int32_t save(fovea_handle *handle, const char *path, Content content) {
  if (!handle) return FOVEA_INVALID_ARGUMENT;
  handle->message[0] = 0;
  const char *function = function_of(content);
  if (!path) return fail(handle, FOVEA_INVALID_ARGUMENT, "%s: path is null", function);
  if (handle->device)
    if (int32_t code = handle->program->driver->fetch(handle, 0, handle->program->state_bytes)) return code;
  if (content == Content::averages)
    if (int32_t code = check_averages(handle)) return code;
  int64_t state_count = handle->program->state_count, count = 0;
  size_t room = state_count ? state_count : 1;
  auto *descriptions = static_cast<fovea_safetensors_tensor *>(malloc(room * sizeof(fovea_safetensors_tensor)));
  auto *tensors = static_cast<const fovea_tensor **>(malloc(room * sizeof(fovea_tensor *)));
  int32_t code = FOVEA_OUT_OF_MEMORY;
  char message[FOVEA_MESSAGE_BYTES] = "no memory for the list of tensors";
  if (descriptions && tensors) {
    for (int64_t i = 0; i < state_count; ++i) {
      const fovea_tensor *tensor = &handle->program->state[i];
      if (content != Content::all && tensor->role != FOVEA_PARAMETER) continue;
      descriptions[count] = described(handle, tensor);
      // Parameters that are not trained have no average.
      const fovea_tensor *average = content == Content::averages ? average_of(handle, tensor) : nullptr;
      tensors[count++] = average ? average : tensor;
    }
    Fingerprint fingerprint(handle->model);
    fovea_safetensors_metadata metadata[] = {{"fovea", content == Content::all ? "checkpoint" : "parameters"},
                                             {"model", handle->model->name},
                                             {"fingerprint", fingerprint.digits}};
    Saving saving = {handle, tensors};
    code = fovea_safetensors_write(path, descriptions, count, metadata, 3, fill_from_state, &saving, message);
  }
  free(descriptions);
  free(tensors);
  return code ? fail(handle, code, "%s: %s", function, message) : FOVEA_OK;
}

} // namespace

int64_t fovea::state_dimension(const fovea_handle *handle, const fovea_tensor *tensor, int32_t axis) {
  return tensor->shape[axis * (1 + handle->model->size_count)];
}

int64_t fovea::element_count(const fovea_handle *handle, const fovea_tensor *tensor) {
  int64_t count = 1;
  for (int32_t i = 0; i < tensor->rank; ++i) count *= state_dimension(handle, tensor, i);
  return count;
}

void fovea::read_elements(const fovea_handle *handle, const fovea_tensor *tensor, int64_t first, int64_t count,
                          void *values) {
  int64_t bytes = fovea_dtype_bytes(tensor->dtype);
  for_each_run(handle, tensor, first, count,
               [&](const uint8_t *element, int64_t position, int64_t run, int64_t stride) {
                 copy_elements(bytes, static_cast<uint8_t *>(values) + position * bytes, 1, element, stride, run);
               });
}

void fovea::write_elements(fovea_handle *handle, const fovea_tensor *tensor, int64_t first, int64_t count,
                           const void *values) {
  int64_t bytes = fovea_dtype_bytes(tensor->dtype);
  for_each_run(handle, tensor, first, count, [&](uint8_t *element, int64_t position, int64_t run, int64_t stride) {
    copy_elements(bytes, element, stride, static_cast<const uint8_t *>(values) + position * bytes, 1, run);
  });
}

int32_t fovea_get(fovea_handle *handle, const char *name, void *values, size_t bytes) {
  if (!handle) return FOVEA_INVALID_ARGUMENT;
  const fovea_tensor *tensor;
  if (int32_t code = find_state(handle, "get", name, values, bytes, &tensor)) return code;
  if (int32_t code = fetch_tensor(handle, tensor)) return code;
  read_elements(handle, tensor, 0, element_count(handle, tensor), values);
  return FOVEA_OK;
}

int32_t fovea_set(fovea_handle *handle, const char *name, const void *values, size_t bytes) {
  if (!handle) return FOVEA_INVALID_ARGUMENT;
  const fovea_tensor *tensor;
  if (int32_t code = find_state(handle, "set", name, values, bytes, &tensor)) return code;
  if (int32_t code = fetch_tensor(handle, tensor)) return code; // with what lies between the elements
  write_elements(handle, tensor, 0, element_count(handle, tensor), values);
  return store_tensor(handle, tensor);
}

int32_t fovea_load(fovea_handle *handle, const char *path) { return load(handle, path, false); }
int32_t fovea_load_checkpoint(fovea_handle *handle, const char *path) { return load(handle, path, true); }
int32_t fovea_save(fovea_handle *handle, const char *path) { return save(handle, path, Content::parameters); }
int32_t fovea_save_average(fovea_handle *handle, const char *path) { return save(handle, path, Content::averages); }
int32_t fovea_save_checkpoint(fovea_handle *handle, const char *path) { return save(handle, path, Content::all); }
