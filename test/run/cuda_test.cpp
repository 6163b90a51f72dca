// A library for CUDA on a stand-in for the driver, whose kernels do nothing: what is asked of the driver, and what is
// said where it fails.
#include "diagonal.h"
#include "many.h"
#include "perceptron.h"
#include "products.h"
#include "transformer.h"

#include "test/TemporaryFolder.h"
#include "test/gpu/FakeDriver.h"
#include "test/run/CreateOn.h"
#include "test/run/Trained.h"
#include "test/runtime/Interposed.h"

#include <algorithm>
#include <dlfcn.h>

using fovea::TemporaryFolder;
using testing::HasSubstr;
using testing::MatchesRegex;

namespace {

constexpr int64_t batch = 9;
constexpr size_t imageBytes = batch * 784 * 4, labelBytes = batch * 4, logitBytes = batch * 10 * 4, scalarBytes = 4;

class Cuda : public TemporaryFolder {
protected:
  Cuda() {
    library = dlopen(FAKE_DRIVER, RTLD_NOW | RTLD_LOCAL);
    EXPECT_TRUE(library) << dlerror();
    driver = static_cast<FakeDriver *>(dlsym(library, "fake_driver"));
    *driver = FakeDriver();
    options.sizes.batch = batch;
    options.target = "cuda-sm80";
  }
  ~Cuda() override {
    destroy();
    EXPECT_EQ(driver->contexts, 0);
    EXPECT_EQ(driver->allocations, 0);
    EXPECT_EQ(driver->pushed, 0);
  }

  void destroy() {
    perceptron_destroy(model);
    model = nullptr;
  }
  /// What create says where it makes no model, else nothing.
  std::string create() {
    destroy();
    model = perceptron_create(&options);
    return model ? "" : perceptron_last_error(nullptr);
  }
  std::string lastError() { return perceptron_last_error(model); }
  int forward() { return perceptron_forward(model, batch, image.data(), logits.data()); }
  int train() { return perceptron_train_step(model, batch, image.data(), label.data(), 0.1f, &loss); }
  uint64_t allocate(size_t bytes) {
    uint64_t address = 0;
    EXPECT_EQ(reinterpret_cast<int (*)(uint64_t *, size_t)>(dlsym(library, "cuMemAlloc_v2"))(&address, bytes), 0);
    return address;
  }
  void release(uint64_t address) { reinterpret_cast<int (*)(uint64_t)>(dlsym(library, "cuMemFree_v2"))(address); }

  /// Bytes of each copy in this direction, sorted.
  std::vector<size_t> copied(const std::string &function) {
    std::vector<size_t> bytes;
    for (const FakeDriver::Call &call : driver->calls)
      if (call.function == function) bytes.push_back(call.bytes);
    std::sort(bytes.begin(), bytes.end());
    return bytes;
  }
  bool aKernelTakes(uint64_t address) {
    return std::any_of(driver->calls.begin(), driver->calls.end(), [&](const FakeDriver::Call &call) {
      return std::count(call.arguments.begin(), call.arguments.end(), address);
    });
  }

