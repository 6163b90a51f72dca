// Counts what the runtime asks of the system, and lets a request fail (the linker's --wrap leads the calls here).
#pragma once
#include <atomic>

extern std::atomic<long> allocations;     // malloc, calloc, realloc, aligned_alloc
extern std::atomic<long> threads_started; // pthread_create
// How many requests succeed before one fails; negative: all.
extern std::atomic<long> allocations_until_failure, threads_until_failure, reads_until_failure, syncs_until_failure;
