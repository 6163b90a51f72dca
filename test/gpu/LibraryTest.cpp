// A whole library for CUDA whose kernels are all for tensor cores, as its users call it, on the emulated device.
#include "test/gpu/Bf16.h"
#include "test/gpu/FakeDriver.h"

#include "lib/emit/LoadedModel.h"
#include "lib/gpu/Provider.h"
#include "lib/halide/Lowering.h"
#include "test/TemporaryFolder.h"
#include "tools/Register.h"

#include "mlir/Parser/Parser.h"

#include <cmath>
#include <dlfcn.h>
#include <random>

using namespace fovea;
using testing::HasSubstr;

namespace {

constexpr int64_t depth = 64, width = 128, columns = 32;

const char *model = R"(
!x = tensor<?x64xbf16, #fovea.dims<[batch] -> (batch, 64)>>
!h = tensor<?x128xbf16, #fovea.dims<[batch] -> (batch, 128)>>
!y = tensor<?x32xbf16, #fovea.dims<[batch] -> (batch, 32)>>
module attributes {fovea.stage = "model"} {
  fovea.state "parameter" @w : tensor<64x128xbf16>
  func.func @model(%x: !x {fovea.name = "x"}, %b: tensor<128xbf16> {fovea.name = "b"},
                   %v: tensor<32x128xbf16> {fovea.name = "v"}) -> (!y {fovea.name = "y"}) {
    %w = fovea.load @w : tensor<64x128xbf16>
    %0 = fovea.matmul %x, %w : (!x, tensor<64x128xbf16>) -> !h
    %1 = fovea.add %0, %b : (!h, tensor<128xbf16>) -> !h
    %2 = fovea.gelu %1 : !h
    %3 = fovea.matmul %2, %v {transpose_b = true} : (!h, tensor<32x128xbf16>) -> !y
    return %3 : !y
  }
})";

using Matrix = std::vector<uint16_t>;

Matrix normal(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> distribution;
  Matrix result(count);
  for (uint16_t &element : result) element = low(distribution(random));
  return result;
}

class Libraries : public TemporaryFolder {
protected:
  Libraries() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    registerLowerings(registry);
    context.appendDialectRegistry(registry);
    library = dlopen(EMULATED_DRIVER, RTLD_NOW | RTLD_LOCAL);
    EXPECT_TRUE(library) << dlerror();
    driver = static_cast<FakeDriver *>(dlsym(library, "fake_driver"));
    *driver = FakeDriver();
    options.struct_size = sizeof options;
    options.sizes[0] = rows;
  }
  ~Libraries() override {
    if (handle) code->function<void(void *)>("destroy")(handle);
    dlclose(library);
  }

  /// What create says where it makes no model, else nothing.
  std::string create(const std::string &targets = "cuda-sm80") {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(model, &context);
    CompileOptions compileOptions;
    compileOptions.name = "two";
    compileOptions.targets = targets;
    auto compiled = compileModel(*module, compileOptions);
    EXPECT_TRUE(succeeded(compiled));
    for (TargetProgram &program : compiled->programs)
      for (KernelOp kernel : program.module->getOps<KernelOp>())
        EXPECT_EQ(gpu::canCompile(kernel, program.target), program.target.onDevice());
    code = llvm::cantFail(LoadedModel::load(*compiled, compileOptions));
    handle = code->function<void *(const fovea_options *)>("create")(&options);
    return handle ? "" : lastError();
  }

  std::string lastError() { return code->function<const char *(void *)>("last_error")(handle); }
  std::string target() { return code->function<const char *(void *)>("target")(handle); }

  int32_t forward(const void *x, void *y) {
    auto set = code->function<int32_t(void *, const char *, const void *, size_t)>("set");
    EXPECT_EQ(set(handle, "w", w.data(), w.size() * 2), 0) << lastError();
    driver->calls.clear();
    return code->call(*code->entry("forward"), handle, {rows}, {const_cast<void *>(x), b.data(), v.data(), y});
  }

  void check() {
    for (int64_t m = 0; m < rows; ++m) {
      std::vector<float> hidden(width);
      for (int64_t n = 0; n < width; ++n) {
        double sum = wide(b[n]);
        for (int64_t k = 0; k < depth; ++k) sum += double(wide(x[m * depth + k])) * wide(w[k * width + n]);
        hidden[n] = wide(low(sum * std::erfc(-sum * M_SQRT1_2) / 2));
      }
      for (int64_t n = 0; n < columns; ++n) {
        double sum = 0, largest = 0;
        for (int64_t k = 0; k < width; ++k) {
          double term = double(hidden[k]) * wide(v[n * width + k]);
          sum += term;
          largest = std::max(largest, std::abs(term));
        }
        // One rounding of the result, and a few of the hidden that fall to the other side.
        ASSERT_NEAR(wide(y[m * columns + n]), sum, std::abs(sum) * 0x1p-8 + 4 * largest * 0x1p-7) << m << ", " << n;
      }
    }
  }

  static constexpr int64_t rows = 37;
  Matrix x = normal(rows * depth, 1), w = normal(depth * width, 2), b = normal(width, 3),
         v = normal(columns * width, 4), y = Matrix(rows * columns);
  mlir::MLIRContext context;
  fovea_options options = {};
  std::shared_ptr<const LoadedModel> code;
  void *library, *handle = nullptr;
  FakeDriver *driver;
};

