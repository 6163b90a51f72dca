// The memory of a model trained with attention over 197 tokens grows with the tokens, not with their square, and is
// what the plan says in closed form.
#include "lib/emit/Cache.h"
#include "lib/emit/LoadedModel.h"
#include "lib/emit/Tables.h"
#include "lib/halide/Lowering.h"
#include "lib/runtime/Handle.h"
#include "tools/Register.h"

#include <fovea/fovea.h>

#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace fovea;

namespace {

constexpr int64_t tokens = 197, heads = 3, headSize = 64, width = heads * headSize;

Tensor scoreMatrix(const Tensor &x) {
  Tensor y = nn::split_heads(x, heads);
  return softmax(matmul(y, y, {.transpose_b = true}));
}

/// Softmax over the tokens' products, by the attention op or, with `maps`, by a matrix of all scores that is trained.
std::string modelText(int64_t tokens, bool maps) {
  Model model("tokens");
  Dim batch = model.symbol("batch");
  Tensor x = model.input("x", {batch, tokens, width});
  Tensor label = model.input("label", {batch}, i32);
  nn::MultiHeadAttention attention(model / "attention", width, heads);
  Tensor pooled;
  if (maps)
    pooled = reshape(mean(scoreMatrix(x), 2), {batch, heads * tokens});
  else
    pooled = mean(attention(x), 1);
  Tensor logits = nn::Linear(model / "head", maps ? heads * tokens : width, 10)(pooled);
  model.output("logits", logits);
  model.train(cross_entropy(logits, label), AdamW{});
  return model.text();
}

struct Plan : testing::Test {
  Plan() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    registerLowerings(registry);
    context.appendDialectRegistry(registry);
    options.name = "tokens";
    options.targets = "x86-64-v3";
    options.cache = Cache::defaultFolder();
  }
  mlir::OwningOpRef<mlir::ModuleOp> parse(int64_t length = tokens, bool maps = false) {
    return mlir::parseSourceString<mlir::ModuleOp>(modelText(length, maps), &context);
  }

  mlir::MLIRContext context;
  CompileOptions options;
};

/// The most elements, for each item of the batch, of any buffer in the arena.
int64_t largestBuffer(mlir::ModuleOp module) {
  int64_t largest = 0;
  module.walk([&](ArenaOp buffer) {
    RankedTensorType type = mlir::cast<BufferType>(buffer.getType()).getTensor();
    Shapes shapes(type.getContext());
    AffineExpr count = shapes.product(shapes.of(type));
    SmallVector<AffineExpr> ones(shapes.symbols().size(), shapes.one());
    largest = std::max(largest, *constantSize(mlir::simplifyAffineExpr(count.replaceSymbols(ones), 0, 0)));
  });
  return largest;
}

} // namespace

TEST_F(Plan, NoBufferHoldsTheScores) {
  auto programs = cutIntoKernels(*parse(), options), ofMaps = cutIntoKernels(*parse(tokens, true), options);
  ASSERT_TRUE(succeeded(programs) && succeeded(ofMaps));
  int64_t largest = largestBuffer(*programs->front().module);
  printf("largest buffer: %ld elements an item; scores: %ld; with a matrix of scores: %ld\n", long(largest),
         long(heads * tokens * tokens), long(largestBuffer(*ofMaps->front().module)));
  EXPECT_LT(largest, heads * tokens * tokens);
  EXPECT_EQ(largest, tokens * 3 * width); // queries, keys and values together
  EXPECT_GE(largestBuffer(*ofMaps->front().module), heads * tokens * tokens);
}

