#include "Interposed.h"

#include <cerrno>
#include <cstddef>
#include <pthread.h>
#include <sys/types.h>

std::atomic<long> allocations, threads_started, allocations_until_failure{-1}, threads_until_failure{-1},
    reads_until_failure{-1}, syncs_until_failure{-1};

static bool fails(std::atomic<long> &until_failure) { return until_failure >= 0 && until_failure-- == 0; }

extern "C" {
void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__real_aligned_alloc(size_t, size_t);
int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
ssize_t __real_pread(int, void *, size_t, off_t);
int __real_fsync(int);

void *__wrap_malloc(size_t bytes) {
  ++allocations;
  return fails(allocations_until_failure) ? nullptr : __real_malloc(bytes);
}
void *__wrap_calloc(size_t count, size_t bytes) {
  ++allocations;
  return fails(allocations_until_failure) ? nullptr : __real_calloc(count, bytes);
}
void *__wrap_realloc(void *memory, size_t bytes) {
  ++allocations;
  return fails(allocations_until_failure) ? nullptr : __real_realloc(memory, bytes);
}
void *__wrap_aligned_alloc(size_t alignment, size_t bytes) {
  ++allocations;
  return fails(allocations_until_failure) ? nullptr : __real_aligned_alloc(alignment, bytes);
}
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument) {
  ++threads_started;
  return fails(threads_until_failure) ? EAGAIN : __real_pthread_create(thread, attributes, start, argument);
}
ssize_t __wrap_pread(int descriptor, void *values, size_t bytes, off_t offset) {
  if (!fails(reads_until_failure)) return __real_pread(descriptor, values, bytes, offset);
  errno = EIO;
  return -1;
}
int __wrap_fsync(int descriptor) {
  if (!fails(syncs_until_failure)) return __real_fsync(descriptor);
  errno = EIO;
  return -1;
}
}
