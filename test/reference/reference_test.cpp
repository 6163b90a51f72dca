// The references against values worked out by hand, at the edges above all: NaN, infinities, -0.0, masked rows.
#include "Reference.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

using namespace fovea::reference;

static const double infinity = std::numeric_limits<double>::infinity();
static const double nan_value = std::numeric_limits<double>::quiet_NaN();

// Equal shapes, and values within the tolerance; NaN equals NaN and infinities equal themselves.
static void expect_array(const Array &actual, const Shape &shape, const std::vector<double> &values,
                         double tolerance = 1e-14) {
  ASSERT_EQ(actual.shape, shape);
  ASSERT_EQ(actual.values.size(), values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i]))
      EXPECT_TRUE(std::isnan(actual.values[i])) << "element " << i << ": " << actual.values[i];
    else if (std::isinf(values[i]))
      EXPECT_EQ(actual.values[i], values[i]) << "element " << i;
    else
      EXPECT_NEAR(actual.values[i], values[i], tolerance) << "element " << i;
  }
}

// 0, 1, 2, ... in row-major order.
static Array count_up(const Shape &shape) {
  Array result(shape);
  for (int64_t i = 0; i < result.size(); ++i) result.values[i] = i;
  return result;
}

// Values without pattern in [-1, 1].
static Array scatter(const Shape &shape, double phase) {
  Array result(shape);
  for (int64_t i = 0; i < result.size(); ++i) result.values[i] = std::sin(phase + 12.9898 * i * i);
  return result;
}

TEST(Array, AtIsRowMajorAndChecked) {
  Array array = count_up({2, 3});
  EXPECT_EQ(array.at({1, 2}), 5);
  array.at(Shape{0, 1}) = 7;
  EXPECT_EQ(array.values[1], 7);
  EXPECT_EQ(scalar(3).at({}), 3);
  EXPECT_THROW(array.at({2, 0}), std::invalid_argument);
  EXPECT_THROW(array.at({0, -1}), std::invalid_argument);
  EXPECT_THROW(array.at({0}), std::invalid_argument);
  EXPECT_THROW(Array({2}, std::vector<double>{1, 2, 3}), std::invalid_argument);
}

TEST(Elementwise, Broadcasts) {
  auto minus = [](double a, double b) { return a - b; };
  expect_array(binary(count_up({2, 1}), Array({3}, {10, 20, 30}), minus), {2, 3}, {-10, -20, -30, -9, -19, -29});
  expect_array(binary(scalar(1), Array({2}, {infinity, nan_value}), minus), {2}, {-infinity, nan_value});
  expect_array(binary(Array({0, 1}), Array({1, 4}), minus), {0, 4}, {});
  EXPECT_THROW(binary(Array({2}), Array({3}), minus), std::invalid_argument);
  EXPECT_THROW(broadcast_to(Array({2, 1}), {2}), std::invalid_argument);
  EXPECT_TRUE(std::signbit(unary(scalar(0), [](double x) { return -x; }).values[0]));
}

TEST(Elementwise, Gelu) {
  EXPECT_NEAR(gelu(1), 0.8413447460685429, 1e-15);
  EXPECT_NEAR(gelu(-1), -0.15865525393145707, 1e-15);
  EXPECT_NEAR(gelu(-10) / -7.619853024160525e-23, 1, 1e-10);
  EXPECT_TRUE(std::signbit(gelu(-0.0)));
  EXPECT_EQ(gelu(infinity), infinity);
  EXPECT_TRUE(std::isnan(gelu(-infinity)));
}

TEST(ShapeOps, MoveElements) {
  Array input = count_up({2, 3});
  expect_array(reshape(input, {3, 2}), {3, 2}, {0, 1, 2, 3, 4, 5});
  expect_array(transpose(input, {1, 0}), {3, 2}, {0, 3, 1, 4, 2, 5});
  EXPECT_EQ(transpose(count_up({2, 3, 4}), {2, 0, 1}).at({3, 1, 2}), count_up({2, 3, 4}).at({1, 2, 3}));
  expect_array(slice(input, {1, 2}, {1, 2}, {1, -2}), {1, 2}, {5, 3});
  expect_array(concat({input, Array({2, 1}, {8, 9}), Array({2, 0})}, 1), {2, 4}, {0, 1, 2, 8, 3, 4, 5, 9});
  expect_array(pad(Array({1, 2}, {1, 2}), {1, 0}, {0, 1}, -infinity), {2, 3},
               {-infinity, -infinity, -infinity, 1, 2, -infinity});
  EXPECT_THROW(reshape(input, {4}), std::invalid_argument);
  EXPECT_THROW(transpose(input, {0, 0}), std::invalid_argument);
  EXPECT_THROW(slice(input, {0, 2}, {1, 2}, {1, 1}), std::invalid_argument);
}

