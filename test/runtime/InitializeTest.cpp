#include "Handle.h"
#include "Model.h"

#include <cmath>

namespace {

// One large tensor beside the others.
struct LargeModel : TestModel {
  std::vector<int64_t> shape = {400, 0, 250, 0}, strides = {250, 1};
  static constexpr int64_t count = 100000;

  LargeModel(fovea_initializer initializer, double a, double b, int32_t dtype = FOVEA_F64) {
    state.push_back({"large", dtype, FOVEA_PARAMETER, 2, initializer, shape.data(), a, b, 640, count * 8,
                     strides.data(), -1, 0, 0});
    programs[0].state = state.data();
    programs[0].state_count = state.size();
    programs[0].state_bytes += count * 8;
  }
  template <typename Element = double> std::vector<Element> values() {
    Handle handle(*this);
    return get<Element>(handle, "large", count);
  }
};

struct Moments {
  double mean = 0, deviation = 0, least = INFINITY, most = -INFINITY;

  explicit Moments(const std::vector<double> &values) {
    for (double v : values) mean += v / values.size(), least = std::min(least, v), most = std::max(most, v);
    for (double v : values) deviation += (v - mean) * (v - mean) / values.size();
    deviation = std::sqrt(deviation);
  }
};

// The known answers of the authors' Random123 library.
TEST(Philox, GivesKnownAnswers) {
  auto words = [](uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint64_t key) {
    uint32_t counter[4] = {a, b, c, d};
    fovea::philox4x32_10(counter, key);
    return std::vector<uint32_t>(counter, counter + 4);
  };
  EXPECT_EQ(words(0, 0, 0, 0, 0), (std::vector<uint32_t>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(words(~0u, ~0u, ~0u, ~0u, ~uint64_t{0}),
            (std::vector<uint32_t>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(words(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0x299f31d0a4093822),
            (std::vector<uint32_t>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Initialize, HasTheRightMoments) {
  Moments normal(LargeModel(FOVEA_NORMAL, 3, 2).values());
  EXPECT_NEAR(normal.mean, 3, 0.03);
  EXPECT_NEAR(normal.deviation, 2, 0.03);
  EXPECT_GT(normal.most, 3 + 2 * 3.5);
  Moments truncated(LargeModel(FOVEA_TRUNCATED_NORMAL, 3, 2).values());
  EXPECT_NEAR(truncated.mean, 3, 0.03);
  EXPECT_NEAR(truncated.deviation, 2 * 0.87963, 0.02);
  EXPECT_GE(truncated.least, 3 - 4);
  EXPECT_LE(truncated.most, 3 + 4);
  Moments uniform(LargeModel(FOVEA_UNIFORM, -1, 3).values());
  EXPECT_NEAR(uniform.mean, 1, 0.02);
  EXPECT_NEAR(uniform.deviation, 4 / std::sqrt(12), 0.02);
  EXPECT_GE(uniform.least, -1);
  EXPECT_LT(uniform.most, 3);
  Moments constant(LargeModel(FOVEA_CONSTANT, 0.1, 0).values());
  EXPECT_EQ(constant.least, 0.1);
  EXPECT_EQ(constant.most, 0.1);
}

TEST(Initialize, NeighboursAreUncorrelated) {
  auto values = LargeModel(FOVEA_NORMAL, 0, 1).values();
  for (size_t lag : {1, 2, 250}) {
    double product = 0;
    for (size_t i = 0; i + lag < values.size(); ++i) product += values[i] * values[i + lag];
    EXPECT_NEAR(product / values.size(), 0, 0.015);
  }
}

TEST(Initialize, DependsOnSeedAndNameAlone) {
  LargeModel model(FOVEA_NORMAL, 0, 1);
  auto values = model.values();
  EXPECT_EQ(model.values(), values);
  model.options.threads = 7;
  EXPECT_EQ(model.values(), values);
  model.strides = {1, 400}; // another layout
  EXPECT_EQ(model.values(), values);
  std::swap(model.state[0], model.state.back()); // another order
  EXPECT_EQ(model.values(), values);
  std::swap(model.state[0], model.state.back());
  model.options.seed = 1;
  auto other_seed = model.values();
  EXPECT_NE(other_seed, values);
  model.options.seed = uint64_t{1} << 32;
  EXPECT_NE(model.values(), other_seed);
  model.options.seed = 0;
  model.state.back().name = "other";
  Handle handle(model);
  EXPECT_NE(get<double>(handle, "other", LargeModel::count), values);
}

TEST(Initialize, F32IsF64Rounded) {
  for (auto initializer : {FOVEA_NORMAL, FOVEA_TRUNCATED_NORMAL, FOVEA_UNIFORM}) {
    auto wide = LargeModel(initializer, 0, 0.02).values();
    auto narrow = LargeModel(initializer, 0, 0.02, FOVEA_F32).values<float>();
    for (size_t i = 0; i < wide.size(); ++i) ASSERT_EQ(narrow[i], static_cast<float>(wide[i]));
  }
}

TEST(Initialize, FillsEveryDtype) {
  struct Case {
    int32_t dtype;
    double value;
    uint64_t bits;
  };
  const Case cases[] = {{FOVEA_F16, 1, 0x3c00},
                        {FOVEA_F16, -2.5, 0xc100},
                        {FOVEA_F16, 65504, 0x7bff},
                        {FOVEA_F16, 65520, 0x7c00},
                        {FOVEA_F16, 65519, 0x7bff},
                        {FOVEA_F16, -0.0, 0x8000},
                        {FOVEA_F16, 0x1p-24, 0x0001},
                        {FOVEA_F16, 0x1p-25, 0x0000},
                        {FOVEA_F16, 0x1.8p-24, 0x0002},
                        {FOVEA_F16, 0x1p-14, 0x0400},
                        {FOVEA_F16, 0x1.ff8p-15, 0x03ff},
                        {FOVEA_F16, 0x1.ffcp-15, 0x0400},
                        {FOVEA_F16, 0.1, 0x2e66},
                        {FOVEA_F16, 0x1.ffep0, 0x4000},
                        {FOVEA_F16, 0x1.002p0, 0x3c00},
                        {FOVEA_F16, 0x1.006p0, 0x3c02},
                        {FOVEA_BF16, 1, 0x3f80},
                        {FOVEA_BF16, -0.1, 0xbdcd},
                        {FOVEA_BF16, 0x1.01p0, 0x3f80},
                        {FOVEA_BF16, 0x1.03p0, 0x3f82},
                        {FOVEA_I8, -3, 0xfd},
                        {FOVEA_U8, 200, 200},
                        {FOVEA_BOOL, 1, 1},
                        {FOVEA_I32, -1, 0xffffffff},
                        {FOVEA_I64, -2, 0xfffffffffffffffe},
                        {FOVEA_F32, 1, 0x3f800000},
                        {FOVEA_F64, 1, 0x3ff0000000000000}};
  for (const Case &test : cases) {
    TestModel model;
    model.state[3].dtype = test.dtype;
    model.state[3].a = test.value;
    Handle handle(model);
    uint64_t bits = 0;
    ASSERT_EQ(fovea_get(handle, "bias", &bits, fovea_dtype_bytes(test.dtype)), 0);
    EXPECT_EQ(bits, test.bits) << fovea_dtype_name(test.dtype) << " of " << test.value;
  }
}

TEST(Initialize, LeavesPaddingZero) {
  TestModel model;
  Handle handle(model);
  auto *weight = reinterpret_cast<const float *>(handle.handle->state);
  for (int row = 0; row < 3; ++row)
    for (int column = 4; column < 8; ++column) EXPECT_EQ(weight[row * 8 + column], 0);
}

} // namespace
