#include "Handle.h"
#include "Model.h"

#include <HalideRuntime.h>
#include <functional>
#include <numeric>

namespace {

// Runs body(context, index) for [first, first + count) as the entry point of a handle with so many threads.
template <typename Body> int32_t parallel(fovea_handle *context, int first, int count, Body body) {
  return halide_do_par_for(
      context,
      [](void *user_context, int index, uint8_t *closure) {
        return (*reinterpret_cast<Body *>(closure))(user_context, index);
      },
      first, count, reinterpret_cast<uint8_t *>(&body));
}

int index_of(void *context) { return static_cast<fovea::Worker *>(context)->index; }

struct Pool : testing::TestWithParam<int> {
  TestModel model;
  Pool() { model.options.threads = GetParam(); }
};
INSTANTIATE_TEST_SUITE_P(Threads, Pool, testing::Values(1, 2, 7));

TEST_P(Pool, RunsEveryTaskOnce) {
  Handle handle(model);
  for (int count : {0, 1, 2, 3, 10, 1000}) {
    for (int repeat = 0; repeat < 50; ++repeat) {
      std::vector<int> runs(count);
      ASSERT_EQ(parallel(handle, -5, count, [&](void *, int index) { return ++runs[index + 5], 0; }), 0);
      ASSERT_EQ(runs, std::vector<int>(count, 1));
    }
  }
}

TEST_P(Pool, RunsManyShortJobs) {
  Handle handle(model);
  int64_t total = 0;
  for (int repeat = 0; repeat < 3000; ++repeat) {
    std::atomic<int64_t> sum{0};
    ASSERT_EQ(parallel(handle, 0, 3, [&](void *, int index) { return sum += index + repeat, 0; }), 0);
    total += sum;
  }
  EXPECT_EQ(total, 3 * 3000 + 3 * (2999 * 3000 / 2));
}

TEST_P(Pool, WakesThreadsThatSleep) {
  Handle handle(model);
  for (int repeat = 0; repeat < 2; ++repeat) {
    timespec pause = {0, 20'000'000}; // longer than they spin
    nanosleep(&pause, nullptr);
    std::atomic<int> runs{0};
    ASSERT_EQ(parallel(handle, 0, 20, [&](void *, int) { return nanosleep(&pause, nullptr), ++runs, 0; }), 0);
    EXPECT_EQ(runs, 20);
  }
}

TEST_P(Pool, UsesEveryThread) {
  Handle handle(model);
  std::vector<std::atomic<bool>> seen(GetParam());
  std::atomic<int> arrived{0};
  // Each task waits until all threads have one.
  ASSERT_EQ(parallel(handle, 0, GetParam(),
                     [&](void *context, int) {
                       seen[index_of(context)] = true;
                       ++arrived;
                       while (arrived < GetParam()) sched_yield();
                       return 0;
                     }),
            0);
  for (auto &thread : seen) EXPECT_TRUE(thread);
}

TEST_P(Pool, BeginsWithTheSameTasksInEveryJob) {
  Handle handle(model);
  int threads = GetParam();
  for (int repeat = 0; repeat < 20; ++repeat) {
    std::vector<std::atomic<int>> first(threads);
    for (auto &task : first) task = -1;
    std::atomic<int> arrived{0};
    // Nobody helps before all have begun.
    ASSERT_EQ(parallel(handle, 0, 4 * threads,
                       [&](void *context, int index) {
                         int none = -1;
                         if (first[index_of(context)].compare_exchange_strong(none, index)) ++arrived;
                         while (arrived < threads) sched_yield();
                         return 0;
                       }),
              0);
    for (int thread = 0; thread < threads; ++thread) EXPECT_EQ(first[thread], 4 * thread);
  }
}

TEST_P(Pool, HelpsABusyThread) {
  Handle handle(model);
  int count = 8 * GetParam();
  std::atomic<int> others{0};
  // The first task ends last, so that the rest of its thread's share is for others.
  ASSERT_EQ(parallel(handle, 0, count,
                     [&](void *, int index) {
                       if (index) return ++others, 0;
                       while (GetParam() > 1 && others < count - 1) sched_yield();
                       return 0;
                     }),
            0);
  EXPECT_EQ(others, count - 1);
}

int within(void *context, int count, const std::function<int(void *, int)> &body) {
  return parallel(static_cast<fovea_handle *>(context), 0, count, body);
}

TEST_P(Pool, RunsTasksOfTasksOnce) {
  Handle handle(model);
  for (int repeat = 0; repeat < 50; ++repeat) {
    std::vector<std::vector<int>> runs(20, std::vector<int>(15));
    ASSERT_EQ(parallel(handle, 0, 20,
                       [&](void *context, int outer) {
                         return within(context, 15, [&](void *, int inner) { return ++runs[outer][inner], 0; });
                       }),
              0);
    for (auto &inner : runs) EXPECT_EQ(inner, std::vector<int>(15, 1));
  }
}

TEST_P(Pool, RunsTheInnermostTasksSerially) {
  Handle handle(model);
  std::vector<std::vector<int>> order(20);
  ASSERT_EQ(parallel(handle, 0, 5,
                     [&](void *context, int outer) {
                       return within(context, 4, [&](void *inner_context, int inner) {
                         return within(inner_context, 5, [&](void *innermost_context, int innermost) {
                           EXPECT_EQ(innermost_context, inner_context);
                           order[outer * 4 + inner].push_back(innermost);
                           return 0;
                         });
                       });
                     }),
            0);
  for (auto &innermost : order) EXPECT_EQ(innermost, (std::vector<int>{0, 1, 2, 3, 4}));
}

// Threads without a task of their own, awake or asleep, run what a task of another starts.
TEST_P(Pool, HelpsWithTheTasksOfATask) {
  Handle handle(model);
  int outer = std::min(2, GetParam());
  for (int repeat = 0; repeat < 2; ++repeat) {
    timespec pause = {0, repeat * 20'000'000}, while_alone = {0, 1'000'000}; // the first longer than they spin
    nanosleep(&pause, nullptr);
    std::vector<std::atomic<bool>> seen(GetParam());
    auto all_seen = [&] { return std::accumulate(seen.begin(), seen.end(), 0) == GetParam(); };
    // Tasks take long until each thread has had one; sharing begins when the owner finds a thread idle.
    ASSERT_EQ(parallel(handle, 0, outer,
                       [&](void *context, int index) {
                         if (index) return 0;
                         return within(context, 5000, [&](void *helper, int) {
                           seen[index_of(helper)] = true;
                           if (!all_seen()) nanosleep(&while_alone, nullptr);
                           return 0;
                         });
                       }),
              0);
    EXPECT_TRUE(all_seen());
  }
}

TEST_P(Pool, ReportsTheLowestFailure) {
  Handle handle(model);
  for (int repeat = 0; repeat < 100; ++repeat) {
    TestModel::run = [](fovea_handle *h, const int64_t *) {
      int32_t status = parallel(h, 0, 40, [](void *context, int index) {
        if (index % 7 != 5) return 0; // 5, 12, 19, ... fail
        if (index == 5) sched_yield();
        halide_error(context, ("task " + std::to_string(index)).c_str());
        return index;
      });
      EXPECT_EQ(status, 5);
      return fovea_launched(h, "kernel", status);
    };
    ASSERT_EQ(model.call(handle), FOVEA_KERNEL_ERROR);
    ASSERT_EQ(handle.error(), "model 'digits': forward: task 5 (in kernel 'kernel')");
  }
  EXPECT_EQ(parallel(handle, 0, 40, [](void *, int) { return 0; }), 0); // the failure is forgotten
}

TEST_P(Pool, ReportsTheLowestFailureOfTasksOfTasks) {
  Handle handle(model);
  for (int repeat = 0; repeat < 100; ++repeat) {
    TestModel::run = [](fovea_handle *h, const int64_t *) {
      int32_t status = parallel(h, 0, 10, [](void *context, int outer) {
        return within(context, 10, [outer](void *inner_context, int inner) {
          if (outer < 3 || inner % 4 != 2) return 0; // of 3: 2, 6
          if (inner == 2) sched_yield();
          halide_error(inner_context, ("task " + std::to_string(10 * outer + inner)).c_str());
          return 10 * outer + inner;
        });
      });
      EXPECT_EQ(status, 32);
      return fovea_launched(h, "kernel", status);
    };
    ASSERT_EQ(model.call(handle), FOVEA_KERNEL_ERROR);
    ASSERT_EQ(handle.error(), "model 'digits': forward: task 32 (in kernel 'kernel')");
  }
}

TEST_P(Pool, GivesEachTaskItsThreadsScratch) {
  Handle handle(model);
  std::vector<int64_t> sums(200);
  uint8_t *outer = static_cast<uint8_t *>(halide_malloc(handle, 512)); // the caller's lies below its tasks'
  memset(outer, 0x5a, 512);
  ASSERT_EQ(parallel(handle, 0, 200,
                     [&](void *context, int index) {
                       auto *values = static_cast<int32_t *>(halide_malloc(context, 256 * sizeof(int32_t)));
                       if (!values) return 1;
                       for (int i = 0; i < 256; ++i) values[i] = index + i;
                       sched_yield();
                       sums[index] = std::accumulate(values, values + 256, int64_t{0});
                       halide_free(context, values);
                       return 0;
                     }),
            0);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(sums[i], 256 * i + 255 * 128);
  for (int i = 0; i < 512; ++i) EXPECT_EQ(outer[i], 0x5a);
  halide_free(handle, outer);
}

} // namespace
