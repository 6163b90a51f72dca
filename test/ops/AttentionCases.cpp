// Attention, forward and backward: odd sizes, windows, lengths, grouped heads, special values.
#include "test/ops/Suites.h"

#include <cmath>

namespace fovea::ops {

namespace {

/// Sizes and options of one case. `statistics` makes log_sum_exp a result too.
struct Sizes {
  int64_t batch = 2, heads = 2, kvHeads = 2, queries = 5, keys = 5, size = 4, valueSize = 4;
  std::optional<int64_t> left, right;
  int64_t offset = 0;
  std::vector<double> lengths = {};
  bool statistics = true;
};

reference::AttentionOptions optionsOf(const Sizes &sizes, const Arrays &a) {
  reference::AttentionOptions options;
  options.scale = 1 / std::sqrt((double)sizes.size);
  options.left = sizes.left;
  options.right = sizes.right;
  options.offset = sizes.offset;
  if (!sizes.lengths.empty()) options.kv_lengths.assign(a[3].values.begin(), a[3].values.end());
  return options;
}

Case attention(const std::string &name, const Sizes &s) {
  Case result;
  result.name = "attention_" + name;
  result.operands = {{"q", {s.batch, s.heads, s.queries, s.size}},
                     {"k", {s.batch, s.kvHeads, s.keys, s.size}},
                     {"v", {s.batch, s.kvHeads, s.keys, s.valueSize}}};
  if (!s.lengths.empty()) result.operands.push_back({"lengths", {s.batch}, cycle(s.lengths), Kind::i32});
  result.build = [=](const Build &build, Values v) {
    auto op = build.op<AttentionOp>(v[0], v[1], v[2], v.size() > 3 ? v[3] : Value(), Value(), mlir::ValueRange(),
                                    llvm::APFloat(1 / std::sqrt((double)s.size)), s.left.value_or(-1),
                                    s.right.value_or(-1), s.offset, llvm::APFloat(0.0));
    return s.statistics ? SmallVector<Value>{op.getResult(), op.getLogSumExp()} : SmallVector<Value>{op.getResult()};
  };
  result.reference = [=](const Arrays &a) {
    reference::Attention out = reference::attention(a[0], a[1], a[2], optionsOf(s, a));
    return s.statistics ? Arrays{out.out, out.log_sum_exp} : Arrays{out.out};
  };
  result.bound = ulps(32, 1);
  result.gradientRoundings = attentionGradientRoundings;
  return result;
}

/// A NaN of a query reaches its own row, one of a key the rows that see it, one of a value its own column.
Case special() {
  Case result =
      attention("special",
                {.batch = 1, .heads = 2, .kvHeads = 1, .queries = 7, .keys = 7, .size = 3, .valueSize = 5, .right = 0});
  result.gradient = false;
  result.operands[0].fill = [](int64_t at, double draw) { return at == 2 * 3 + 1 ? NAN : draw; };
  result.operands[1].fill = [](int64_t at, double draw) { return at == 5 * 3 ? NAN : draw; };
  result.operands[2].fill = [](int64_t at, double draw) { return at == 3 ? NAN : at == 1 ? INFINITY : draw; };
  return result;
}

/// Nothing beyond kv_lengths is read.
Case garbage() {
  Case result =
      attention("garbage_beyond_lengths", {.heads = 2, .kvHeads = 1, .queries = 5, .keys = 7, .lengths = {5, 2}});
  auto fill = [](int64_t at, double draw) { // (batch, 1, keys, 4)
    int64_t key = at / 4 % 7, length = at / 28 ? 2 : 5;
    return key < length ? 4 * draw - 2 : at % 2 ? NAN : INFINITY;
  };
  result.operands[1].fill = result.operands[2].fill = fill;
  return result;
}

/// Large scores: softmax must not overflow.
Case large() {
  Case result = attention("large", {.queries = 3, .keys = 19, .size = 2, .valueSize = 3});
  result.operands[0].fill = result.operands[1].fill = uniform(-40, 40);
  result.gradient = false;
  result.bound = ulps(8192, 1); // e^x of a score near 2000 has its rounding error
  return result;
}

/// Heads as views of one product: (batch, length, 3, heads, size) read through slices and transposes, and back.
Case projected() {
  constexpr int64_t batches = 2, length = 9, heads = 3, size = 5;
  auto part = [](const Array &x, int64_t index) {
    Array s = reference::slice(x, {0, 0, index, 0, 0}, {batches, length, 1, heads, size}, {1, 1, 1, 1, 1});
    return reference::transpose(reference::reshape(s, {batches, length, heads, size}), {0, 2, 1, 3});
  };
  return {"attention_projected",
          {{"x", {batches, length, 3, heads, size}}},
          [=](const Build &build, Values v) {
            auto part = [&](int64_t index) {
              Value s = build.make<SliceOp>(v[0], 2, index, 1, 1),
                    r = build.make<ReshapeOp>(build.type({batches, length, heads, size}), s);
              return build.make<TransposeOp>(r, Shape{0, 2, 1, 3});
            };
            auto op = build.op<AttentionOp>(part(0), part(1), part(2), Value(), Value(), mlir::ValueRange(),
                                            llvm::APFloat(0.5), -1, 0, 0, llvm::APFloat(0.0));
            Value merged = build.make<TransposeOp>(op.getResult(), Shape{0, 2, 1, 3});
            return SmallVector<Value>{build.make<ReshapeOp>(build.type({batches, length, heads * size}), merged)};
          },
          [=](const Arrays &a) {
            reference::AttentionOptions options;
            options.scale = 0.5;
            options.right = 0;
            Array out = reference::attention(part(a[0], 0), part(a[0], 1), part(a[0], 2), options).out;
            return Arrays{reference::reshape(reference::transpose(out, {0, 2, 1, 3}), {batches, length, heads * size})};
          },
          ulps(32, 1)};
}

/// The last tokens of the above: only their queries are computed.
Case taken() {
  constexpr int64_t start = 6, size = 2;
  Case result = projected(), whole = result;
  result.name = "attention_taken";
  result.build = [=](const Build &build, Values v) {
    return SmallVector<Value>{build.make<SliceOp>(whole.build(build, v)[0], 1, start, size, 1)};
  };
  result.reference = [=](const Arrays &a) {
    Array out = whole.reference(a)[0];
    return Arrays{reference::slice(out, {0, start, 0}, {out.shape[0], size, out.shape[2]}, {1, 1, 1})};
  };
  return result;
}

} // namespace

Suite attentionSuite() {
  return {
      "Attention",
      {
          attention("one", {.batch = 1, .heads = 1, .kvHeads = 1, .queries = 1, .keys = 1, .size = 1, .valueSize = 1}),
          attention("size_1", {.queries = 3, .keys = 17, .size = 1, .valueSize = 3}),
          attention("size_16", {.queries = 17, .keys = 17, .size = 16, .valueSize = 16, .statistics = false}),
          attention("size_59",
                    {.batch = 1, .queries = 17, .keys = 3, .size = 59, .valueSize = 17, .statistics = false}),
          attention("length_113", {.batch = 1, .queries = 113, .keys = 113, .size = 3, .valueSize = 8}),
          attention("causal", {.queries = 17, .keys = 17, .right = 0, .statistics = false}),
          attention("causal_past", {.queries = 3, .keys = 17, .right = 0, .offset = 14}),
          attention("window", {.queries = 19, .keys = 19, .left = 3, .right = 2}),
          attention("window_masks_all", {.queries = 9, .keys = 5, .left = 1, .right = 0}),
          attention("lengths", {.batch = 3, .queries = 5, .keys = 17, .lengths = {17, 1, 0}}),
          attention("lengths_causal", {.batch = 3, .queries = 17, .keys = 17, .right = 0, .lengths = {3, 20, 9}}),
          attention("grouped", {.heads = 6, .kvHeads = 2, .queries = 7, .keys = 11}),
          attention("one_kv_head",
                    {.heads = 3, .kvHeads = 1, .queries = 33, .keys = 35, .left = 9, .right = 9, .lengths = {34, 20}}),
          // Keys in chunks, some of which a query or a whole item does not see.
          attention("one_query", {.queries = 1, .keys = 600, .size = 16, .valueSize = 16, .statistics = false}),
          attention("far_scores", {.heads = 4, .kvHeads = 4, .queries = 37, .keys = 530}),
          attention("far_scores_alone", {.heads = 4, .kvHeads = 4, .queries = 37, .keys = 530, .statistics = false}),
          attention("chunks", {.kvHeads = 1, .queries = 7, .keys = 1100, .size = 5, .valueSize = 3}),
          attention("chunks_causal", {.queries = 59, .keys = 530, .right = 0, .lengths = {530, 3}}),
          attention("chunks_window", {.batch = 1, .queries = 59, .keys = 700, .left = 500, .right = 40, .offset = 600}),
          attention("chunks_mask_all", {.queries = 5, .keys = 700, .right = 0, .offset = -3, .lengths = {0, 690}}),
          special(),
          garbage(),
          large(),
          projected(),
          taken(),
      }};
}

} // namespace fovea::ops
