// Runs the tasks of halide_do_par_for on the threads of a handle. Threads start in create and end in destroy. Each
// begins with its share, consecutive tasks that are the same part of every job: what it wrote in one launch is in its
// caches in the next. Then it helps the others: with their shares, and with the tasks that one of their tasks starts,
// as where heads are shared among threads and each goes through blocks of queries. Tasks are claimed one by one, each
// with one atomic operation; who runs a task has no influence on its result.
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

// `help` says whether it found something to do: the thread has not waited, then.
template <typename Condition, typename Help> bool spin_until(Condition holds, Help help) {
  for (int spin = 0; spin < kSpins; ++spin) {
    if (holds()) return true;
    if (help()) spin = 0;
    if (spin >= kSpinsAlone && spin % kSpinsBetween == 0) sched_yield();
    __builtin_ia32_pause();
  }
  return holds();
}

uint64_t claim_of(uint32_t job, int32_t tasks) { return static_cast<uint64_t>(job) << 32 | tasks; }
uint32_t job_of(uint64_t claim) { return static_cast<uint32_t>(claim >> 32); }
int32_t unclaimed(uint64_t claim) { return static_cast<int32_t>(claim & 0xffffffff); }

int32_t shares_of(const fovea_handle *handle, int32_t count) {
  return count < handle->threads ? count : handle->threads;
}
int32_t share_begin(int32_t share, int32_t shares, int32_t count) {
  return static_cast<int32_t>(static_cast<int64_t>(count) * share / shares);
}
Worker *worker_of(fovea_handle *handle, int32_t index) { return index ? &handle->workers[index - 1] : &handle->caller; }

void set_job(Job &job, halide_task_t task, int first, int count, uint8_t *closure, int64_t within) {
  job.task.store(task, std::memory_order_relaxed);
  job.closure.store(closure, std::memory_order_relaxed);
  job.first.store(first, std::memory_order_relaxed);
  job.count.store(count, std::memory_order_relaxed);
  job.within.store(within, std::memory_order_relaxed);
  job.finished.store(0, std::memory_order_relaxed);
  job.failed_code = 0;
}

// Returns whether it was the last. The job may be another by then.
bool run_task(Worker *worker, Job &job, int32_t index) {
  pthread_mutex_t &mutex = worker->handle->pool.mutex;
  int32_t count = job.count.load(std::memory_order_relaxed);
  int64_t within = job.within.load(std::memory_order_relaxed), before = worker->task;
  worker->task = within < 0 ? static_cast<int64_t>(index) << 32 : within + 1 + index;
  int32_t code = job.task.load(std::memory_order_relaxed)(worker, job.first.load(std::memory_order_relaxed) + index,
                                                          job.closure.load(std::memory_order_relaxed));
  worker->task = before;
  if (code) {
    pthread_mutex_lock(&mutex);
    if (!job.failed_code || index < job.failed_task) job.failed_task = index, job.failed_code = code;
    pthread_mutex_unlock(&mutex);
  }
  return job.finished.fetch_add(1) + 1 == count;
}

// Claims a task of this job, if one is left, and returns how many were.
int32_t claim_task(std::atomic<uint64_t> &word, uint32_t job) {
  uint64_t claim = word.load(std::memory_order_acquire);
  while (job_of(claim) == job && unclaimed(claim) > 0)
    if (word.compare_exchange_weak(claim, claim - 1, std::memory_order_acq_rel, std::memory_order_acquire))
      return unclaimed(claim);
  return 0;
}

// Claims and runs tasks of one share of one job until none is left. The job's arguments are stable while a task of it
// is unfinished, that is, from before the claim succeeds until `finished` counts it.
void run_share(Worker *worker, int32_t share, uint32_t number) {
  ThreadPool &pool = worker->handle->pool;
  while (int32_t left = claim_task(worker_of(worker->handle, share)->claim, number)) {
    int32_t count = pool.job.count.load(std::memory_order_relaxed);
    bool last = run_task(worker, pool.job, share_begin(share + 1, shares_of(worker->handle, count), count) - left);
    if (!last || !pool.caller_waits.load()) continue;
    pthread_mutex_lock(&pool.mutex);
    pthread_cond_signal(&pool.done);
    pthread_mutex_unlock(&pool.mutex);
  }
}

// Runs one task of an inner job, if there is one.
bool run_inner(Worker *worker, Worker *owner) {
  uint32_t number = job_of(owner->inner_claim.load(std::memory_order_acquire));
  int32_t left = claim_task(owner->inner_claim, number);
  if (left) run_task(worker, owner->inner, owner->inner.count.load(std::memory_order_relaxed) - left);
  return left;
}

bool help_others(Worker *worker) {
  fovea_handle *handle = worker->handle;
  for (int32_t i = 1; i < handle->threads; ++i)
    if (run_inner(worker, worker_of(handle, (worker->index + i) % handle->threads))) return true;
  return false;
}

bool others_need_help(Worker *worker) {
  fovea_handle *handle = worker->handle;
  for (int32_t i = 1; i < handle->threads; ++i)
    if (unclaimed(worker_of(handle, (worker->index + i) % handle->threads)->inner_claim.load())) return true;
  return false;
}

