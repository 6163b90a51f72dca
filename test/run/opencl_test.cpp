// A library for OpenCL on a stand-in for its loader, whose kernels do nothing: what is said where it fails.
#include "perceptron.h"

#include "test/TemporaryFolder.h"
#include "test/gpu/FakeOpenCl.h"
#include "test/run/CreateOn.h"
#include "test/run/Trained.h"
#include "test/runtime/Interposed.h"

#include <dlfcn.h>

using fovea::TemporaryFolder;
using testing::HasSubstr;
using testing::MatchesRegex;

namespace {

constexpr int64_t batch = 9;
constexpr const char *otherwise = "set options.cpu_fallback or options.target to run on the CPU";

class OpenCl : public testing::Test {
protected:
  OpenCl() {
    library = dlopen(FAKE_DRIVER, RTLD_NOW | RTLD_LOCAL);
    EXPECT_TRUE(library) << dlerror();
    opencl = static_cast<FakeOpenCl *>(dlsym(library, "fake_opencl"));
    *opencl = FakeOpenCl();
    options.sizes.batch = batch;
    options.target = "opencl";
  }
  ~OpenCl() override {
    destroy();
    for (int left : {opencl->contexts, opencl->queues, opencl->programs, opencl->kernels, opencl->allocations})
      EXPECT_EQ(left, 0);
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

  void *library;
  FakeOpenCl *opencl;
  perceptron_options options = PERCEPTRON_OPTIONS_DEFAULT;
  perceptron *model = nullptr;
  std::vector<float> image = pictures<float>(batch), logits = std::vector<float>(batch * 10);
};

TEST_F(OpenCl, CreateSaysWhatIsNeeded) {
  for (int index : {1, -1}) {
    options.device = index;
    EXPECT_EQ(create(), "model 'perceptron': target 'opencl' is for device " + std::to_string(index) +
                            " of OpenCL, and there are " + (index < 0 ? "0" : "1") + "; set options.device, or " +
                            otherwise);
  }
  options.device = 0;
  opencl->sharesFineGrain = false;
  EXPECT_EQ(create(), std::string("model 'perceptron': target 'opencl' needs shared virtual memory of fine grain, "
                                  "which device 0, 'emulated', lacks; set options.device, or ") +
                          otherwise);
  opencl->sharesFineGrain = true;
  opencl->bytes = 1 << 20;
  EXPECT_THAT(create(), MatchesRegex("model 'perceptron': device 0: [0-9]{7} bytes could not be allocated: OpenCL's "
                                     "error -4; use smaller sizes"));
  opencl->bytes = SIZE_MAX;
  for (const char *function : {"clCreateContext", "clCreateCommandQueueWithProperties"}) {
    opencl->fails = {{function, -6}};
    EXPECT_EQ(create(),
              std::string("model 'perceptron': device 0 of OpenCL, 'emulated', cannot be opened: error -6; ") +
                  otherwise);
    EXPECT_EQ(opencl->contexts, 0) << function;
  }
  opencl->fails = {{"clEnqueueSVMMemcpy", -5}};
  EXPECT_EQ(create(), "model 'perceptron': create: copying state to the device failed: OpenCL's error -5");
  opencl->fails = {{"clGetPlatformIDs", -1}};
  EXPECT_THAT(create(), HasSubstr("is for device 0 of OpenCL, and there are 0"));
}

TEST_F(OpenCl, KernelsAreInTheCallersQueue) {
  int queue, other;
  options.stream = &queue;
  ASSERT_EQ(create(), "");
  ASSERT_EQ(forward(), 0) << lastError();
  EXPECT_GT(opencl->launches, 1);
  EXPECT_EQ(opencl->lastQueue, &queue);
  EXPECT_EQ(opencl->queues, 0); // none of its own
  opencl->queueDevice = &other;
  EXPECT_EQ(create(), "model 'perceptron': options.stream is a queue of another device than 0, 'emulated': set "
                      "options.device to that of the queue");
  opencl->queueDevice = nullptr;
  opencl->fails = {{"clGetCommandQueueInfo", -36}};
  EXPECT_THAT(create(), HasSubstr("device 0 of OpenCL, 'emulated', cannot be opened: error -36"));
}

TEST_F(OpenCl, TheProcessorStandsInOnlyWhereThatIsAskedFor) {
  opencl->devices = 0;
  EXPECT_NE(create(), "");
  options.target = "x86-64-v3";
  ASSERT_EQ(create(), "");
  EXPECT_EQ(forward(), 0) << lastError();
}

TEST_F(OpenCl, CallsSayWhatFailedAndWorkAgain) {
  struct Failure {
    const char *function, *message;
  };
  for (auto [function, message] :
       {Failure{"clEnqueueSVMMemcpy", "forward: copying an input to the device failed: OpenCL's error -46"},
        Failure{"clCreateProgramWithSource", "forward: loading a kernel failed: OpenCL's error -46"},
        Failure{"clBuildProgram", "forward: loading a kernel failed: OpenCL's error -46: an emulated log"},
        Failure{"clCreateKernel", "forward: finding a kernel failed: OpenCL's error -46"},
        Failure{"clSetKernelArg", "forward: launching a kernel failed: OpenCL's error -46"},
        Failure{"clSetKernelArgSVMPointer", "forward: launching a kernel failed: OpenCL's error -46"},
        Failure{"clEnqueueNDRangeKernel", "forward: launching a kernel failed: OpenCL's error -46"},
        Failure{"clFinish", "forward: waiting for the device failed: OpenCL's error -46"}}) {
    ASSERT_EQ(create(), "");
    opencl->fails = {{function, -46}};
    EXPECT_EQ(forward(), PERCEPTRON_DEVICE_ERROR) << function;
    EXPECT_THAT(lastError(),
                MatchesRegex(std::string("model 'perceptron': ") + message + "( .in kernel 'matmul_0'.)?"));
    opencl->fails.clear();
    EXPECT_EQ(forward(), 0) << lastError();
  }
}

TEST_F(OpenCl, NoMemoryForItsFunctionsIsSaid) {
  allocations_until_failure = 1; // the workspace's comes before
  EXPECT_EQ(create(), "model 'perceptron': no memory for OpenCL's functions");
  allocations_until_failure = -1;
}

//===-- Other loaders ---------------------------------------------------------------------------------------------===//

TEST(OpenClDeathTest, ALoaderThatIsTooOld) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(createOn("opencl", OLD_DRIVER), testing::ExitedWithCode(0),
              "target 'opencl': OpenCL's loader is too old, it has no clEnqueueNDRangeKernel; install a newer one, or "
              "set options.cpu_fallback");
}

/// A file that is no library comes before one that is.
struct NoOpenCl : TemporaryFolder {};

TEST_F(NoOpenCl, IsSaid) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  std::ofstream(folder / "libOpenCL.so.1") << "nothing";
  setenv("LD_LIBRARY_PATH", folder.c_str(), 1);
  EXPECT_EXIT(createOn("opencl", nullptr), testing::ExitedWithCode(0),
              "target 'opencl' needs OpenCL, and its loader is not there \\(.*libOpenCL.so.1: .*\\): install it, or "
              "set options.cpu_fallback");
  unsetenv("LD_LIBRARY_PATH");
}

} // namespace
