/* The runtime's private view of a handle: what its source files share. Users and generated code see program.h only. */
#ifndef FOVEA_RUNTIME_HANDLE_H
#define FOVEA_RUNTIME_HANDLE_H

#include "Safetensors.h"
#include "program.h"

#include <atomic>
#include <pthread.h>

namespace fovea {

constexpr int64_t kAlignment = 64; // of every part of the workspace and of every scratch allocation
constexpr int32_t kMaxThreads = 1024;

struct OpenDevice;

/* Tasks of one call of halide_do_par_for. Stable while one of them is unfinished. */
struct Job {
  std::atomic<int32_t (*)(void *, int, uint8_t *)> task;
  std::atomic<uint8_t *> closure;
  std::atomic<int32_t> first, count;
  std::atomic<int64_t> within;                       // the task that the call is in: Worker::task; -1: none
  alignas(kAlignment) std::atomic<int32_t> finished; // tasks that have returned
  int32_t failed_task, failed_code; // the failure with the lowest index, guarded by the pool's mutex; code 0: none
};

/* One thread of a handle. Halide's user_context always points to the worker that is running, so that the hooks know
 * whose scratch to use without thread-local storage. */
struct alignas(kAlignment) Worker {
  fovea_handle *handle;
  uint8_t *scratch;
  int64_t scratch_bytes, scratch_used;
  int64_t newest_block; // offset of the header of the newest allocation in scratch, -1 when there is none
  int64_t task;         // the parallel task that it runs: index << 32, and 1 + the index of one within that; -1: none
  int32_t index;        // the caller is 0
  pthread_t thread;
  /* Its share of a job's tasks. The claim word holds the job's number (high half) and how many of the share nobody has
   * claimed (low half), so that one compare-exchange claims a task of exactly that job: a thread that wakes late can
   * neither claim from a later job nor run stale arguments. */
  alignas(kAlignment) std::atomic<uint64_t> claim;
  /* The job that its task starts, and that threads without tasks of their own help with; a word as above. */
  Job inner;
  alignas(kAlignment) std::atomic<uint64_t> inner_claim;
};

/* The threads that wait for halide_do_par_for. */
struct ThreadPool {
  alignas(kAlignment) std::atomic<uint32_t> number; // of the job; changes when all shares are set
  Job job;
  std::atomic<int32_t> idle;     // threads without a task
  std::atomic<int32_t> sleeping; // workers that wait on `wake`
  std::atomic<bool> caller_waits, stop;
  pthread_mutex_t mutex; // guards the condition variables, failed tasks and the handle's message
  pthread_cond_t wake, done;
};

} // namespace fovea

struct fovea_handle {
  fovea::Worker caller;   // first, because generated code passes the handle as Halide's user_context
  fovea::Worker *workers; // the threads - 1 others
  int32_t threads;
  const fovea_model *model;
  const fovea_program *program;
  int64_t sizes[FOVEA_MAX_SIZES]; // the largest that calls may use
  uint8_t *state;                 // of the host
  uint8_t *kernel_state, *arena;  // where kernels find them
  fovea::OpenDevice *device;      // NULL: kernels run on the processor
  fovea::ThreadPool pool;

  void *memory; // released by destroy; NULL where the caller gave the workspace
  void (*release)(void *context, void *memory);
  void *allocator_context;
  void (*profile)(void *context, const char *kernel, double seconds);
  void *profile_context;

  const char *entry;     // of the call in progress, or of the last one
  void *const *pointers; // its arguments
  double launch_start;   // seconds on the monotonic clock; kept only where there is a profile hook
  char message[FOVEA_MESSAGE_BYTES];
  int64_t message_task; // the task that wrote the message: Worker::task
};

namespace fovea {

/* Writes "model 'NAME': " and the formatted text into message, or into the handle's, and returns code. */
__attribute__((format(printf, 4, 5))) int32_t fail(char *message, const fovea_model *model, int32_t code,
                                                   const char *format, ...);
__attribute__((format(printf, 3, 4))) int32_t fail(fovea_handle *handle, int32_t code, const char *format, ...);

inline int64_t round_up(int64_t value) { return (value + kAlignment - 1) / kAlignment * kAlignment; }

inline int64_t affine(const int64_t *row, const int64_t *sizes, int32_t size_count) {
  int64_t value = row[0];
  for (int32_t i = 0; i < size_count; ++i) value += row[1 + i] * sizes[i];
  return value;
}

/* Machine.cpp: FOVEA_CPU_* of this machine, as far as the operating system supports them. */
uint64_t machine_cpu_features();
/* The program named target, or the first that cpu_features suffice for where target is NULL; with `processor_only`
 * those for devices do not count. NULL: see message. */
const fovea_program *select_program(const fovea_model *model, const char *target, uint64_t cpu_features,
                                    bool processor_only, char *message);

/* Threads.cpp: starts threads - 1 threads (false: see message), and joins them. */
bool start_threads(fovea_handle *handle, char *message);
void stop_threads(fovea_handle *handle, int32_t started);

/* State.cpp: copies the logical row-major elements [first, first + count) of a state tensor to or from values. */
void read_elements(const fovea_handle *handle, const fovea_tensor *tensor, int64_t first, int64_t count, void *values);
void write_elements(fovea_handle *handle, const fovea_tensor *tensor, int64_t first, int64_t count, const void *values);
int64_t state_dimension(const fovea_handle *handle, const fovea_tensor *tensor, int32_t axis);
int64_t element_count(const fovea_handle *handle, const fovea_tensor *tensor);

/* Kernels.cpp: seconds on the clock that the profile hook's figures are taken from. */
double monotonic_seconds();

/* Initialize.cpp: fills the whole state region. */
void initialize_state(fovea_handle *handle, uint64_t seed);
/* Replaces the counter by four random words. */
void philox4x32_10(uint32_t counter[4], uint64_t key);

} // namespace fovea

#endif
