// Draws attention: each score and mask function is written twice, for the compiler and for the reference.
#include "test/ops/AttentionCombinations.h"
#include "test/ops/Functions.h"

#include <fovea/ScoreFunctions.h>

#include <cmath>
#include <random>

namespace fovea::ops {

namespace {

struct Sizes {
  int64_t batch, heads, kvHeads, queries, keys, size, valueSize;
};
using Score = std::function<double(double s, int64_t b, int64_t h, int64_t i, int64_t j)>;
using Mask = std::function<bool(int64_t b, int64_t h, int64_t i, int64_t j)>;

/// What a function captures, and what it is for the compiler and for the reference, given the captures' values.
struct ScoreRule {
  std::string name;
  std::vector<Operand> captures;
  std::function<ScoreFunction(const std::vector<Tensor> &)> function;
  std::function<Score(const Arrays &)> reference;
};
struct MaskRule {
  std::string name;
  std::vector<Operand> captures;
  std::function<MaskFunction(const std::vector<Tensor> &)> function;
  std::function<Mask(const Arrays &)> reference;
};

std::vector<ScoreRule> scoreRules(const Sizes &s) {
  constexpr int64_t buckets = 7;
  int64_t queries = s.queries, keys = s.keys, rows = (std::max(queries, keys) + 15) / 16;
  return {
      {"bias",
       {{"bias", {s.heads, queries, keys}}},
       [](const std::vector<Tensor> &t) { return scores::additive(t[0]); },
       [](const Arrays &a) {
         return [=](double x, int64_t, int64_t h, int64_t i, int64_t j) { return x + a[0].at({h, i, j}); };
       }},
      {"bias_of_keys",
       {{"bias", {s.batch, 1, 1, keys}}},
       [](const std::vector<Tensor> &t) { return scores::additive(t[0]); },
       [](const Arrays &a) {
         return [=](double x, int64_t b, int64_t, int64_t, int64_t j) { return x + a[0].at({b, 0, 0, j}); };
       }},
      {"relative",
       {{"table", {s.heads, queries + keys - 1}}},
       [=](const std::vector<Tensor> &t) { return scores::relative(t[0], queries); },
       [=](const Arrays &a) {
         return [=](double x, int64_t, int64_t h, int64_t i, int64_t j) {
           return x + a[0].at({h, j - i + queries - 1});
         };
       }},
      {"grid", // as wide as a vector
       {{"table", {s.heads, 2 * rows - 1, 31}}},
       [=](const std::vector<Tensor> &t) {
         return scores::relative_2d(t[0], {rows, 16});
       },
       [=](const Arrays &a) {
         return [=](double x, int64_t, int64_t h, int64_t i, int64_t j) {
           return x + a[0].at({h, j / 16 - i / 16 + rows - 1, j % 16 - i % 16 + 15});
         };
       }},
      {"slopes",
       {{"slopes", {s.heads}}},
       [](const std::vector<Tensor> &t) {
         return [=](Scalar x, Index, Index h, Index i, Index j) {
           return x + load(t[0], h) * cast(j - i, x.dtype()) * 0.1;
         };
       },
       [](const Arrays &a) {
         return [=](double x, int64_t, int64_t h, int64_t i, int64_t j) {
           return x + a[0].at({h}) * (double)(j - i) * 0.1;
         };
       }},
      {"alibi",
       {},
       [=](const std::vector<Tensor> &) { return scores::alibi(s.heads); },
       [=](const Arrays &) {
         return [=](double x, int64_t, int64_t h, int64_t i, int64_t j) {
           return x + std::pow(2, -8.0 * (double)(h + 1) / (double)s.heads) * (double)(j - i);
         };
       }},
      {"softcap",
       {},
       [](const std::vector<Tensor> &) { return scores::softcap(1.5); },
       [](const Arrays &) {
         return [](double x, int64_t, int64_t, int64_t, int64_t) { return 1.5 * std::tanh(x / 1.5); };
       }},
      {"temperature",
       {{"temperature", {}, uniform(0.5, 2)}},
       [](const std::vector<Tensor> &t) {
         return [=](Scalar x, Index, Index, Index, Index) { return x * load(t[0]); };
       },
       [](const Arrays &a) {
         return [=](double x, int64_t, int64_t, int64_t, int64_t) { return x * a[0].values[0]; };
       }},
      {"gate", // two loads of one capture, each with a gradient
       {{"gates", {keys, s.heads}}},
       [](const std::vector<Tensor> &t) {
         return [=](Scalar x, Index, Index h, Index i, Index j) {
           return x * sigmoid(load(t[0], j, h)) + load(t[0], i, h);
         };
       },
       [=](const Arrays &a) {
         return [=](double x, int64_t, int64_t h, int64_t i, int64_t j) {
           double gate = a[0].at({j, h}), own = a[0].at({std::min(i, keys - 1), h});
           return x / (1 + std::exp(-gate)) + own;
         };
       }},
      {"buckets", // a table by an index that is a table too
       {{"places", {queries, keys}, whole(0, buckets), Kind::i32}, {"table", {buckets, s.heads}}},
       [](const std::vector<Tensor> &t) {
         return [=](Scalar x, Index, Index h, Index i, Index j) { return x + load(t[1], load(t[0], i, j), h); };
       },
       [](const Arrays &a) {
         return [=](double x, int64_t, int64_t h, int64_t i, int64_t j) {
           return x + a[1].at({(int64_t)a[0].at({i, j}), h});
         };
       }},
      {"t5",
       {{"table", {8, s.heads}}},
       [](const std::vector<Tensor> &t) { return scores::t5(t[0], 12); },
       [](const Arrays &a) {
         return [=](double x, int64_t, int64_t h, int64_t i, int64_t j) {
           int64_t distance = std::abs(j - i), bucket = distance; // 4 buckets to each side, 2 of them exact
           if (distance >= 2)
             bucket = std::min<int64_t>(3, 2 + (int64_t)(std::log(distance / 2.0) / std::log(6.0) * 2));
           return x + a[0].at({bucket + (j > i ? 4 : 0), h});
         };
       }},
  };
}

std::vector<MaskRule> maskRules(const Sizes &s) {
  return {
      {"boolean",
       {{"mask", {s.queries, s.keys}, whole(0, 2), Kind::boolean}},
       [](const std::vector<Tensor> &t) { return masks::boolean(t[0]); },
       [](const Arrays &a) { return [=](int64_t, int64_t, int64_t i, int64_t j) {
                               return a[0].at({i, j}) != 0;
                             }; }},
      {"boolean_of_heads",
       {{"mask", {s.batch, s.heads, 1, s.keys}, whole(0, 2), Kind::boolean}},
       [](const std::vector<Tensor> &t) { return masks::boolean(t[0]); },
       [](const Arrays &a) {
         return [=](int64_t b, int64_t h, int64_t, int64_t j) { return a[0].at({b, h, 0, j}) != 0; };
       }},
      {"document",
       {{"ids", {s.batch, std::max(s.queries, s.keys)}, whole(0, 3), Kind::i32}},
       [](const std::vector<Tensor> &t) { return masks::document(t[0]); },
       [](const Arrays &a) {
         return [=](int64_t b, int64_t, int64_t i, int64_t j) { return a[0].at({b, i}) == a[0].at({b, j}); };
       }},
      {"prefix",
       {{"lengths", {s.batch}, whole(0, s.keys + 1), Kind::i64}},
       [](const std::vector<Tensor> &t) { return masks::prefix(t[0]); },
       [](const Arrays &a) {
         return [=](int64_t b, int64_t, int64_t i, int64_t j) { return (double)j < a[0].at({b}) || j <= i; };
       }},
      {"neighbourhood",
       {},
       [](const std::vector<Tensor> &) {
         return masks::neighbourhood_2d({5, 4}, 1);
       },
       [](const Arrays &) {
         return [](int64_t, int64_t, int64_t i, int64_t j) {
           return std::abs(i / 4 - j / 4) <= 1 && std::abs(i % 4 - j % 4) <= 1;
         };
       }},
      {"blocks", // whole panels of keys are not seen
       {},
       [](const std::vector<Tensor> &) {
         return [](Index, Index, Index i, Index j) { return equal(floor_div(i, 16.0), floor_div(j, 16.0)); };
       },
       [](const Arrays &) { return [](int64_t, int64_t, int64_t i, int64_t j) { return i / 16 == j / 16; }; }},
  };
}

/// The result and log_sum_exp as one tensor.
Tensor joined(const Attended &attended) {
  fovea::Shape column = attended.log_sum_exp.shape();
  column.push_back(1);
  return concat({attended.result, reshape(attended.log_sum_exp, column)}, 3);
}

struct Drawn {
  Sizes sizes;
  std::optional<int64_t> left, right;
  bool lengths;
  std::vector<ScoreRule> scores;
  std::vector<MaskRule> masks;
};

class Drawing {
public:
  explicit Drawing(uint64_t seed) : random(seed) {}
  Drawn draw() {
    Drawn result;
    Sizes &s = result.sizes;
    int64_t kv = any({1, 1, 2}), group = any({1, 1, 2, 3});
    s = {any({1, 1, 2, 3}),         kv * group,           kv, any(lengths), any(lengths),
         any({1, 3, 4, 8, 16, 17}), any({1, 3, 4, 8, 16})};
    if (chance(0.5)) s.keys = s.queries;
    if (chance(0.1)) s.keys = 530; // in chunks, where heads are few
    if (chance(0.3)) result.right = any({0, 0, 2});
    if (chance(0.2)) result.left = any({0, 3, 9});
    result.lengths = chance(0.2);
    auto scoreRules = ops::scoreRules(s);
    auto maskRules = ops::maskRules(s);
    for (int64_t count = any({0, 1, 1, 1, 2}); count > 0; --count)
      result.scores.push_back(scoreRules[between(0, scoreRules.size() - 1)]);
    if (chance(0.4)) result.masks.push_back(maskRules[between(0, maskRules.size() - 1)]);
    return result;
  }

private:
  const std::vector<int64_t> lengths = {1, 2, 3, 5, 8, 17, 17, 33, 59, 113};
  int64_t between(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(random); }
  int64_t any(const std::vector<int64_t> &list) { return list[between(0, list.size() - 1)]; }
  bool chance(double probability) { return std::uniform_real_distribution<>(0, 1)(random) < probability; }
  std::mt19937_64 random;
};

Array joined(const reference::Attention &of) {
  Shape column = of.log_sum_exp.shape;
  column.push_back(1);
  return reference::concat({of.out, reference::reshape(of.log_sum_exp, column)}, 3);
}

} // namespace

Case drawAttention(uint64_t seed, bool gradient) {
  Drawn drawn = Drawing(seed).draw();
  const Sizes &s = drawn.sizes;
  std::string name = "attention_" + std::to_string(seed);
  std::vector<Operand> operands = {{"q", {s.batch, s.heads, s.queries, s.size}},
                                   {"k", {s.batch, s.kvHeads, s.keys, s.size}},
                                   {"v", {s.batch, s.kvHeads, s.keys, s.valueSize}}};
  if (drawn.lengths) operands.push_back({"lengths", {s.batch}, whole(0, s.keys + 1), Kind::i32});
  auto capture = [&](const auto &rules) {
    std::vector<size_t> first;
    for (const auto &rule : rules) {
      first.push_back(operands.size());
      name += "_" + rule.name;
      for (Operand each : rule.captures) {
        each.name += std::to_string(operands.size());
        operands.push_back(each);
      }
    }
    return first;
  };
  std::vector<size_t> ofScores = capture(drawn.scores), ofMasks = capture(drawn.masks);
  int64_t offset = s.keys - s.queries;

  Case result = function(
      name, operands,
      [=](const std::vector<Tensor> &t) {
        AttentionOptions options{.window_left = drawn.left, .window_right = drawn.right};
        if (drawn.lengths) options.kv_lengths = t[3];
        for (auto [rule, first] : llvm::zip(drawn.scores, ofScores))
          options.score = chain(options.score, rule.function({t.begin() + first, t.end()}));
        for (auto [rule, first] : llvm::zip(drawn.masks, ofMasks))
          options.mask = both(options.mask, rule.function({t.begin() + first, t.end()}));
        return joined(attend(t[0], t[1], t[2], options));
      },
      [=](const Arrays &a) {
        reference::AttentionOptions options;
        options.scale = 1 / std::sqrt((double)drawn.sizes.size);
        options.left = drawn.left, options.right = drawn.right;
        options.offset = drawn.left || drawn.right ? offset : 0;
        if (drawn.lengths) options.kv_lengths.assign(a[3].values.begin(), a[3].values.end());
        std::vector<Score> scores;
        std::vector<Mask> masks;
        for (auto [rule, first] : llvm::zip(drawn.scores, ofScores))
          scores.push_back(rule.reference({a.begin() + first, a.end()}));
        for (auto [rule, first] : llvm::zip(drawn.masks, ofMasks))
          masks.push_back(rule.reference({a.begin() + first, a.end()}));
        options.score = [&](double x, int64_t b, int64_t h, int64_t i, int64_t j) {
          for (const Score &score : scores) x = score(x, b, h, i, j);
          return x;
        };
        options.mask = [&](int64_t b, int64_t h, int64_t i, int64_t j) {
          return llvm::all_of(masks, [&](const Mask &mask) { return mask(b, h, i, j); });
        };
        return joined(reference::attention(a[0], a[1], a[2], options));
      },
      ulps(64, 1));
  result.gradient = gradient;
  result.lowGradientFloor = 1; // weights and their cotangents, less their mean in each row
  // One op, which computes in f32. A temperature's gradient is a sum over all pairs, most of which cancels.
  result.composed = gradient && StringRef(name).contains("temperature");
  result.gradientRoundings = attentionGradientRoundings;
  return result;
}

} // namespace fovea::ops