  void *library;
  FakeDriver *driver;
  perceptron_options options = PERCEPTRON_OPTIONS_DEFAULT;
  perceptron *model = nullptr;
  std::vector<float> image = pictures<float>(batch), logits = std::vector<float>(batch * 10);
  std::vector<int32_t> label = labelsFor(batch);
  float loss = 0;
};

using Bytes = std::vector<size_t>;

//===-- What is asked of the driver -------------------------------------------------------------------------------===//

TEST_F(Cuda, AllMemoryIsOneAllocationOfCreate) {
  ASSERT_EQ(create(), "");
  EXPECT_EQ(driver->count("cuMemAlloc"), 1);
  EXPECT_EQ(copied("cuMemcpyHtoDAsync").size(), 1u); // the state
  for (int step = 0; step < 3; ++step) ASSERT_EQ(train() | forward(), 0) << lastError();
  EXPECT_EQ(driver->count("cuMemAlloc"), 1);
  EXPECT_EQ(driver->allocations, 1);
}

TEST_F(Cuda, OnlyInputsAndOutputsAreCopied) {
  ASSERT_EQ(create(), "");
  driver->calls.clear();
  ASSERT_EQ(forward(), 0) << lastError();
  EXPECT_EQ(copied("cuMemcpyHtoDAsync"), Bytes({imageBytes}));
  EXPECT_EQ(copied("cuMemcpyDtoHAsync"), Bytes({logitBytes}));
  EXPECT_GT(driver->count("cuLaunchKernel"), 1);
  for (int step = 0; step < 2; ++step) {
    driver->calls.clear();
    ASSERT_EQ(train(), 0) << lastError();
    EXPECT_EQ(copied("cuMemcpyHtoDAsync"), Bytes({scalarBytes, scalarBytes, labelBytes, imageBytes})); // rate and scale
    EXPECT_EQ(copied("cuMemcpyDtoHAsync"), Bytes({scalarBytes}));
    EXPECT_EQ(driver->count("cuStreamSynchronize"), 2); // of gradients and of update
  }
}

TEST_F(Cuda, MemoryOfTheDeviceIsUsedInPlace) {
  ASSERT_EQ(create(), "");
  uint64_t images = allocate(imageBytes), results = allocate(logitBytes);
  driver->calls.clear();
  ASSERT_EQ(perceptron_forward(model, batch, (float *)images, (float *)results), 0) << lastError();
  EXPECT_EQ(driver->copies(), 0);
  EXPECT_EQ(driver->count("cuStreamSynchronize"), 0); // the call does not wait
  EXPECT_TRUE(aKernelTakes(images));
  EXPECT_TRUE(aKernelTakes(results));
  release(images);
  release(results);
}

TEST_F(Cuda, EverythingIsInTheCallersStream) {
  int stream;
  options.stream = &stream;
  ASSERT_EQ(create(), "");
  ASSERT_EQ(train() | forward(), 0) << lastError();
  for (const FakeDriver::Call &call : driver->calls)
    if (call.function != "cuMemAlloc") {
      EXPECT_EQ(call.stream, &stream) << call.function;
    }
}

TEST_F(Cuda, StateStaysOnTheDevice) {
  ASSERT_EQ(create(), "");
  std::vector<float> values(10), got(10);
  for (int i = 0; i < 10; ++i) values[i] = i;
  ASSERT_EQ(perceptron_set(model, "head.bias", values.data(), 40), 0) << lastError();
  ASSERT_EQ(forward(), 0);
  driver->calls.clear();
  ASSERT_EQ(perceptron_get(model, "head.bias", got.data(), 40), 0) << lastError();
  EXPECT_EQ(got, values);
  EXPECT_EQ(driver->copies(), 1);
  EXPECT_GE(copied("cuMemcpyDtoHAsync").at(0), 40u);
  EXPECT_LE(copied("cuMemcpyDtoHAsync").at(0), 128u); // its storage has padding
}

TEST_F(Cuda, KernelsAreLoadedOnce) {
  ASSERT_EQ(create(), "");
  ASSERT_EQ(train(), 0) << lastError();
  driver->fails = {{"cuModuleLoadDataEx", 1}, {"cuModuleGetFunction", 1}};
  EXPECT_EQ(train(), 0) << lastError();
}

TEST_F(Cuda, ABlockIsAtMostTenLaunches) {
  constexpr int blocks = 2, beside = 5; // patches, the last norm, mean and head
  transformer_options own = TRANSFORMER_OPTIONS_DEFAULT;
  own.sizes.batch = batch;
  own.target = "cuda-sm80";
  transformer *vision = transformer_create(&own);
  ASSERT_TRUE(vision) << transformer_last_error(nullptr);
  ASSERT_EQ(transformer_forward(vision, batch, image.data(), logits.data()), 0) << transformer_last_error(vision);
  EXPECT_GT(driver->count("cuLaunchKernel"), blocks);
  EXPECT_LE(driver->count("cuLaunchKernel"), 10 * blocks + beside);
  transformer_destroy(vision);
}

//===-- What is said ----------------------------------------------------------------------------------------------===//

TEST_F(Cuda, CreateSaysWhatTheDriverLacks) {
  struct Failure {
    const char *function, *message;
  };
  for (auto [function, message] :
       {Failure{"cuInit",
                "target 'cuda-sm80' needs CUDA, whose driver says: an emulated error; set options.cpu_fallback "
                "or options.target to run on the CPU"},
        Failure{"cuDevicePrimaryCtxRetain", "device 0, 'emulated', cannot be opened: an emulated error"},
        Failure{"cuMemcpyHtoDAsync", "create: copying state to the device failed: an emulated error (CUDA error 999)"},
        Failure{"cuStreamSynchronize", "create: copying state to the device failed"}}) {
    driver->fails = {{function, 999}};
    EXPECT_THAT(create(), HasSubstr(message));
    EXPECT_EQ(driver->contexts, 0) << function;
    EXPECT_EQ(driver->allocations, 0) << function;
  }
}

TEST_F(Cuda, CreateSaysWhatIsNeeded) {
  driver->devices = 0;
  EXPECT_THAT(create(), HasSubstr("options.device is 0, and there are 0 CUDA devices"));
  driver->devices = 1;
  options.device = -1;
  EXPECT_THAT(create(), HasSubstr("options.device is -1, and there are 1 CUDA devices"));
  options.device = 0;
  driver->capability = 70;
  EXPECT_THAT(create(), HasSubstr("target 'cuda-sm80' needs compute capability 8.0; device 0, 'emulated', has 7.0 "
                                  "(driver for CUDA 12.0); give options.device another, or set options.cpu_fallback"));
  driver->capability = 120;
  EXPECT_EQ(create(), "");
  driver->bytes = 1 << 20;
  EXPECT_THAT(create(), MatchesRegex("model 'perceptron': device 0: [0-9]{7} bytes could not be allocated: an emulated "
                                     "error \\(CUDA error 2\\); use smaller sizes"));
}

TEST_F(Cuda, TheProcessorStandsInOnlyWhereThatIsAskedFor) {
  driver->devices = 0;
  options.target = nullptr;
  EXPECT_THAT(create(), HasSubstr("options.cpu_fallback"));
  options.cpu_fallback = 1;
  ASSERT_EQ(create(), "");
  EXPECT_STREQ(perceptron_target(model), "x86-64-v3");
  ASSERT_EQ(forward(), 0) << lastError();
  options.cpu_fallback = 0;
  options.target = "x86-64-v3";
  ASSERT_EQ(create(), "");
  options.target = "cuda-sm80";
  options.cpu_fallback = 1; // a target that is named is meant
  EXPECT_NE(create(), "");
}

TEST_F(Cuda, CallsSayWhatFailedAndWorkAgain) {
  struct Failure {
    const char *function, *message;
  };
  for (auto [function, message] :
       {Failure{"cuMemcpyHtoDAsync", "forward: copying an input to the device failed: an emulated error"},
        Failure{"cuModuleLoadDataEx",
                "forward: loading a kernel failed: an emulated error (CUDA error 218): an emulated log"},
        Failure{"cuModuleGetFunction", "forward: finding a kernel failed"},
        Failure{"cuLaunchKernel", "forward: launching a kernel failed"},
        Failure{"cuMemcpyDtoHAsync", "forward: copying an output from the device failed"},
        Failure{"cuStreamSynchronize", "forward: waiting for the device failed"}}) {
    ASSERT_EQ(create(), "");
    driver->fails = {{function, 218}};
    EXPECT_EQ(forward(), PERCEPTRON_DEVICE_ERROR) << function;
    EXPECT_THAT(lastError(), HasSubstr(message));
    driver->fails.clear();
    EXPECT_EQ(forward(), 0) << lastError();
  }
}

TEST_F(Cuda, ProductsHaveAsManyBlocksAsTheyNeed) {
  constexpr int64_t items = 65536;
  std::vector<float> a(items * 6), b(items * 6), c(items * 4);
  products_options own = PRODUCTS_OPTIONS_DEFAULT;
  own.sizes.batch = items;
  own.target = "cuda-sm80";
  products *many = products_create(&own);
  ASSERT_TRUE(many) << products_last_error(nullptr);
  EXPECT_EQ(products_forward(many, items, a.data(), b.data(), c.data()), 0) << products_last_error(many);
  products_destroy(many);
}

TEST_F(Cuda, AConstantIsCopiedOnceAndItsFailureSaid) {
  std::vector<float> x(batch * 9), y(batch * 3);
  diagonal_options own = DIAGONAL_OPTIONS_DEFAULT;
  own.sizes.batch = batch;
  own.target = "cuda-sm80";
  diagonal *places = diagonal_create(&own);
  ASSERT_TRUE(places) << diagonal_last_error(nullptr);
  auto forward = [&] { return diagonal_forward(places, batch, x.data(), y.data()); };
  const int before = driver->allocations;
  for (auto [function, calls] : {std::pair("cuMemAlloc", 0), {"cuMemcpyHtoDAsync", 1}, {"cuStreamSynchronize", 0}}) {
    driver->fails = {{function, 700}};
    driver->succeeds = calls;
    EXPECT_EQ(forward(), DIAGONAL_DEVICE_ERROR) << function;
    EXPECT_STREQ(diagonal_last_error(places), "model 'diagonal': forward: copying a constant to the device failed: an "
                                              "emulated error (CUDA error 700) (in kernel 'point_0')");
    EXPECT_EQ(driver->allocations, before) << function;
  }
  driver->fails.clear();
  EXPECT_EQ(forward(), 0) << diagonal_last_error(places);
  EXPECT_EQ(driver->allocations, before + 1);
  EXPECT_EQ(forward(), 0) << diagonal_last_error(places);
  EXPECT_EQ(driver->allocations, before + 1);
  diagonal_destroy(places);
}

TEST_F(Cuda, MoreArgumentsThanAKernelTakesAreSaid) {
  many_options own = MANY_OPTIONS_DEFAULT;
  own.target = "cuda-sm80";
  many *model = many_create(&own);
  ASSERT_TRUE(model) << many_last_error(nullptr);
  float x[4] = {}, y[4];
#define EIGHT(X) X, X, X, X, X, X, X, X
#define SIXTY_FOUR(X) EIGHT(X), EIGHT(X), EIGHT(X), EIGHT(X), EIGHT(X), EIGHT(X), EIGHT(X), EIGHT(X)
  EXPECT_EQ(many_forward(model, SIXTY_FOUR(x), SIXTY_FOUR(x), SIXTY_FOUR(x), SIXTY_FOUR(x), SIXTY_FOUR(x),
                         SIXTY_FOUR(x), SIXTY_FOUR(x), SIXTY_FOUR(x), EIGHT(x), y),
            MANY_DEVICE_ERROR);
  EXPECT_STREQ(many_last_error(model), "model 'many': forward: launching a kernel failed: it has more than 512 "
                                       "arguments: join some of its inputs before (in kernel 'point_0')");
  many_destroy(model);
}

TEST_F(Cuda, NoMemoryOfTheHostIsSaid) {
  allocations_until_failure = 1; // the workspace's comes before
  EXPECT_EQ(create(), "model 'perceptron': no memory for the CUDA driver's functions");
  for (auto [which, doing] : {std::pair(0, "loading"), {1, "finding"}}) {
    allocations_until_failure = -1;
    ASSERT_EQ(create(), "");
    allocations_until_failure = which;
    EXPECT_EQ(forward(), PERCEPTRON_OUT_OF_MEMORY);
    EXPECT_EQ(lastError(), std::string("model 'perceptron': forward: ") + doing +
                               " a kernel failed: the host has no memory for the table of what is there (in kernel "
                               "'matmul_0')");
    allocations_until_failure = -1;
    EXPECT_EQ(forward(), 0) << lastError();
  }
}

TEST_F(Cuda, ProfilingSaysWhatFailed) {
  options.profile = [](void *, const char *, double) {};
  ASSERT_EQ(create(), "");
  driver->fails = {{"cuStreamSynchronize", 700}};
  EXPECT_EQ(forward(), PERCEPTRON_DEVICE_ERROR);
  EXPECT_THAT(lastError(), HasSubstr("forward: waiting for the device failed: an emulated error (CUDA error 700)"));
}

TEST_F(Cuda, StateSaysWhatFailed) {
  ASSERT_EQ(create(), "");
  std::vector<float> values(10);
  std::string file = folder / "parameters";
  ASSERT_EQ(perceptron_save(model, file.c_str()), 0) << lastError();
  driver->fails = {{"cuMemcpyDtoHAsync", 700}};
  EXPECT_EQ(perceptron_get(model, "head.bias", values.data(), 40), PERCEPTRON_DEVICE_ERROR);
  EXPECT_THAT(lastError(), HasSubstr("copying state from the device failed: an emulated error"));
  EXPECT_EQ(perceptron_save(model, (file + "2").c_str()), PERCEPTRON_DEVICE_ERROR);
  EXPECT_EQ(perceptron_save_checkpoint(model, (file + "2").c_str()), PERCEPTRON_DEVICE_ERROR);
  EXPECT_FALSE(std::filesystem::exists(file + "2"));
  driver->fails = {{"cuMemcpyHtoDAsync", 700}};
  EXPECT_EQ(perceptron_set(model, "head.bias", values.data(), 40), PERCEPTRON_DEVICE_ERROR);
  EXPECT_THAT(lastError(), HasSubstr("copying state to the device failed: an emulated error"));
  EXPECT_EQ(perceptron_load(model, file.c_str()), PERCEPTRON_DEVICE_ERROR);
  EXPECT_THAT(lastError(), HasSubstr("copying state to the device failed: an emulated error"));
}

TEST_F(Cuda, MemoryOfAnotherDeviceIsRefused) {
  ASSERT_EQ(create(), "");
  driver->ofDevice[reinterpret_cast<uint64_t>(image.data())] = 1;
  EXPECT_EQ(forward(), PERCEPTRON_INVALID_ARGUMENT);
  EXPECT_EQ(lastError(),
            "model 'perceptron': forward: argument 'image' is memory of device 1; give memory of the host or "
            "of device 0, on which the model is");
  driver->ofDevice.clear();
  EXPECT_EQ(forward(), 0) << lastError();
}

TEST_F(Cuda, MemoryOfTheDeviceIsAligned) {
  ASSERT_EQ(create(), "");
  uint64_t images = allocate(imageBytes + 8);
  EXPECT_EQ(perceptron_forward(model, batch, (float *)(images + 8), logits.data()), PERCEPTRON_INVALID_ARGUMENT);
  EXPECT_THAT(lastError(),
              MatchesRegex("model 'perceptron': forward: argument 'image' is memory of the device at 0x[0-9a-f]+8; "
                           "give it at a multiple of 16 bytes"));
  EXPECT_EQ(perceptron_forward(model, batch, (float *)images, logits.data()), 0) << lastError();
  release(images);
}

//===-- Other drivers ---------------------------------------------------------------------------------------------===//

TEST(CudaDeathTest, ADriverThatIsTooOld) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(createOn("cuda-sm80", OLD_DRIVER), testing::ExitedWithCode(0),
              "target 'cuda-sm80': the CUDA driver is too old, it has no cuLaunchKernel; install a newer one, or set "
              "options.cpu_fallback");
}

TEST(CudaDeathTest, NoDriver) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  if (void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD); library || dlopen("libcuda.so.1", RTLD_LAZY))
    GTEST_SKIP() << "this machine has a CUDA driver, or a test before this one loaded one";
  EXPECT_EXIT(createOn("cuda-sm80", nullptr), testing::ExitedWithCode(0),
              "target 'cuda-sm80' needs the CUDA driver, which is not there \\(libcuda.so.1: cannot open.*\\): install "
              "it, or set options.cpu_fallback or options.target");
}

} // namespace
