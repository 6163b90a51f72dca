// A whole library for CUDA whose kernels are all for tensor cores, as its users call it, on an emulated device behind a
// CUDA driver that is no driver.
#include "test/gpu/Bf16.h"
#include "test/gpu/EmulatedDevice.h"

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

std::map<std::string, EmulatedDevice::Kernel> kernels;
int launches = 0;

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
    EXPECT_TRUE(dlopen(FAKE_DRIVER, RTLD_NOW | RTLD_LOCAL)) << dlerror();
  }

  std::shared_ptr<const LoadedModel> compile() {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(model, &context);
    CompileOptions options;
    options.name = "two";
    options.targets = "cuda-sm80";
    auto compiled = compileModel(*module, options);
    EXPECT_TRUE(succeeded(compiled));
    for (TargetProgram &program : compiled->programs)
      for (KernelOp kernel : program.module->getOps<KernelOp>()) {
        EXPECT_TRUE(gpu::canCompile(kernel, program.target));
        const std::string &symbol = program.kernels.at(kernel.getSymName().str()).symbol;
        auto text = gpu::kernelText(kernel, program.target, KernelText::llvm);
        void *library = loadKernels(folder / symbol, *text, symbol);
        for (std::string name : {symbol, symbol + "_unaligned"})
          kernels[name] = reinterpret_cast<EmulatedDevice::Kernel>(dlsym(library, name.c_str()));
      }
    return llvm::cantFail(LoadedModel::load(*compiled, options));
  }

  mlir::MLIRContext context;
};

TEST_F(Libraries, RunOnTheDevice) {
  auto code = compile();
  constexpr int64_t rows = 37;
  fovea_options options = {};
  options.struct_size = sizeof options;
  options.sizes[0] = rows;
  void *handle = code->function<void *(const fovea_options *)>("create")(&options);
  auto lastError = code->function<const char *(void *)>("last_error");
  ASSERT_TRUE(handle) << lastError(nullptr);
  EXPECT_STREQ(code->function<const char *(void *)>("target")(handle), "cuda-sm80");

  Matrix x = normal(rows * depth, 1), w = normal(depth * width, 2), b = normal(width, 3),
         v = normal(columns * width, 4), y(rows * columns);
  auto set = code->function<int32_t(void *, const char *, const void *, size_t)>("set");
  ASSERT_EQ(set(handle, "w", w.data(), w.size() * 2), 0) << lastError(handle);
  launches = 0;
  ASSERT_EQ(code->call(*code->entry("forward"), handle, {rows}, {x.data(), b.data(), v.data(), y.data()}), 0)
      << lastError(handle);
  EXPECT_EQ(launches, 2);
  for (int64_t m = 0; m < rows; ++m) {
    std::vector<float> hidden(width);
    for (int64_t n = 0; n < width; ++n) {
      double sum = wide(b[n]);
      for (int64_t k = 0; k < depth; ++k) sum += double(wide(x[m * depth + k])) * wide(w[k * width + n]);
      hidden[n] = wide(low(sum * std::erfc(-sum * M_SQRT1_2) / 2));
    }
    for (int64_t n = 0; n < columns; ++n) {
      double sum = 0, size = 0;
      for (int64_t k = 0; k < width; ++k) {
        double term = double(hidden[k]) * wide(v[n * width + k]);
        sum += term;
        size = std::max(size, std::abs(term));
      }
      // One rounding of the result, and a few of the hidden that fall to the other side.
      ASSERT_NEAR(wide(y[m * columns + n]), sum, std::abs(sum) * 0x1p-8 + 4 * size * 0x1p-7) << m << ", " << n;
    }
  }
  code->function<void(void *)>("destroy")(handle);
}

} // namespace

extern "C" void emulated_launch(const char *entry, int blocksX, int blocksY, int threads, const uint64_t *arguments,
                                int count) {
  auto kernel = kernels.find(entry);
  ASSERT_NE(kernel, kernels.end()) << entry;
  ASSERT_LE(count, 6);
  std::array<uint64_t, 6> values = {};
  std::copy(arguments, arguments + count, values.begin());
  ++launches;
  EmulatedDevice::run(kernel->second, {blocksX, blocksY}, threads, values);
}