/// The mean map of the heads, their entropies and the rollout are made without the weights of each head.
TEST_F(Plan, MeanMapsAddNoBufferOfHeads) {
  Model model("maps");
  Tensor x = model.input("x", {model.symbol("batch"), tokens, width});
  nn::MultiHeadAttention attention(model / "attention", width, heads);
  model.output("mean", attention.mean_map(x));
  model.output("rollout", rollout({attention.mean_map(x), attention.mean_map(x)}));
  model.output("entropy", attention.entropy(x));
  auto module = mlir::parseSourceString<mlir::ModuleOp>(model.text(), &context);
  auto programs = cutIntoKernels(*module, options);
  ASSERT_TRUE(succeeded(programs));
  EXPECT_EQ(largestBuffer(*programs->front().module), tokens * 3 * width);
}

/// The weights that a block gives beside its result are only made where they are used.
TEST_F(Plan, WeightsThatNothingUsesTakeNoBuffer) {
  for (bool used : {false, true}) {
    Model model("sublayer");
    Tensor x = model.input("x", {model.symbol("batch"), tokens, width});
    auto [y, weights] = nn::AttentionSublayer(model, width, heads)(x);
    model.output("y", y);
    if (used) model.output("weight", mean(weights)); // its shape is no input's, so that the weights are in the arena
    model.train(mean(y * y), AdamW{});
    auto module = mlir::parseSourceString<mlir::ModuleOp>(model.text(), &context);
    auto programs = cutIntoKernels(*module, options);
    ASSERT_TRUE(succeeded(programs));
    int64_t largest = largestBuffer(*programs->front().module);
    if (used)
      EXPECT_GE(largest, heads * tokens * tokens);
    else
      EXPECT_LE(largest, 3 * tokens * width);
  }
}

TEST_F(Plan, NoScratchHoldsTheScoresOfAHead) {
  auto module = parse(), twice = parse(2 * tokens);
  auto model = compileModel(*module, options), longer = compileModel(*twice, options);
  ASSERT_TRUE(succeeded(model) && succeeded(longer));
  int attentions = 0;
  for (const auto &[name, code] : model->programs.front().kernels) {
    const auto &others = longer->programs.front().kernels;
    ASSERT_TRUE(others.count(name)) << name;
    // What does not grow is a packed weight; what does, is rows of scores.
    EXPECT_LE(others.at(name).scratch.caller, 2 * code.scratch.caller) << name;
    if (!StringRef(name).contains("attention")) continue;
    ++attentions;
    printf("%s: %ld bytes of scratch, %ld for twice the tokens\n", name.c_str(), long(code.scratch.caller),
           long(others.at(name).scratch.caller));
    EXPECT_LT(others.at(name).scratch.caller, 2 * tokens * 2 * tokens * int64_t(sizeof(float))) << name;
  }
  EXPECT_EQ(attentions, 3); // forward, forward in training, backward
}

/// NAME_workspace_bytes is the sum of its parts.
TEST_F(Plan, TheWorkspaceInClosedForm) {
  auto module = parse();
  auto model = compileModel(*module, options);
  ASSERT_TRUE(succeeded(model));
  auto loaded = LoadedModel::load(*model, options);
  ASSERT_TRUE(bool(loaded)) << llvm::toString(loaded.takeError());
  auto workspaceBytes = (*loaded)->function<size_t(const int64_t *, int32_t)>("workspace_bytes");

  const TargetProgram &program = model->programs.front();
  int64_t state = stateBytes(model->interface.state), caller = round_up(program.scratchBytes().caller),
          worker = round_up(program.scratchBytes().worker);
  SmallVector<int64_t> arena = arenaBytes(*program.module, model->interface.sizes);
  printf("state %ld + arena %ld + %ld * batch + scratch %ld + %ld * (threads - 1)\n", long(state), long(arena[0]),
         long(arena[1]), long(caller), long(worker));
  for (int64_t batch : {1, 2, 3, 64, 1000})
    for (int32_t threads : {1, 2, 7})
      EXPECT_EQ(int64_t(workspaceBytes(&batch, threads)),
                round_up(sizeof(fovea_handle)) + (threads - 1) * int64_t(sizeof(Worker)) + state + arena[0] +
                    arena[1] * batch + caller + worker * (threads - 1) + kAlignment)
          << batch << " items, " << threads << " threads";
}
