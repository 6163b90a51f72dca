// Runs the tasks of halide_do_par_for on the threads of a handle. Threads start in create and end in destroy. Each
// begins with its share, consecutive tasks that are the same part of every job: what it wrote in one launch is in its
// caches in the next. Then it helps the others. Tasks are claimed one by one, each with one atomic operation; who runs
// a task has no influence on its result.
#include "Handle.h"

#include <HalideRuntime.h>
#include <cerrno>
#include <csignal>
#include <sched.h>

namespace fovea {
namespace {

// A thread that waits spins for some 0.2 to 1 milliseconds: longer than the gap between two launches, and than threads
// wait for the last task of most; waking it costs 50 microseconds and more. After the first tenth of that, others that
// the core has may run between.
constexpr int kSpins = 20000, kSpinsAlone = kSpins / 10, kSpinsBetween = 100;

template <typename Condition> bool spin_until(Condition holds) {
  for (int spin = 0; spin < kSpins; ++spin) {
    if (holds()) return true;
    if (spin >= kSpinsAlone && spin % kSpinsBetween == 0) sched_yield();
    __builtin_ia32_pause();
  }
  return holds();
}

uint32_t job_of(uint64_t claim) { return static_cast<uint32_t>(claim >> 32); }
int32_t unclaimed(uint64_t claim) { return static_cast<int32_t>(claim & 0xffffffff); }

int32_t shares_of(const fovea_handle *handle, int32_t count) {
  return count < handle->threads ? count : handle->threads;
}
int32_t share_begin(int32_t share, int32_t shares, int32_t count) {
  return static_cast<int32_t>(static_cast<int64_t>(count) * share / shares);
}
Worker *worker_of(fovea_handle *handle, int32_t index) { return index ? &handle->workers[index - 1] : &handle->caller; }

void run_task(Worker *worker, ThreadPool &pool, int32_t index) {
  int32_t count = pool.count.load(std::memory_order_relaxed);
  worker->task = index;
  int32_t code = pool.task.load(std::memory_order_relaxed)(worker, pool.first.load(std::memory_order_relaxed) + index,
                                                           pool.closure.load(std::memory_order_relaxed));
  worker->task = -1;
  if (code) {
    pthread_mutex_lock(&pool.mutex);
    if (!pool.failed_code || index < pool.failed_task) pool.failed_task = index, pool.failed_code = code;
    pthread_mutex_unlock(&pool.mutex);
  }
  if (pool.finished.fetch_add(1) + 1 == count && pool.caller_waits.load()) {
    pthread_mutex_lock(&pool.mutex);
    pthread_cond_signal(&pool.done);
    pthread_mutex_unlock(&pool.mutex);
  }
}

// Claims and runs tasks of one share of one job until none is left. The job's arguments are stable while a task of it
// is unfinished, that is, from before the claim succeeds until `finished` counts it.
void run_share(Worker *worker, int32_t share, uint32_t job) {
  ThreadPool &pool = worker->handle->pool;
  std::atomic<uint64_t> &word = worker_of(worker->handle, share)->claim;
  uint64_t claim = word.load(std::memory_order_acquire);
  while (job_of(claim) == job && unclaimed(claim) > 0) {
    if (!word.compare_exchange_weak(claim, claim - 1, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
    int32_t count = pool.count.load(std::memory_order_relaxed);
    run_task(worker, pool, share_begin(share + 1, shares_of(worker->handle, count), count) - unclaimed(claim));
    claim = word.load(std::memory_order_acquire);
  }
}

// The thread's own share first. A count that is a later job's only says where to look: nothing of that can be claimed.
void run_tasks(Worker *worker, uint32_t job) {
  int32_t shares = shares_of(worker->handle, worker->handle->pool.count.load(std::memory_order_relaxed));
  for (int32_t i = 0; i < shares; ++i) run_share(worker, (worker->index + i) % shares, job);
}

void *worker_main(void *argument) {
  Worker *worker = static_cast<Worker *>(argument);
  ThreadPool &pool = worker->handle->pool;
  uint32_t seen = 0;
  auto wanted = [&] { return pool.job.load() != seen || pool.stop.load(); };
  for (;;) {
    if (!spin_until(wanted)) {
      pthread_mutex_lock(&pool.mutex);
      pool.sleeping.fetch_add(1);
      while (!wanted()) pthread_cond_wait(&pool.wake, &pool.mutex);
      pool.sleeping.fetch_sub(1);
      pthread_mutex_unlock(&pool.mutex);
    }
    if (pool.stop.load()) return nullptr;
    seen = pool.job.load();
    run_tasks(worker, seen);
  }
}

// The job's number changes before `sleeping` is read, and a worker counts itself sleeping before it reads that number
// (both sequentially consistent): one of the two sees the other, so no wake-up is lost.
void wake_workers(ThreadPool &pool, int32_t wanted) {
  if (pool.sleeping.load() == 0) return;
  pthread_mutex_lock(&pool.mutex);
  int32_t count = pool.sleeping.load();
  for (int32_t i = 0; i < count && i < wanted; ++i) pthread_cond_signal(&pool.wake);
  pthread_mutex_unlock(&pool.mutex);
}

void wait_until_finished(ThreadPool &pool, int32_t count) {
  if (spin_until([&] { return pool.finished.load() == count; })) return;
  pthread_mutex_lock(&pool.mutex);
  pool.caller_waits.store(true);
  while (pool.finished.load() != count) pthread_cond_wait(&pool.done, &pool.mutex);
  pool.caller_waits.store(false);
  pthread_mutex_unlock(&pool.mutex);
}

} // namespace

bool start_threads(fovea_handle *handle, char *message) {
  ThreadPool &pool = handle->pool;
  pthread_mutex_init(&pool.mutex, nullptr);
  pthread_cond_init(&pool.wake, nullptr);
  pthread_cond_init(&pool.done, nullptr);
  // Signals of the program are for its own threads.
  sigset_t all, previous;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &previous);
  int32_t started = 0;
  int error = 0;
  for (; started < handle->threads - 1 && !error; started += !error)
    error = pthread_create(&handle->workers[started].thread, nullptr, worker_main, &handle->workers[started]);
  pthread_sigmask(SIG_SETMASK, &previous, nullptr);
  if (!error) return true;
  errno = error;
  fail(message, handle->model, FOVEA_OUT_OF_MEMORY, "thread %d of %d could not be started: %m", started + 2,
       handle->threads);
  stop_threads(handle, started);
  return false;
}

void stop_threads(fovea_handle *handle, int32_t started) {
  ThreadPool &pool = handle->pool;
  pool.stop.store(true);
  wake_workers(pool, started);
  for (int32_t i = 0; i < started; ++i) pthread_join(handle->workers[i].thread, nullptr);
  pthread_cond_destroy(&pool.done);
  pthread_cond_destroy(&pool.wake);
  pthread_mutex_destroy(&pool.mutex);
}

} // namespace fovea

using namespace fovea;

// Runs serially inside a task: all threads are busy there already. Returns the code of the failed task with the lowest
// index.
extern "C" int halide_do_par_for(void *user_context, halide_task_t task, int first, int count, uint8_t *closure) {
  Worker *worker = static_cast<Worker *>(user_context);
  fovea_handle *handle = worker->handle;
  if (handle->threads == 1 || count <= 1 || worker->task >= 0) {
    for (int i = 0; i < count; ++i)
      if (int code = task(worker, first + i, closure)) return code;
    return 0;
  }
  ThreadPool &pool = handle->pool;
  pool.task.store(task, std::memory_order_relaxed);
  pool.closure.store(closure, std::memory_order_relaxed);
  pool.first.store(first, std::memory_order_relaxed);
  pool.count.store(count, std::memory_order_relaxed);
  pool.finished.store(0, std::memory_order_relaxed);
  pool.failed_code = 0;
  uint32_t job = pool.job.load(std::memory_order_relaxed) + 1;
  int32_t shares = shares_of(handle, count);
  for (int32_t i = 0; i < shares; ++i) {
    uint32_t tasks = share_begin(i + 1, shares, count) - share_begin(i, shares, count);
    worker_of(handle, i)->claim.store(static_cast<uint64_t>(job) << 32 | tasks, std::memory_order_release);
  }
  pool.job.store(job);
  wake_workers(pool, count - 1);
  run_tasks(worker, job);
  wait_until_finished(pool, count);
  return pool.failed_code;
}
