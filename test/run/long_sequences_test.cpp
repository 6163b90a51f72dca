// Attention's workspace grows with the length of a sequence, forward and backward, and what the plan says is used.
#include "lib/emit/Cache.h"
#include "lib/emit/LoadedModel.h"
#include "lib/halide/Lowering.h"
#include "lib/runtime/program.h"
#include "tools/Register.h"

#include <fovea/fovea.h>

#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <cstring>

using namespace fovea;

namespace {

/// One head of 64 in f32, whose gradients of queries, keys and values are taken.
std::string modelText(int64_t tokens, bool training) {
  Model model("head");
  Shape shape = {1, 1, tokens, 64};
  Tensor q = model.input("q", shape), k = model.input("k", shape), v = model.input("v", shape);
  Tensor y = attention(q, k, v);
  model.output("y", y);
  if (training) model.train(sum(y * y), SGD{}, {.input_gradients = {"q", "k", "v"}});
  return model.text();
}

struct Workspace {
  int64_t planned, used;
};

/// What one thread's workspace is said to take, and how much of it a call touches, by cache lines.
Workspace run(int64_t tokens, bool training) {
  constexpr size_t line = 64;
  constexpr uint8_t untouched = 0xa5;
  mlir::DialectRegistry registry;
  registerDialects(registry);
  registerLowerings(registry);
  mlir::MLIRContext context(registry);
  CompileOptions options;
  options.name = "head";
  options.targets = "x86-64-v3";
  options.cache = Cache::defaultFolder();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(modelText(tokens, training), &context);
  auto model = compileModel(*module, options);
  if (failed(model)) return {};
  auto loaded = llvm::cantFail(LoadedModel::load(*model, options));

  fovea_options own = {};
  own.struct_size = offsetof(fovea_options, sizes);
  own.threads = 1;
  own.workspace_bytes = loaded->function<size_t(const int64_t *, int32_t)>("workspace_bytes")(nullptr, 1);
  std::vector<uint8_t> memory(own.workspace_bytes, untouched);
  own.workspace = memory.data();
  void *handle = loaded->function<void *(const fovea_options *)>("create")(&own);
  EXPECT_NE(handle, nullptr) << loaded->function<const char *(const void *)>("last_error")(nullptr);
  const LoadedModel::Entry *entry = loaded->entry(training ? "gradients" : "forward");
  std::vector<std::vector<float>> arguments;
  std::vector<void *> pointers;
  for (const LoadedModel::Tensor &tensor : entry->arguments) {
    arguments.emplace_back(tensor.elements({}), 0.25f);
    pointers.push_back(arguments.back().data());
  }
  EXPECT_EQ(loaded->call(*entry, handle, {}, pointers), 0);
  int64_t used = 0;
  for (size_t at = 0; at < memory.size(); at += line)
    for (size_t byte = at; byte < std::min(at + line, memory.size()); ++byte)
      if (memory[byte] != untouched) {
        used += line;
        break;
      }
  loaded->function<void(void *)>("destroy")(handle);
  return {(int64_t)memory.size(), used};
}

} // namespace

class LongSequences : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Training, LongSequences, testing::Bool());

TEST_P(LongSequences, TakeMemoryByTheToken) {
  Workspace before = run(1024, GetParam());
  for (int64_t tokens : {4096, 8192}) {
    Workspace workspace = run(tokens, GetParam());
    printf("%ld tokens: %ld bytes planned, %ld used\n", long(tokens), long(workspace.planned), long(workspace.used));
    EXPECT_GE(workspace.used, workspace.planned * 95 / 100) << tokens;
    EXPECT_LE(workspace.planned, before.planned * (tokens == 4096 ? 4 : 2) * 105 / 100) << tokens;
    before = workspace;
  }
}