TEST(Reductions, SumMeanMax) {
  Array input = count_up({2, 3, 2});
  expect_array(sum(input, {0, 2}), {3}, {14, 22, 30});
  expect_array(mean(input, {1}, true), {2, 1, 2}, {2, 3, 8, 9});
  expect_array(max(input, {0, 1, 2}), {}, {11});
  expect_array(sum(input, {}), {2, 3, 2}, input.values);
  expect_array(max(Array({2, 3}, {1, nan_value, 2, -infinity, -infinity, -infinity}), {1}), {2},
               {nan_value, -infinity});
  EXPECT_TRUE(std::signbit(max(Array({2}, {-0.0, 0.0}), {0}).values[0]));
  expect_array(sum(Array({2, 0}), {1}), {2}, {0, 0});
  expect_array(mean(Array({1, 0}), {1}), {1}, {nan_value});
}

TEST(Reductions, ArgmaxTakesTheFirst) {
  Array input({3, 3}, {1, 5, 5, 2, nan_value, nan_value, -infinity, -infinity, -infinity});
  expect_array(argmax(input, 1), {3}, {1, 1, 0});
  expect_array(argmax(Array({2, 2}, {1, 5, 2, 4}), 0, true), {1, 2}, {1, 0});
}

TEST(Layers, MatmulTransposesAndBroadcasts) {
  Array a = count_up({2, 3}), b = count_up({3, 2});
  expect_array(matmul(a, b), {2, 2}, {10, 13, 28, 40});
  expect_array(matmul(transpose(a, {1, 0}), b, true), {2, 2}, {10, 13, 28, 40});
  expect_array(matmul(a, transpose(b, {1, 0}), false, true), {2, 2}, {10, 13, 28, 40});
  Array batched = matmul(Array({4, 1, 2, 3}, 1), count_up({5, 3, 2}));
  EXPECT_EQ(batched.shape, Shape({4, 5, 2, 2}));
  EXPECT_EQ(batched.at({3, 2, 1, 1}), 13 + 15 + 17);
  expect_array(matmul(Array({2, 0}), Array({0, 1})), {2, 1}, {0, 0});
  EXPECT_THROW(matmul(a, a), std::invalid_argument);
}

TEST(Layers, Softmax) {
  expect_array(softmax(Array({2, 2}, {1000, 1000 + std::log(3), -infinity, 7})), {2, 2}, {0.25, 0.75, 0, 1}, 1e-12);
  expect_array(softmax(Array({3, 2}, {-infinity, -infinity, infinity, 0, nan_value, 0})), {3, 2},
               std::vector<double>(6, nan_value));
}

TEST(Layers, LayerNorm) {
  LayerNorm norm = layer_norm(Array({2, 2}, {1, 3, 5, 5}), 3);
  expect_array(norm.y, {2, 2}, {-0.5, 0.5, 0, 0});
  expect_array(norm.mean, {2}, {2, 5});
  expect_array(norm.rstd, {2}, {0.5, 1 / std::sqrt(3)});
}

TEST(Layers, Conv2d) {
  Array input = count_up({1, 2, 3, 3}), weight({1, 2, 2, 2}, {1, 0, 0, 1, 0, 0, 0, 2});
  expect_array(conv2d(input, weight), {1, 1, 2, 2}, {0 + 4 + 2 * 13, 1 + 5 + 2 * 14, 3 + 7 + 2 * 16, 4 + 8 + 2 * 17});
  expect_array(conv2d(input, weight, {2, 3}, {1, 1}), {1, 1, 2, 2}, {2 * 9, 0, 6 + 2 * 15, 5});
  expect_array(conv2d(Array({1, 1, 1, 1}, 3), Array({2, 1, 3, 3}, 1), {1, 1}, {1, 1}), {1, 2, 1, 1}, {3, 3});
  expect_array(conv2d(Array({1, 1, 1, 3}, {1, 2, 3}), Array({1, 1, 1, 2}, {1, 10}), {1, 1}, {0, 0}, {1, 2}),
               {1, 1, 1, 1}, {31});
  expect_array(conv2d(Array({1, 2, 1, 1}, {3, 5}), Array({2, 1, 1, 1}, {1, 10}), {1, 1}, {0, 0}, {1, 1}, 2),
               {1, 2, 1, 1}, {3, 50});
  expect_array(conv_transpose2d(Array({1, 1, 1, 2}, {1, 2}), Array({1, 1, 1, 3}, {1, 10, 100}), {1, 5}, {1, 2}),
               {1, 1, 1, 5}, {1, 10, 102, 20, 200});
  EXPECT_THROW(conv2d(input, Array({1, 1, 2, 2})), std::invalid_argument);
}

