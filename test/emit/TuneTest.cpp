// Every schedule that a tuner may try computes the same, and gives the same bits however many threads run it.
#include "test/emit/Model.h"

#include "lib/emit/LoadedModel.h"
#include "lib/kernels/schedule/Neighbours.h"

#include <cmath>
#include <cstring>

using namespace mlir;

namespace fovea {
namespace {

constexpr StringRef models[] = {
    R"(!x = tensor<?x70x40xf32, #fovea.dims<[batch] -> (batch, 70, 40)>>
!y = tensor<?x70x70xf32, #fovea.dims<[batch] -> (batch, 70, 70)>>
func.func @model(%x: !x {fovea.name = "x"}) -> (!y {fovea.name = "y"}) {
  %y = fovea.matmul %x, %x {transpose_b = true} : (!x, !x) -> !y
  return %y : !y
})",
    R"(!x = tensor<?x40xf32, #fovea.dims<[batch] -> (batch, 40)>>
func.func @model(%x: !x {fovea.name = "x"}) -> (tensor<40x40xf32> {fovea.name = "y"}) {
  %y = fovea.matmul %x, %x {transpose_a = true} : (!x, !x) -> tensor<40x40xf32>
  return %y : tensor<40x40xf32>
})",
    R"(!x = tensor<?x4x40x8xf32, #fovea.dims<[batch] -> (batch, 4, 40, 8)>>
!lse = tensor<?x4x40xf32, #fovea.dims<[batch] -> (batch, 4, 40)>>
func.func @model(%x: !x {fovea.name = "x"}) -> (!x {fovea.name = "y"}) {
  %y, %lse = fovea.attention %x, %x, %x attributes {scale = 0.25} : (!x, !x, !x) -> (!x, !lse)
  return %y : !x
})",
    R"(!x = tensor<?x6x12x12xf32, #fovea.dims<[batch] -> (batch, 6, 12, 12)>>
!w = tensor<8x6x3x3xf32>
!y = tensor<?x8x12x12xf32, #fovea.dims<[batch] -> (batch, 8, 12, 12)>>
func.func @model(%x: !x {fovea.name = "x"}, %w: !w {fovea.name = "w"}) -> (!y {fovea.name = "y"}) {
  %y = fovea.conv2d %x, %w {stride = array<i64: 1, 1>, padding = array<i64: 1, 1>} : (!x, !w) -> !y
  return %y : !y
})",
    R"(!x = tensor<?x100xf32, #fovea.dims<[batch] -> (batch, 100)>>
func.func @model(%x: !x {fovea.name = "x"}) -> (!x {fovea.name = "y"}) {
  %y = fovea.softmax %x : !x
  return %y : !x
})",
    R"(!x = tensor<?x100xf32, #fovea.dims<[batch] -> (batch, 100)>>
func.func @model(%x: !x {fovea.name = "x"}) -> (tensor<100xf32> {fovea.name = "y"}) {
  %y = fovea.sum %x [0] : (!x) -> tensor<100xf32>
  return %y : tensor<100xf32>
})"};

class Tuned : public LinearModel, public testing::TestWithParam<size_t> {
protected:
  Tuned() {
    std::string text = ("module attributes {fovea.stage = \"model\"} {\n" + models[GetParam()] + "\n}").str();
    // Aliases of types stand outside modules.
    size_t function = text.find("func.func"), aliases = text.find('!');
    std::string moved = text.substr(aliases, function - aliases);
    text.erase(aliases, function - aliases);
    module = parseSourceString<ModuleOp>(moved + text, &context);
    options.name = "tuned";
    options.targets = "x86-64";
    options.inferenceOnly = true;
  }

  /// What forward gives for fixed numbers.
  static std::vector<float> outputs(const LoadedModel &code, unsigned threads) {
    fovea_options own = {};
    own.struct_size = sizeof own;
    own.threads = threads;
    int64_t sizes[] = {batch};
    own.sizes[0] = batch;
    void *handle = code.function<void *(const fovea_options *)>("create")(&own);
    EXPECT_TRUE(handle);
    std::vector<std::vector<float>> arguments;
    SmallVector<void *> pointers;
    for (const LoadedModel::Tensor &argument : code.entry("forward")->arguments) {
      std::vector<float> &values = arguments.emplace_back(argument.elements(sizes));
      for (size_t i = 0; i < values.size(); ++i) values[i] = float(i * 37 % 101) / 101 - 0.5f;
      pointers.push_back(values.data());
    }
    EXPECT_EQ(code.call(*code.entry("forward"), handle, sizes, pointers), FOVEA_OK);
    code.function<void(void *)>("destroy")(handle);
    return arguments.back();
  }

  std::vector<float> outputs(CompiledModel &model, unsigned threads) {
    auto code = LoadedModel::load(model, options);
    EXPECT_TRUE(bool(code));
    return outputs(**code, threads);
  }

  static constexpr int64_t batch = 70;
};

TEST_P(Tuned, EveryNeighbourComputesTheSame) {
  ASSERT_TRUE(module);
  auto model = compileModel(*module, options);
  ASSERT_TRUE(succeeded(model));
  std::vector<float> expected = outputs(*model, 1);
  TargetProgram &program = model->programs.front();
  for (KernelOp kernel : program.module->getOps<KernelOp>()) {
    ScheduleAttr first = *kernel.getSchedule();
    SmallVector<ScheduleAttr> others = neighbours(kernel, program.target);
    EXPECT_FALSE(others.empty());
    KernelCode before = program.kernels.at(kernel.getSymName().str());
    for (ScheduleAttr other : others) {
      std::string text;
      llvm::raw_string_ostream(text) << Attribute(other);
      SCOPED_TRACE(text);
      kernel.setScheduleAttr(other);
      auto code = compileOneKernel(kernel, program.target, options);
      ASSERT_TRUE(succeeded(code));
      program.kernels[kernel.getSymName().str()] = *code;
      model->host = emitHostProgram(model->interface, model->programs);
      std::vector<float> one = outputs(*model, 1), three = outputs(*model, 3);
      EXPECT_EQ(std::memcmp(one.data(), three.data(), one.size() * sizeof(float)), 0);
      for (size_t i = 0; i < one.size(); ++i)
        ASSERT_NEAR(one[i], expected[i], 1e-5 * (1 + std::abs(expected[i]))) << "element " << i;
    }
    kernel.setScheduleAttr(first);
    program.kernels[kernel.getSymName().str()] = before;
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, Tuned, testing::Range(size_t(0), std::size(models)));

} // namespace
} // namespace fovea
