// Products of bf16 matrices by the tensor-core provider, in both forms: the vector form as code for the processor, and
// the device form launched as on a device, whose PTX is emulated. Both against sums of f64.
#include "test/cuda/Machine.h"
#include "test/gpu/Bf16.h"

#include "dialect/Ops.h"
#include "lib/emit/Files.h"
#include "lib/gpu/Provider.h"
#include "test/TemporaryFolder.h"
#include "tools/Register.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <dlfcn.h>
#include <random>

using namespace fovea;
using testing::HasSubstr;

namespace {

struct Shape {
  int64_t rows, columns, depth;
  bool transposedB = false;
  std::string bias = "f32"; // an element type, or none
  std::string result = "bf16";
  std::string residual = "none"; // as bias
  bool inPlace = false;          // the result goes where the residual is
  std::string activation = "none";
  int64_t apart = 0; // elements from the multiple of 16 bytes at which matrices begin

  friend std::ostream &operator<<(std::ostream &out, const Shape &shape) {
    return out << shape.rows << "x" << shape.columns << "x" << shape.depth << " b" << (shape.transposedB ? "^T" : "")
               << " + " << shape.bias << " + " << shape.residual << (shape.inPlace ? " in place" : "") << ", "
               << shape.activation << " to " << shape.result << " at " << shape.apart;
  }
};

/// The kernel of a shape, with fovea.cast wherever bf16 is computed with.
class TextOfKernel {
public:
  explicit TextOfKernel(const Shape &shape) : shape(shape) {}

  std::string build() {
    std::string result = rows(shape.columns, shape.result), residual = rows(shape.columns, shape.residual);
    std::string text = "fovea.kernel @product(";
    if (shape.residual != "none") text += "%residual: " + residual + ", ";
    text += "%a: " + rows(shape.depth, "bf16") + ", %b: " + weight("bf16");
    if (shape.bias != "none") text += ", %bias: " + row(shape.bias);
    text += ") -> (" + result + (shape.inPlace ? " {fovea.in_place = 0 : i64}" : "") + ") {\n";
    std::string a = cast("%a", rows(shape.depth, "bf16"), rows(shape.depth, "f32"));
    std::string b = cast("%b", weight("bf16"), weight("f32"));
    std::string sum = "%sum";
    body += llvm::formatv("%sum = fovea.matmul {0}, {1} {2}: ({3}, {4}) -> {5}\n", a, b,
                          shape.transposedB ? "{transpose_b = true} " : "", rows(shape.depth, "f32"), weight("f32"),
                          sumType());
    if (shape.bias != "none") sum = add(sum, sumType(), cast("%bias", row(shape.bias), row("f32")), row("f32"));
    if (shape.residual != "none") sum = add(cast("%residual", residual, sumType()), sumType(), sum, sumType());
    if (shape.activation != "none")
      body += "%active = fovea." + shape.activation + " " + sum + " : " + sumType() + "\n", sum = "%active";
    sum = cast(sum, sumType(), result);
    return text + body + "fovea.yield " + sum + " : " + result + "\n}\n";
  }

private:
  std::string rows(int64_t columns, llvm::StringRef element) {
    return llvm::formatv("tensor<?x{0}x{1}, #fovea.dims<[batch] -> (batch, {0})>>", columns, element);
  }
  std::string row(llvm::StringRef element) { return llvm::formatv("tensor<{0}x{1}>", shape.columns, element); }
  std::string weight(llvm::StringRef element) {
    int64_t depth = shape.depth, columns = shape.columns;
    return shape.transposedB ? llvm::formatv("tensor<{0}x{1}x{2}>", columns, depth, element)
                             : llvm::formatv("tensor<{0}x{1}x{2}>", depth, columns, element);
  }
  std::string sumType() { return rows(shape.columns, "f32"); }

  std::string cast(const std::string &value, const std::string &from, const std::string &to) {
    if (from == to) return value;
    std::string name = "%v" + std::to_string(count++);
    body += name + " = fovea.cast " + value + " : " + from + " to " + to + "\n";
    return name;
  }
  std::string add(const std::string &a, const std::string &ofA, const std::string &b, const std::string &ofB) {
    std::string name = "%v" + std::to_string(count++);
    body += llvm::formatv("{0} = fovea.add {1}, {2} : ({3}, {4}) -> {5}\n", name, a, b, ofA, ofB, sumType());
    return name;
  }

  const Shape &shape;
  std::string body;
  int count = 0;
};

std::string kernelText(const Shape &shape) { return TextOfKernel(shape).build(); }

Target target(llvm::StringRef name) { return llvm::cantFail(parseTargets(name)).front(); }

class Kernels : public TemporaryFolder {
protected:
  Kernels() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  KernelOp parse(const std::string &text) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    EXPECT_TRUE(module) << text;
    return *module->getOps<KernelOp>().begin();
  }

