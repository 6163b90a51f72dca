// Ops on a device against the references: a fixed sample that has every kind of schedule, odd sizes included.
// OPS_DEVICE names another target than opencl, and OPS_DEVICE_CASES=all stands for all cases in all precisions. Where
// there is no device they are compiled only. OPS_RECORD is a folder in which to write them for machines without a
// compiler, OPS_MODELS one in which to write their modules, for tools/ptxas.py.
#include "test/Devices.h"
#include "test/ops/Check.h"
#include "test/ops/Suites.h"

#include <gtest/gtest.h>
#include <map>
#include <set>

namespace fovea::ops {

using Names = std::set<std::string>;

static const std::map<std::string, Names> sample = {
    {"Elementwise",
     {"add_deep", "add_outer", "mul_same", "erf", "gelu", "tanh", "cast_to_i64", "select_broadcast", "select_larger"}},
    {"SpecialValues", {"exp", "log", "minimum", "compare_le"}},
    {"Activations", {"softplus", "remainder"}},
    {"Views", {"chain", "concat_middle", "pad_reflect"}},
    {"Reduce",
     {"sum_column_long", "sum_row_113", "sum_all", "sum_middle", "max_column_113", "max_special_rows", "argmax_ties",
      "prod_row"}},
    {"Contraction",
     {"matmul_113_59_113", "matmul_17_3_59", "matmul_fused", "matmul_batch_transpose", "matmul_long_sum",
      "conv_strided", "conv_groups", "conv_depthwise"}},
    {"Rows",
     {"softmax_113", "log_sum_exp_59", "cumsum_113_reverse", "layer_norm_59", "rms_norm_17", "cross_entropy_113"}},
    {"Attention", {"attention_size_16", "attention_one_kv_head", "attention_lengths_causal"}},
    {"Norms", {"batch_norm_image"}},
    {"Gather", {"gather_rows", "scatter_add_rows", "scatter_maximum", "one_hot_outside"}},
    {"Windows", {"pool_max_padded", "unfold_image", "grid_sample_bilinear"}},
    {"Sort", {"sort_17", "top_k_largest"}},
    {"Empty", {"sum", "softmax", "matmul"}},
    {"Batch", {"sort_17"}},
    {"Random", {"normal"}}};

static std::string setting(const char *name, const char *otherwise) {
  const char *value = std::getenv(name);
  return value ? value : otherwise;
}

static std::string target() { return setting("OPS_DEVICE", "opencl"); }
static bool allCases() { return setting("OPS_DEVICE_CASES", "") == "all"; }

/// Those of constant sizes, and those with a batch.
static std::vector<Suite> allSuites() {
  std::vector<Suite> result = staticSuites();
  result.push_back(batchSuite());
  result.push_back(relativesBatchSuite());
  return result;
}

/// The suites with the cases that run.
static std::vector<Suite> suitesOnDevice() {
  std::vector<Suite> result;
  for (Suite suite : allSuites()) {
    if (!allCases())
      llvm::erase_if(suite.cases, [&](const Case &each) {
        auto chosen = sample.find(suite.name);
        return chosen == sample.end() || !chosen->second.count(each.name);
      });
    if (!suite.cases.empty()) result.push_back(std::move(suite));
  }
  return result;
}

static bool hasBatch(const Suite &suite) {
  return llvm::any_of(suite.cases, [](const Case &each) {
    return llvm::any_of(each.operands, [](const Operand &operand) { return llvm::is_contained(operand.shape, batch); });
  });
}

struct OnDevice : testing::TestWithParam<std::tuple<size_t, Precision>> {};

TEST_P(OnDevice, Match) {
  auto [index, precision] = GetParam();
  const Suite suite = suitesOnDevice()[index];
  Setting onDevice{precision};
  onDevice.target = target();
  if (hasBatch(suite)) onDevice.batches = {1, 3, 37};
  if (std::string folder = setting("OPS_RECORD", ""); !folder.empty())
    onDevice.record = folder + "/" + suite.name + nameOf(precision);
  if (std::string folder = setting("OPS_MODELS", ""); !folder.empty())
    onDevice.model = folder + "/" + suite.name + nameOf(precision) + ".mlir";
  std::string why = whyNoDevice(onDevice.target);
  onDevice.runs = why.empty() && onDevice.record.empty() && onDevice.model.empty();
  check(suite, onDevice);
  if (!onDevice.runs) GTEST_SKIP() << "compiled, not run" << (why.empty() ? "" : ": ") << why;
}

/// The sample in f32; all cases in the precisions that the target has.
static std::vector<std::tuple<size_t, Precision>> parameters() {
  std::vector<std::tuple<size_t, Precision>> result;
  for (auto [index, suite] : llvm::enumerate(suitesOnDevice()))
    for (Precision precision : {Precision::f32, Precision::f64, Precision::bf16, Precision::f16})
      if ((precision == Precision::f32 || (allCases() && !(isLow(precision) && target() == "opencl"))) &&
          llvm::any_of(suite.cases, [&](const Case &each) { return runsIn(each, precision); }))
        result.push_back({index, precision});
  return result;
}

INSTANTIATE_TEST_SUITE_P(, OnDevice, testing::ValuesIn(parameters()), [](const auto &info) {
  return suitesOnDevice()[std::get<0>(info.param)].name + nameOf(std::get<1>(info.param));
});

TEST(DeviceSample, NamesCasesThatThereAre) {
  Names known;
  for (const Suite &suite : allSuites())
    for (const Case &each : suite.cases) known.insert(suite.name + "." + each.name);
  for (const auto &[suite, names] : sample)
    for (const std::string &name : names) EXPECT_TRUE(known.count(suite + "." + name)) << suite << "." << name;
}

} // namespace fovea::ops