// The thread's own share first. A count that is a later job's only says where to look: nothing of that can be claimed.
void run_tasks(Worker *worker, uint32_t number) {
  int32_t shares = shares_of(worker->handle, worker->handle->pool.job.count.load(std::memory_order_relaxed));
  for (int32_t i = 0; i < shares; ++i) run_share(worker, (worker->index + i) % shares, number);
}

void *worker_main(void *argument) {
  Worker *worker = static_cast<Worker *>(argument);
  ThreadPool &pool = worker->handle->pool;
  uint32_t seen = 0;
  auto wanted = [&] { return pool.number.load() != seen || pool.stop.load(); };
  for (;;) {
    pool.idle.fetch_add(1);
    while (!spin_until(wanted, [&] { return help_others(worker); })) {
      pthread_mutex_lock(&pool.mutex);
      pool.sleeping.fetch_add(1);
      while (!wanted() && !others_need_help(worker)) pthread_cond_wait(&pool.wake, &pool.mutex);
      pool.sleeping.fetch_sub(1);
      pthread_mutex_unlock(&pool.mutex);
    }
    pool.idle.fetch_sub(1);
    if (pool.stop.load()) return nullptr;
    seen = pool.number.load();
    run_tasks(worker, seen);
  }
}

// The job's number, or an inner claim, changes before `sleeping` is read, and a worker counts itself sleeping before it
// reads those (all sequentially consistent): one of the two sees the other, so no wake-up is lost.
void wake_workers(ThreadPool &pool, int32_t wanted) {
  if (pool.sleeping.load() == 0) return;
  pthread_mutex_lock(&pool.mutex);
  int32_t count = pool.sleeping.load();
  for (int32_t i = 0; i < count && i < wanted; ++i) pthread_cond_signal(&pool.wake);
  pthread_mutex_unlock(&pool.mutex);
}

void wait_until_finished(Worker *worker, ThreadPool &pool, int32_t count) {
  pool.idle.fetch_add(1);
  bool finished = spin_until([&] { return pool.job.finished.load() == count; }, [&] { return help_others(worker); });
  pool.idle.fetch_sub(1);
  if (finished) return;
  pthread_mutex_lock(&pool.mutex);
  pool.caller_waits.store(true);
  while (pool.job.finished.load() != count) pthread_cond_wait(&pool.done, &pool.mutex);
  pool.caller_waits.store(false);
  pthread_mutex_unlock(&pool.mutex);
}

// Those who help have a task each, and nothing to wait for.
int32_t share_inner_job(Worker *worker, halide_task_t task, int first, int count, uint8_t *closure, int64_t within) {
  set_job(worker->inner, task, first, count, closure, within);
  worker->inner_claim.store(claim_of(job_of(worker->inner_claim.load()) + 1, count));
  wake_workers(worker->handle->pool, count - 1);
  while (run_inner(worker, worker)) {
  }
  while (!spin_until([&] { return worker->inner.finished.load() == count; }, [] { return false; })) {
  }
  return worker->inner.failed_code;
}

// What a task starts is shared from when a thread is idle: most tasks of tasks are short, and all threads busy.
int32_t run_inner_job(Worker *worker, halide_task_t task, int first, int count, uint8_t *closure) {
  int64_t within = worker->task;
  int32_t code = 0;
  for (int i = 0; i < count && !code; ++i) {
    if (i + 1 < count && worker->handle->pool.idle.load(std::memory_order_relaxed))
      return share_inner_job(worker, task, first + i, count - i, closure, within + i);
    worker->task = within + 1 + i;
    code = task(worker, first + i, closure);
    worker->task = within;
  }
  return code;
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

// Returns the code of the failed task with the lowest index. Two deep: what a task of a task starts runs serially.
extern "C" int halide_do_par_for(void *user_context, halide_task_t task, int first, int count, uint8_t *closure) {
  Worker *worker = static_cast<Worker *>(user_context);
  fovea_handle *handle = worker->handle;
  bool is_inner = worker->task >= 0, is_innermost = is_inner && static_cast<int32_t>(worker->task);
  if (handle->threads == 1 || count <= 1 || is_innermost) {
    for (int i = 0; i < count; ++i)
      if (int code = task(worker, first + i, closure)) return code;
    return 0;
  }
  if (is_inner) return run_inner_job(worker, task, first, count, closure);
  ThreadPool &pool = handle->pool;
  set_job(pool.job, task, first, count, closure, -1);
  uint32_t number = pool.number.load(std::memory_order_relaxed) + 1;
  int32_t shares = shares_of(handle, count);
  for (int32_t i = 0; i < shares; ++i) {
    int32_t tasks = share_begin(i + 1, shares, count) - share_begin(i, shares, count);
    worker_of(handle, i)->claim.store(claim_of(number, tasks), std::memory_order_release);
  }
  pool.number.store(number);
  wake_workers(pool, count - 1);
  run_tasks(worker, number);
  wait_until_finished(worker, pool, count);
  return pool.job.failed_code;
}