// One head of size 1 whose scores are k and whose values are 1, 2, 4, ...
static Attention weigh(const std::vector<double> &k, int64_t queries, const AttentionOptions &options) {
  int64_t keys = k.size();
  Array v({1, 1, keys, 1});
  for (int64_t t = 0; t < keys; ++t) v.values[t] = std::pow(2, t);
  return attention(Array({1, 1, queries, 1}, 1), Array({1, 1, keys, 1}, k), v, options);
}

TEST(Attention, IsSoftmaxTimesValues) {
  AttentionOptions options;
  options.scale = 2;
  Attention result = weigh({0, std::log(3) / 2}, 1, options);
  expect_array(result.out, {1, 1, 1, 1}, {0.25 * 1 + 0.75 * 2});
  expect_array(result.log_sum_exp, {1, 1, 1}, {std::log(4)});

  Array q = scatter({2, 4, 3, 5}, 1), k = scatter({2, 2, 6, 5}, 2), v = scatter({2, 2, 6, 7}, 3);
  auto repeat = [](const Array &x) { // each head of k and v serves two of q
    Array wide = broadcast_to(reshape(x, {2, 2, 1, 6, x.shape[3]}), {2, 2, 2, 6, x.shape[3]});
    return reshape(wide, {2, 4, 6, x.shape[3]});
  };
  options.scale = 1;
  Array expected = matmul(softmax(matmul(q, repeat(k), false, true)), repeat(v));
  expect_array(attention(q, k, v, options).out, expected.shape, expected.values);
}

TEST(Attention, WindowLengthsMaskAndScore) {
  AttentionOptions causal;
  causal.right = 0;
  expect_array(weigh({0, 0, 0}, 3, causal).out, {1, 1, 3, 1}, {1, 1.5, 7.0 / 3});
  causal.offset = 1;
  causal.left = 1;
  expect_array(weigh({0, 0, 0}, 2, causal).out, {1, 1, 2, 1}, {1.5, 3});

  AttentionOptions lengths;
  lengths.kv_lengths = {2};
  expect_array(weigh({0, 0, nan_value}, 1, lengths).out, {1, 1, 1, 1}, {1.5});

  AttentionOptions regions;
  regions.mask = [](int64_t, int64_t, int64_t, int64_t t) { return t != 1; };
  regions.score = [](double score, int64_t, int64_t, int64_t, int64_t t) { return score + (t == 2 ? std::log(3) : 0); };
  expect_array(weigh({0, 0, 0}, 1, regions).out, {1, 1, 1, 1}, {0.25 * 1 + 0.75 * 4});
}

TEST(Attention, RowsWithoutKeysAreZero) {
  AttentionOptions options;
  options.kv_lengths = {0};
  for (const Attention &result :
       {weigh({nan_value, infinity}, 1, options), weigh({}, 1, {}), weigh({-infinity, -infinity}, 1, {})}) {
    expect_array(result.out, {1, 1, 1, 1}, {0});
    expect_array(result.log_sum_exp, {1, 1, 1}, {-infinity});
  }
  AttentionOptions past;
  past.offset = -1;
  past.right = 0;
  expect_array(weigh({0, 0}, 2, past).log_sum_exp, {1, 1, 2}, {-infinity, 0});
  expect_array(weigh({0, nan_value}, 1, {}).out, {1, 1, 1, 1}, {nan_value});
}

TEST(Layers, CrossEntropyIgnores) {
  Array logits({3, 2}, {0, std::log(3), 1000, 1000, 0, -infinity});
  CrossEntropy result = cross_entropy(logits, Array({3}, {1, -100, 1}), -100);
  expect_array(result.loss, {3}, {std::log(4.0 / 3), 0, infinity});
  expect_array(result.log_sum_exp, {3}, {std::log(4), 1000 + std::log(2), 0}, 1e-12);
  EXPECT_THROW(cross_entropy(logits, Array({3}, {0, 2, 0})), std::invalid_argument);
}

TEST(Layers, Embedding) {
  expect_array(embedding(count_up({3, 2}), Array({2, 1}, {2, 0})), {2, 1, 2}, {4, 5, 0, 1});
  EXPECT_THROW(embedding(count_up({3, 2}), scalar(3)), std::invalid_argument);
}

// The known answers that Random123 publishes (kat_vectors).
TEST(Philox, KnownAnswers) {
  using Words = std::array<uint32_t, 4>;
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Gradient, OfCrossEntropyIsSoftmaxLessOneHot) {
  Array logits = scatter({2, 3}, 4), labels({2}, {2, 0}), expected = softmax(logits);
  expected.at({0, 2}) -= 1;
  expected.at({1, 0}) -= 1;
  auto loss = [](const std::vector<Array> &inputs) {
    return sum(cross_entropy(inputs[0], inputs[1]).loss, {0}).values[0];
  };
  expect_array(gradient(loss, {logits, labels}, 0), {2, 3}, expected.values, 1e-9);
}