TEST_F(Libraries, RunOnTheDevice) {
  ASSERT_EQ(create(), "");
  EXPECT_EQ(target(), "cuda-sm80");
  ASSERT_EQ(forward(x.data(), y.data()), 0) << lastError();
  EXPECT_EQ(driver->count("cuLaunchKernel"), 2);
  EXPECT_EQ(driver->copies(), 4); // three inputs and the output
  check();
}

TEST_F(Libraries, TakeMemoryOfTheDevice) {
  ASSERT_EQ(create(), "");
  auto allocate = reinterpret_cast<int (*)(uint64_t *, size_t)>(dlsym(library, "cuMemAlloc_v2"));
  uint64_t ofX, ofY;
  ASSERT_EQ(allocate(&ofX, x.size() * 2) | allocate(&ofY, y.size() * 2), 0);
  std::memcpy((void *)ofX, x.data(), x.size() * 2);
  ASSERT_EQ(forward((void *)ofX, (void *)ofY), 0) << lastError();
  EXPECT_EQ(driver->copies(), 2); // the inputs that are on the host
  std::memcpy(y.data(), (void *)ofY, y.size() * 2);
  check();
  auto release = reinterpret_cast<int (*)(uint64_t)>(dlsym(library, "cuMemFree_v2"));
  EXPECT_EQ(release(ofX) | release(ofY), 0);
}

TEST_F(Libraries, SayWhatIsMissing) {
  driver->devices = 0;
  EXPECT_THAT(create(), HasSubstr("options.device is 0, and there are 0 CUDA devices"));
  driver->devices = 2;
  options.device = 2;
  EXPECT_THAT(create(), HasSubstr("options.device is 2, and there are 2 CUDA devices"));
  options.device = 1;
  driver->capability = 75;
  EXPECT_THAT(create(), HasSubstr("target 'cuda-sm80' needs compute capability 8.0; device 1, 'emulated', has 7.5"));
  driver->capability = 90;
  driver->bytes = 1000;
  EXPECT_THAT(create(), HasSubstr("bytes could not be allocated: an emulated error (CUDA error 2)"));
}

TEST_F(Libraries, RunOnTheProcessorWhereThatIsAskedFor) {
  driver->devices = 0;
  EXPECT_NE(create("x86-64+cuda-sm80"), "");
  options.cpu_fallback = 1;
  ASSERT_EQ(create("x86-64+cuda-sm80"), "");
  EXPECT_EQ(target(), "x86-64");
  ASSERT_EQ(forward(x.data(), y.data()), 0) << lastError();
  EXPECT_EQ(driver->count("cuLaunchKernel"), 0);
  check();
}

TEST_F(Libraries, SayWhatFailed) {
  ASSERT_EQ(create(), "");
  driver->fails["cuLaunchKernel"] = 700;
  EXPECT_NE(forward(x.data(), y.data()), 0);
  EXPECT_THAT(lastError(), HasSubstr("forward: launching a kernel failed: an emulated error (CUDA error 700)"));
  driver->fails.clear();
  ASSERT_EQ(forward(x.data(), y.data()), 0) << lastError();
  check();
}

} // namespace
