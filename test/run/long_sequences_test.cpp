// Attention over long sequences: the workspace grows with the tokens, forward and backward, and what the plan says is
// used; keys in chunks give the same bits on any number of threads and in any batch.
#include "lib/emit/Cache.h"
#include "lib/emit/LoadedModel.h"
#include "lib/halide/Lowering.h"
#include "lib/runtime/program.h"
#include "tools/Register.h"

#include <fovea/fovea.h>

#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <random>

using namespace fovea;

namespace {

constexpr int64_t size = 64; // of a head

/// One head in f32, whose gradients of queries, keys and values are taken.
Model oneHead(int64_t tokens, bool training) {
  Model model("head");
  Shape shape = {1, 1, tokens, size};
  Tensor q = model.input("q", shape), k = model.input("k", shape), v = model.input("v", shape);
  Tensor y = attention(q, k, v);
  model.output("y", y);
  if (training) model.train(sum(y * y), SGD{}, {.input_gradients = {"q", "k", "v"}});
  return model;
}

/// A query of two heads, which sees many keys.
Model oneQuery(int64_t keys) {
  Model model("head");
  Dim batch = model.symbol("batch");
  Shape past = {batch, 2, keys, size};
  Tensor q = model.input("q", {batch, 2, 1, size}), k = model.input("k", past), v = model.input("v", past);
  model.output("y", attention(q, k, v));
  return model;
}

/// A model compiled and run in this process.
class Running {
public:
  explicit Running(const Model &model) {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    registerLowerings(registry);
    mlir::MLIRContext context(registry);
    CompileOptions options;
    options.name = "head";
    options.targets = "x86-64-v3";
    options.cache = Cache::defaultFolder();
    auto module = mlir::parseSourceString<mlir::ModuleOp>(model.text(), &context);
    loaded = llvm::cantFail(LoadedModel::load(*compileModel(*module, options), options));
  }
  /// Calls the entry with these arguments, in a workspace filled with `fill`, which it returns.
  std::vector<uint8_t> call(const std::string &entry, int threads, ArrayRef<int64_t> sizes, ArrayRef<void *> arguments,
                            uint8_t fill = 0) const {
    fovea_options own = {};
    own.struct_size = offsetof(fovea_options, sizes) + sizes.size() * sizeof(int64_t);
    own.threads = threads;
    std::copy(sizes.begin(), sizes.end(), own.sizes);
    own.workspace_bytes =
        sizes.empty() ? loaded->function<size_t(int32_t)>("workspace_bytes")(threads)
                      : loaded->function<size_t(const int64_t *, int32_t)>("workspace_bytes")(sizes.data(), threads);
    std::vector<uint8_t> memory(own.workspace_bytes, fill);
    own.workspace = memory.data();
    void *handle = loaded->function<void *(const fovea_options *)>("create")(&own);
    EXPECT_NE(handle, nullptr) << loaded->function<const char *(const void *)>("last_error")(nullptr);
    EXPECT_EQ(loaded->call(*loaded->entry(entry), handle, sizes, arguments), 0);
    loaded->function<void(void *)>("destroy")(handle);
    return memory;
  }
  const LoadedModel::Entry &entry(const std::string &name) const { return *loaded->entry(name); }

private:
  std::shared_ptr<const LoadedModel> loaded;
};

struct Workspace {
  int64_t planned, used;
};

/// What the workspace is said to take, and how much of it a call touches, by cache lines.
Workspace workspaceOf(int64_t tokens, bool training, int threads) {
  constexpr size_t line = 64;
  constexpr uint8_t untouched = 0xa5;
  Running model(oneHead(tokens, training));
  std::string entry = training ? "gradients" : "forward";
  std::vector<std::vector<float>> arguments;
  std::vector<void *> pointers;
  for (const LoadedModel::Tensor &tensor : model.entry(entry).arguments) {
    arguments.emplace_back(tensor.elements({}), 0.25f);
    pointers.push_back(arguments.back().data());
  }
  std::vector<uint8_t> memory = model.call(entry, threads, {}, pointers, untouched);
  int64_t used = 0;
  for (size_t at = 0; at < memory.size(); at += line) {
    auto begin = memory.begin() + at, end = memory.begin() + std::min(at + line, memory.size());
    if (!std::all_of(begin, end, [](uint8_t byte) { return byte == untouched; })) used += line;
  }
  return {(int64_t)memory.size(), used};
}

} // namespace

class LongSequences : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Training, LongSequences, testing::Bool());

TEST_P(LongSequences, TakeMemoryByTheToken) {
  for (int threads : {1, 2}) {
    Workspace before = workspaceOf(2048, GetParam(), threads);
    for (int64_t tokens : {4096, 8192}) {
      Workspace workspace = workspaceOf(tokens, GetParam(), threads);
      printf("%ld tokens, %d threads: %ld bytes planned, %ld used\n", long(tokens), threads, long(workspace.planned),
             long(workspace.used));
      EXPECT_GE(workspace.used, workspace.planned * 95 / 100) << tokens;
      EXPECT_LE(workspace.planned, before.planned * 2 * 105 / 100) << tokens;
      before = workspace;
    }
  }
}

/// Alone or with others, and on any number of threads, an item's chunks of keys are the same, and so are its bits.
TEST(OneQuery, OfAnItemHasTheSameBitsInABatch) {
  constexpr int64_t count = 8, keys = 1200, width = 2 * size;
  Running model(oneQuery(keys));
  std::vector<float> q(count * width), k(count * keys * width), v(k.size()), together(q.size());
  std::mt19937 random;
  std::normal_distribution<float> normal;
  for (std::vector<float> *each : {&q, &k, &v})
    for (float &x : *each) x = normal(random);
  model.call("forward", 1, {count}, {q.data(), k.data(), v.data(), together.data()});
  for (float x : together) ASSERT_TRUE(std::isfinite(x));
  for (int threads : {1, 2, 3, 7}) {
    std::vector<float> again(q.size());
    model.call("forward", threads, {count}, {q.data(), k.data(), v.data(), again.data()});
    EXPECT_EQ(again, together) << threads;
    for (int64_t item = 0; item < count; ++item) {
      std::vector<float> alone(width);
      int64_t past = item * keys * width;
      model.call("forward", threads, {1}, {&q[item * width], &k[past], &v[past], alone.data()});
      EXPECT_TRUE(std::equal(alone.begin(), alone.end(), &together[item * width])) << item << ", " << threads;
    }
  }
}