  void *load(const std::string &name, const std::string &object) {
    std::string path = folder / name;
    EXPECT_FALSE(bool(writeFile(path + ".o", object)));
    EXPECT_EQ(std::system(("cc -shared -o " + path + ".so " + path + ".o").c_str()), 0);
    void *library = dlopen((path + ".so").c_str(), RTLD_NOW | RTLD_LOCAL);
    EXPECT_TRUE(library) << dlerror();
    return library;
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

//===-- Numbers ---------------------------------------------------------------------------------------------------===//

/// A matrix as it is stored, within others' numbers.
class Stored {
public:
  Stored(size_t count, bool isF32, int64_t apart)
      : count(count), isF32(isF32), start(64 + apart), bytes(size(start + count + 64), canary) {}

  float get(size_t index) const {
    if (!isF32) return wide(word<uint16_t>(index));
    return word<float>(index);
  }
  void set(size_t index, float value) {
    if (isF32) std::memcpy(address() + size(index), &value, 4);
    uint16_t narrow = low(value);
    if (!isF32) std::memcpy(address() + size(index), &narrow, 2);
  }
  char *address() { return bytes.data() + size(start); }
  const char *address() const { return bytes.data() + size(start); }
  bool has(uint64_t at, size_t bytes) const {
    auto first = reinterpret_cast<uint64_t>(address());
    return at >= first && at + bytes <= first + size(count);
  }
  bool surroundingsAreIntact() const {
    auto intact = [](char byte) { return byte == canary; };
    return std::all_of(bytes.begin(), bytes.begin() + size(start), intact) &&
           std::all_of(bytes.begin() + size(start + count), bytes.end(), intact);
  }

  size_t count;
  bool isF32;

private:
  static constexpr char canary = 0x7f;
  size_t size(size_t elements) const { return elements * (isF32 ? 4 : 2); }
  template <typename Word> Word word(size_t index) const {
    Word result;
    std::memcpy(&result, address() + size(index), sizeof(Word));
    return result;
  }
  size_t start;
  std::vector<char> bytes;
};

struct Buffer { // how a halide_buffer_t begins
  uint64_t device;
  void *interface;
  void *host;
};

class Product {
public:
  explicit Product(const Shape &shape)
      : shape(shape), a(shape.rows * shape.depth, false, shape.apart),
        b(shape.depth * shape.columns, false, shape.apart), bias(shape.columns, shape.bias == "f32", shape.apart),
        residual(shape.rows * shape.columns, shape.residual == "f32", shape.apart),
        result(shape.rows * shape.columns, shape.result == "f32", shape.apart) {
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    for (Stored *matrix : {&a, &b, &bias, &residual})
      for (size_t i = 0; i < matrix->count; ++i) matrix->set(i, normal(random));
    if (shape.inPlace) result = residual;
  }

  int call(void *function) {
    std::vector<Buffer> buffers;
    for (Stored *matrix : {&residual, &a, &b, &bias, &result})
      buffers.push_back({(uint64_t)matrix->address(), nullptr, matrix->address()});
    bool residualIsInput = shape.residual != "none" && !shape.inPlace;
    std::vector<uint64_t> values = {0}; // words, whatever their type: all are passed in the same registers
    auto pass = [&](size_t buffer) { values.push_back((uint64_t)&buffers[buffer]); };
    if (residualIsInput) pass(0);
    pass(1), pass(2);
    if (shape.bias != "none") pass(3);
    values.push_back(shape.rows);
    pass(4);
    values.resize(7);
    return ((int (*)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t))function)(
        values[0], values[1], values[2], values[3], values[4], values[5], values[6]);
  }

  /// Whether these bytes are one matrix's.
  bool has(uint64_t address, size_t bytes) const {
    for (const Stored *matrix : {&a, &b, &bias, &residual, &result})
      if (matrix->has(address, bytes)) return true;
    return false;
  }

  void check() const {
    EXPECT_TRUE(result.surroundingsAreIntact());
    for (int64_t m = 0; m < shape.rows; ++m)
      for (int64_t n = 0; n < shape.columns; ++n) {
        double sum = 0, size = 0;
        auto add = [&](double term) { sum += term, size += std::abs(term); };
        for (int64_t k = 0; k < shape.depth; ++k)
          add(double(a.get(m * shape.depth + k)) *
              b.get(shape.transposedB ? n * shape.depth + k : k * shape.columns + n));
        if (shape.bias != "none") add(bias.get(n));
        if (shape.residual != "none") add(residual.get(m * shape.columns + n));
        double before = sum;
        if (shape.activation == "relu") sum = std::max(sum, 0.0);
        if (shape.activation == "gelu") sum = sum * std::erfc(-sum * M_SQRT1_2) / 2;
        double rounding = shape.activation == "gelu" ? 1e-7 * std::abs(before) : 0;
        double bound =
            1.13 * size * (shape.depth + 3) * 0x1p-24 + rounding + (shape.result == "f32" ? 0 : std::abs(sum) * 0x1p-8);
        ASSERT_NEAR(result.get(m * shape.columns + n), sum, bound) << "at " << m << ", " << n;
      }
  }

private:
  Shape shape;
  Stored a, b, bias, residual, result;
};

class Products : public Kernels, public testing::WithParamInterface<Shape> {};

INSTANTIATE_TEST_SUITE_P(Shapes, Products,
                         testing::Values(Shape{32, 64, 32}, Shape{64, 128, 64}, Shape{1, 16, 16}, Shape{37, 48, 48},
                                         Shape{130, 96, 80, true}, Shape{70, 192, 128, true, "none"},
                                         Shape{33, 64, 64, false, "bf16"}, Shape{40, 64, 64, false, "f32", "f32"},
                                         Shape{40, 80, 48, true, "bf16", "f32"},
                                         Shape{40, 64, 64, false, "bf16", "bf16", "f32", false, "relu", 1},
                                         Shape{40, 64, 64, true, "f32", "f32", "none", false, "gelu", 3},
                                         Shape{33, 64, 48, false, "f32", "f32", "bf16"},
                                         Shape{33, 64, 48, false, "f32", "bf16", "bf16", true},
                                         Shape{65, 32, 64, true, "none", "f32", "f32", true},
                                         Shape{34, 64, 32, false, "f32", "bf16", "none", false, "gelu"},
                                         Shape{34, 64, 32, false, "f32", "f32", "none", false, "gelu"}));

TEST_P(Products, OnTheProcessor) {
  auto code = gpu::compileKernel(parse(kernelText(GetParam())), target("x86-64"));
  ASSERT_TRUE(succeeded(code));
  Product product(GetParam());
  ASSERT_EQ(product.call(dlsym(load("kernel", code->object), code->symbol.c_str())), 0);
  product.check();
}

//===-- What is not taken -----------------------------------------------------------------------------------------===//

std::string replaced(std::string text, llvm::StringRef from, llvm::StringRef to) {
  size_t at = text.find(from.str());
  EXPECT_NE(at, std::string::npos) << from.str() << " in " << text;
  while ((at = text.find(from.str(), at)) != std::string::npos) {
    text.replace(at, from.size(), to.str());
    at += to.size();
  }
  return text;
}

TEST_F(Kernels, OfOtherKindsAreLeftToHalide) {
  std::string text = kernelText({32, 64, 32});
  auto taken = [&](const std::string &text, llvm::StringRef name = "cuda-sm80") {
    return gpu::canCompile(parse(text), target(name));
  };
  EXPECT_TRUE(taken(text));
  EXPECT_TRUE(taken(text, "cuda-sm90"));
  EXPECT_FALSE(taken(text, "x86-64-v4-bf16"));
  EXPECT_FALSE(taken(text, "opencl"));
  EXPECT_FALSE(taken(replaced(text, "bf16", "f16")));
  EXPECT_FALSE(taken(kernelText({32, 24, 32}))); // columns and depth are multiples of 16
  EXPECT_FALSE(taken(kernelText({32, 64, 8})));
  EXPECT_FALSE(taken(replaced(text, "fovea.add", "fovea.mul")));
  auto strides = [&](const std::string &argument, const std::string &strides) {
    return replaced(text, argument, argument + " {fovea.strides = #fovea.dims<[] -> " + strides + ">}");
  };
  EXPECT_FALSE(taken(strides("%bias: tensor<64xf32>", "(2)")));
  EXPECT_FALSE(taken(strides("%b: tensor<32x64xbf16>", "(68, 1)")));
  EXPECT_TRUE(taken(strides("%b: tensor<32x64xbf16>", "(72, 1)")));
  std::string sum = "tensor<?x64xf32, #fovea.dims<[batch] -> (batch, 64)>>", last = "%v3 = fovea.cast %v2";
  auto after = [&](const std::string &op) {
    return replaced(text, last, "%after = " + op + "\n%v3 = fovea.cast %after");
  };
  EXPECT_FALSE(taken(after("fovea.tanh %v2 : " + sum)));
  EXPECT_FALSE(taken(after("fovea.add %v2, %v2 : (" + sum + ", " + sum + ") -> " + sum)));
}

TEST_F(Kernels, TheSameKernelGivesTheSameBytes) {
  std::string text = kernelText({32, 64, 32}), other = kernelText({32, 64, 64});
  auto compiled = [&](const std::string &text) { return *gpu::compileKernel(parse(text), target("cuda-sm80")); };
  KernelCode first = compiled(text), between = compiled(other), second = compiled(text);
  EXPECT_EQ(first.symbol, second.symbol);
  EXPECT_EQ(first.object, second.object);
  EXPECT_NE(first.symbol, between.symbol);
  EXPECT_NE(first.symbol, fovea::kernelSymbol(parse(text), target("cuda-sm80"), {}));
  EXPECT_NE(first.symbol, gpu::kernelSymbol(parse(text), target("cuda-sm90")));
}

TEST_F(Kernels, OfOtherKindsAreRefused) {
  std::string message;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) { message = diagnostic.str(); });
  EXPECT_TRUE(failed(gpu::compileKernel(parse(kernelText({32, 24, 32})), target("cuda-sm80"))));
  EXPECT_EQ(message, "is no product of bf16 matrices: the tensor-core provider does not compile it");
}

