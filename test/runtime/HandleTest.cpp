#include "Handle.h"
#include "Interposed.h"
#include "Model.h"

#include <HalideRuntime.h>
#include <csignal>
#include <thread>

namespace {

TEST(Create, TakesOptionsAndDestroys) {
  TestModel model;
  Handle handle(model);
  EXPECT_STREQ(fovea_target(handle), "x86-64");
  EXPECT_EQ(handle.error(), "");
  EXPECT_EQ(model.call(handle), FOVEA_OK);
  fovea_destroy(nullptr);
}

TEST(Create, WritesTheSeed) {
  TestModel model;
  model.options.seed = 1234567890123456789;
  Handle handle(model);
  EXPECT_EQ(get<int64_t>(handle, "seed", 1)[0], 1234567890123456789);
  EXPECT_EQ(get<int64_t>(handle, "step", 1)[0], 0);
}

TEST(Create, RejectsOptions) {
  TestModel model;
  model.options.struct_size = 0;
  EXPECT_EQ(model.refusal(), "model 'digits': options.struct_size is 0, this library expects 104 to 128: initialize "
                             "options with the header's default");
  model.options.struct_size = 1000;
  EXPECT_NE(model.refusal().find("options.struct_size is 1000"), std::string::npos);
  model.options.struct_size = sizeof model.options;
  EXPECT_EQ(fovea_create(&model.model, nullptr), nullptr);
  EXPECT_STREQ(fovea_last_error(nullptr), "model 'digits': options is null");
  model.options.threads = -1;
  EXPECT_EQ(model.refusal(), "model 'digits': options.threads is -1: it must be 1 to 1024, or 0 for one thread");
  model.options.threads = 1025;
  EXPECT_EQ(model.refusal(), "model 'digits': options.threads is 1025: it must be 1 to 1024, or 0 for one thread");
  model.options.threads = 1;
  model.options.sizes[0] = 0;
  EXPECT_EQ(model.refusal(), "model 'digits': options.sizes.batch is 0: it must be at least 1");
  model.options.sizes[0] = -5;
  EXPECT_EQ(model.refusal(), "model 'digits': options.sizes.batch is -5: it must be at least 1");
  model.options.sizes[0] = 64;
  model.options.allocate = [](void *, size_t, size_t) -> void * { return nullptr; };
  EXPECT_EQ(model.refusal(), "model 'digits': options.allocate is given without options.release: give both or neither");
}

TEST(Create, AcceptsTheHeadersShorterOptions) {
  TestModel model;
  model.options.struct_size = offsetof(fovea_options, sizes) + sizeof(int64_t);
  Handle handle(model);
}

TEST(Create, RejectsAnotherAbi) {
  TestModel model;
  model.model.abi_version = 7;
  EXPECT_EQ(fovea_create(&model.model, &model.options), nullptr);
  EXPECT_STREQ(fovea_last_error(nullptr),
               "model 'digits': the generated code has ABI version 7 and the runtime 3: link "
               "the parts of one Fovea");
}

TEST(Create, RejectsTensorsThatKernelsCannotAddress) {
  TestModel model;
  model.options.sizes[0] = 524288; // 2^31 / 4096
  EXPECT_EQ(model.refusal(), "model 'digits': the largest tensor would take 2147483648 bytes at batch 524288; kernels "
                             "address less than 2147483648: use smaller sizes");
  model.options.sizes[0] = INT64_MAX / 2;
  EXPECT_EQ(model.refusal(),
            "model 'digits': the largest tensor would take more than 9223372036854775807 bytes at batch "
            "4611686018427387903; kernels address less than 2147483648: use smaller sizes");
}

TEST(Create, ErrorsAreOfTheThread) {
  TestModel model;
  model.options.threads = -1;
  model.refusal();
  std::string other = "unset";
  std::thread([&] { other = fovea_last_error(nullptr); }).join();
  EXPECT_EQ(other, "");
}

TEST(Create, ReportsMemoryAndThreadsThatAreMissing) {
  TestModel model;
  model.options.threads = 3;
  allocations_until_failure = 0;
  std::string message = model.refusal();
  allocations_until_failure = -1;
  size_t bytes = fovea_workspace_bytes(&model.model, model.options.sizes, 3);
  EXPECT_EQ(message, "model 'digits': workspace: " + std::to_string(bytes) + " bytes could not be allocated");
  for (long failing : {0, 1}) {
    threads_until_failure = failing;
    message = model.refusal();
    threads_until_failure = -1;
    EXPECT_EQ(message, "model 'digits': thread " + std::to_string(failing + 2) +
                           " of 3 could not be started: Resource temporarily unavailable");
  }
}

TEST(Create, AllocatesOnce) {
  TestModel model;
  model.options.threads = 4;
  model.refresh();
  long allocations_before = allocations, threads_before = threads_started;
  fovea_handle *handle = fovea_create(&model.model, &model.options);
  EXPECT_EQ(allocations - allocations_before, 1);
  EXPECT_EQ(threads_started - threads_before, 3);
  fovea_destroy(handle);
}

TEST(Workspace, MayBeTheCallersAndUnaligned) {
  for (int threads : {1, 3})
    for (size_t shift : {0, 1, 17, 63}) {
      TestModel model;
      model.options.threads = threads;
      size_t bytes = fovea_workspace_bytes(&model.model, model.options.sizes, threads);
      std::vector<uint8_t> memory(bytes + shift + 64, 0xcd);
      uintptr_t start = reinterpret_cast<uintptr_t>(memory.data()) % 64;
      size_t lead = (64 - start) % 64 + shift;
      if (lead + bytes > memory.size()) memory.resize(lead + bytes);
      model.options.workspace = memory.data() + lead;
      model.options.workspace_bytes = bytes;
      long before = allocations;
      {
        Handle handle(model);
        EXPECT_EQ(allocations, before);
        EXPECT_EQ(reinterpret_cast<uintptr_t>(handle.handle->state) % 64, 0u);
        EXPECT_EQ(reinterpret_cast<uintptr_t>(handle.handle->arena) % 64, 0u);
        for (int i = 0; i < threads - 1; ++i)
          EXPECT_EQ(reinterpret_cast<uintptr_t>(handle.handle->workers[i].scratch) % 64, 0u);
        // The last thread's scratch ends inside the workspace.
        uint8_t *last = threads > 1 ? handle.handle->workers[threads - 2].scratch : handle.handle->caller.scratch;
        EXPECT_LE(last + (threads > 1 ? 2048 : 4096), memory.data() + lead + bytes);
        EXPECT_EQ(model.call(handle), FOVEA_OK);
      }
      for (size_t i = 0; i < lead; ++i) ASSERT_EQ(memory[i], 0xcd);
      for (size_t i = lead + bytes; i < memory.size(); ++i) ASSERT_EQ(memory[i], 0xcd);
    }
}

TEST(Workspace, TooSmallIsAnError) {
  TestModel model;
  model.options.threads = 2;
  uint8_t memory[1000];
  model.options.workspace = memory;
  model.options.workspace_bytes = sizeof memory;
  size_t bytes = fovea_workspace_bytes(&model.model, model.options.sizes, 2);
  std::string needed = std::to_string(bytes);
  EXPECT_EQ(model.refusal(),
            "model 'digits': workspace: 1000 bytes given, " + needed + " needed for batch 64 and 2 threads");
  model.options.workspace_bytes = bytes - 1;
  EXPECT_NE(model.refusal().find(" needed for "), std::string::npos);
}

TEST(Workspace, BytesGrowWithSizesAndThreads) {
  TestModel model;
  int64_t one = 1, two = 2, zero = 0, huge = INT64_MAX;
  size_t base = fovea_workspace_bytes(&model.model, &one, 1);
  EXPECT_EQ(fovea_workspace_bytes(&model.model, &one, 0), base);
  EXPECT_EQ(fovea_workspace_bytes(&model.model, &two, 1), base + 1024);
  EXPECT_EQ(fovea_workspace_bytes(&model.model, &one, 2), base + 2048 + sizeof(fovea::Worker));
  EXPECT_EQ(fovea_workspace_bytes(&model.model, &zero, 1), 0u);
  EXPECT_EQ(fovea_workspace_bytes(&model.model, &one, 1025), 0u);
  EXPECT_EQ(fovea_workspace_bytes(&model.model, &one, -1), 0u);
  EXPECT_EQ(fovea_workspace_bytes(&model.model, &huge, 1), size_t{INT64_MAX});
}

TEST(Workspace, MayComeFromTheCallersAllocator) {
  TestModel model;
  static size_t asked, alignment;
  static void *given;
  static bool released, fails;
  model.options.allocator_context = &model;
  model.options.allocate = [](void *context, size_t bytes, size_t align) -> void * {
    EXPECT_NE(context, nullptr);
    asked = bytes, alignment = align;
    return given = fails ? nullptr : aligned_alloc(align, bytes);
  };
  model.options.release = [](void *, void *memory) {
    EXPECT_EQ(memory, given);
    released = true;
    free(memory);
  };
  { Handle handle(model); }
  EXPECT_EQ(asked, fovea_workspace_bytes(&model.model, model.options.sizes, 1));
  EXPECT_EQ(alignment, 64u);
  EXPECT_TRUE(released);
  released = false;
  model.options.threads = 2;
  threads_until_failure = 0;
  model.refusal();
  threads_until_failure = -1;
  EXPECT_TRUE(released);
  fails = true;
  EXPECT_NE(model.refusal().find("could not be allocated"), std::string::npos);
}

TEST(Call, ChecksSizesAndPointers) {
  TestModel model;
  Handle handle(model);
  bool ran = false;
  TestModel::run = [&](fovea_handle *, const int64_t *sizes) {
    ran = true;
    EXPECT_EQ(sizes[0], 64);
    return 0;
  };
  EXPECT_EQ(model.call(handle, 65), FOVEA_INVALID_ARGUMENT);
  EXPECT_EQ(handle.error(), "model 'digits': forward: batch 65 is beyond the 64 given at create");
  EXPECT_EQ(model.call(handle, 0), FOVEA_INVALID_ARGUMENT);
  EXPECT_EQ(handle.error(), "model 'digits': forward: batch is 0: it must be at least 1");
  EXPECT_EQ(model.call(handle, -1), FOVEA_INVALID_ARGUMENT);
  float image[256];
  double rate;
  for (int missing = 0; missing < 3; ++missing) {
    void *pointers[] = {image, &rate, image};
    pointers[missing] = nullptr;
    int64_t batch = 1;
    EXPECT_EQ(fovea_call(handle, 0, &batch, pointers), FOVEA_INVALID_ARGUMENT);
    EXPECT_EQ(handle.error(),
              "model 'digits': forward: argument '" + std::string(model.arguments[missing].name) + "' is null");
  }
  EXPECT_EQ(fovea_call(nullptr, 0, nullptr, nullptr), FOVEA_INVALID_ARGUMENT);
  EXPECT_FALSE(ran);
  EXPECT_EQ(model.call(handle, 64), FOVEA_OK);
  EXPECT_TRUE(ran);
  EXPECT_EQ(handle.error(), "");
}

TEST(Call, NeitherAllocatesNorStartsThreads) {
  TestModel model;
  model.options.threads = 3;
  Handle handle(model);
  TestModel::run = [](fovea_handle *h, const int64_t *) {
    return halide_do_par_for(
        h, [](void *context, int, uint8_t *) { return halide_free(context, halide_malloc(context, 100)), 0; }, 0, 50,
        nullptr);
  };
  model.call(handle);
  long allocations_before = allocations, threads_before = threads_started;
  for (int i = 0; i < 100; ++i) ASSERT_EQ(model.call(handle), FOVEA_OK);
  EXPECT_EQ(allocations, allocations_before);
  EXPECT_EQ(threads_started, threads_before);
}

// Two threads of the caller, each with a handle of its own that has threads of its own.
TEST(Call, TwoHandlesRunAtOnce) {
  auto work = [](int base) {
    TestModel model;
    model.options.threads = 2;
    Handle handle(model);
    std::vector<int> values(100);
    TestModel::run = [&](fovea_handle *h, const int64_t *) {
      return halide_do_par_for(
          h, [](void *, int i, uint8_t *closure) { return reinterpret_cast<int *>(closure)[i] += i, 0; }, 0, 100,
          reinterpret_cast<uint8_t *>(values.data()));
    };
    for (int i = 0; i < 200; ++i) {
      std::fill(values.begin(), values.end(), base);
      ASSERT_EQ(model.call(handle), FOVEA_OK);
      for (int j = 0; j < 100; ++j) ASSERT_EQ(values[j], base + j);
    }
  };
  std::thread first(work, 1000), second(work, 2000);
  first.join();
  second.join();
}

TEST(Model, MayHaveNoSizes) {
  TestModel model;
  model.size_names.clear();
  model.arena = {256}, model.largest = {4096};
  model.rows34 = {3, 4}, model.rows53 = {5, 3}, model.rows25 = {2, 5};
  for (int i : {0, 4}) model.state[i].shape = model.rows34.data();
  model.state[1].shape = model.rows53.data(), model.state[2].shape = model.rows25.data();
  model.programs[0].arena_bytes = model.arena.data(), model.programs[0].largest_bytes = model.largest.data();
  Handle handle(model);
  EXPECT_EQ(model.call(handle), FOVEA_OK);
  uint8_t small[8];
  model.options.workspace = small;
  model.options.workspace_bytes = 8;
  EXPECT_NE(model.refusal().find("needed for 1 thread"), std::string::npos);
}

TEST(Threads, LeaveSignalsToTheProgram) {
  TestModel model;
  model.options.threads = 2;
  Handle handle(model);
  static std::atomic<int> blocked;
  blocked = 0;
  TestModel::run = [](fovea_handle *h, const int64_t *) {
    return halide_do_par_for(
        h,
        [](void *context, int, uint8_t *) {
          sigset_t mask;
          pthread_sigmask(SIG_SETMASK, nullptr, &mask);
          auto *worker = static_cast<fovea::Worker *>(context);
          bool own = worker == &worker->handle->caller;
          return (sigismember(&mask, SIGINT) == 1) == own ? 1 : 0;
        },
        0, 64, nullptr);
  };
  for (int i = 0; i < 20; ++i) EXPECT_EQ(model.call(handle), FOVEA_OK);
}

} // namespace