//===-- PTX -------------------------------------------------------------------------------------------------------===//

TEST_P(Products, AssembleWithoutSpills) {
  if (std::system("PATH=$PATH:/usr/local/cuda/bin command -v ptxas > /dev/null")) GTEST_SKIP() << "there is no ptxas";
  KernelOp kernel = parse(kernelText(GetParam()));
  for (std::string capability : {"80", "90"}) {
    auto text = gpu::kernelText(kernel, target("cuda-sm" + capability), fovea::KernelText::device);
    ASSERT_TRUE(succeeded(text));
    std::string ptx = folder / "kernel.ptx", log = folder / "log";
    ASSERT_FALSE(bool(writeFile(ptx, *text)));
    std::string command = "PATH=$PATH:/usr/local/cuda/bin ptxas -v -arch=sm_" + capability + " -o /dev/null " + ptx;
    int status = std::system((command + " > " + log + " 2>&1").c_str());
    std::string said = llvm::cantFail(readFile(log));
    ASSERT_EQ(status, 0) << said;
    EXPECT_EQ(llvm::StringRef(said).count("0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads"), 2u)
        << said;
  }
}

//===-- The device ------------------------------------------------------------------------------------------------===//

/// What the launcher finds on this device, and leaves there.
struct {
  const Product *product = nullptr; // in its memory
  std::string ptx, entry;
  int initialized = 0;
} device;

TEST_P(Products, OnAnEmulatedDevice) {
  Shape shape = GetParam();
  KernelOp kernel = parse(kernelText(shape));
  auto code = gpu::compileKernel(kernel, target("cuda-sm80"));
  ASSERT_TRUE(succeeded(code));
  Product product(shape);
  device = {&product};
  ASSERT_EQ(product.call(dlsym(load("launcher", code->object), code->symbol.c_str())), 0);
  EXPECT_EQ(device.initialized, 1);
  EXPECT_EQ(device.entry, code->symbol + (shape.apart ? "_unaligned" : ""));
  EXPECT_THAT(device.ptx, HasSubstr(".entry " + device.entry + "("));
  product.check();
}

} // namespace

/// The two functions of lib/runtime that the launcher calls.
extern "C" int halide_cuda_initialize_kernels(void *, void **state, const char *ptx, int size) {
  *state = &device;
  ++device.initialized;
  device.ptx = ptx;
  EXPECT_EQ(device.ptx.size() + 1, size_t(size));
  return 0;
}

extern "C" int halide_cuda_run(void *, void *state, const char *entry, int blocksX, int blocksY, int blocksZ,
                               int threadsX, int threadsY, int threadsZ, int sharedBytes, const size_t *sizes,
                               void **arguments, const int8_t *areBuffers) {
  EXPECT_EQ(state, &device);
  device.entry = entry;
  ptx::Launch launch = {{uint32_t(blocksX), uint32_t(blocksY), uint32_t(blocksZ)},
                        {uint32_t(threadsX), uint32_t(threadsY), uint32_t(threadsZ)},
                        uint32_t(sharedBytes)};
  size_t count = 0;
  for (; sizes[count]; ++count) {
    uint64_t &value = launch.parameters.emplace_back();
    if (areBuffers[count]) value = static_cast<Buffer *>(arguments[count])->device;
    if (!areBuffers[count]) std::memcpy(&value, arguments[count], 8);
    EXPECT_EQ(sizes[count], 8u);
  }
  EXPECT_EQ(arguments[count], nullptr);
  try {
    ptx::run(ptx::Module(device.ptx).entries.at(entry), launch,
             [](uint64_t address, size_t bytes) { return device.product->has(address, bytes); });
  } catch (const ptx::Error &error) {
    ADD_FAILURE() << error.what();
  }
  return 0;
}

/// Called where the processor cannot round to bf16, and not in every libgcc: the nearest, ties to even, in the low half
/// of a register of floats.
extern "C" float __truncsfbf2(float value) {
  uint32_t bits = low(value);
  std::memcpy(&value, &bits, 4);
  return value;
}
