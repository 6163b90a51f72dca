// Maps of attention against plain loops: every kind, windows, lengths, functions, some rows, rows that see nothing.
#include "test/ops/Functions.h"
#include "test/ops/Suites.h"

#include <fovea/AttentionMaps.h>
#include <fovea/ScoreFunctions.h>

#include <cmath>

namespace fovea::ops {

namespace {

struct Setup {
  int64_t batch = 2, heads = 4, kvHeads = 2, queries = 19, keys = 19, size = 5;
  std::optional<int64_t> left, right;
  bool functions = false; // a learned bias by distance, and a mask
  bool lengths = false;
};

/// q, k, v, then the captured table, then lengths.
std::vector<Operand> operandsOf(const Setup &s) {
  std::vector<Operand> result = {{"q", {s.batch, s.heads, s.queries, s.size}},
                                 {"k", {s.batch, s.kvHeads, s.keys, s.size}},
                                 {"v", {s.batch, s.kvHeads, s.keys, 3}},
                                 {"table", {s.heads, s.queries + s.keys - 1}}};
  if (s.lengths) result.push_back({"lengths", {s.batch}, cycle({0, 7, 100}), Kind::i32});
  return result;
}

bool sees(int64_t i, int64_t j) { return (i + j) % 3 != 0; }

AttentionOptions optionsOf(const Setup &s, const std::vector<Tensor> &t) {
  AttentionOptions options{.window_left = s.left, .window_right = s.right};
  if (s.lengths) options.kv_lengths = t[4];
  if (!s.functions) return options;
  options.score = chain(scores::softcap(2), scores::relative(t[3], s.queries));
  options.mask = [](Index, Index, Index i, Index j) { return not_equal(remainder(i + j, 3.0), 0.0); };
  return options;
}

/// What a query and key of a head come to.
struct Pair {
  double raw, score, weight;
  bool seen;
};

/// One element for each pair, from query `first` on.
Array pairsOf(const Setup &s, const Arrays &a, int64_t first, int64_t count,
              const std::function<double(const Pair &, int64_t b, int64_t h, int64_t i, int64_t j)> &element) {
  Array result({s.batch, s.heads, count, s.keys});
  int64_t offset = s.left || s.right ? s.keys - s.queries : 0;
  reference::for_each_index({s.batch, s.heads, count}, [&](const Shape &at) {
    int64_t b = at[0], h = at[1], i = at[2] + first, g = h / (s.heads / s.kvHeads);
    std::vector<Pair> row;
    double most = -INFINITY, total = 0;
    for (int64_t j = 0; j < s.keys; ++j) {
      Pair pair{0, 0, 0, true};
      for (int64_t d = 0; d < s.size; ++d) pair.raw += a[0].at({b, h, i, d}) * a[1].at({b, g, j, d});
      pair.score = pair.raw /= std::sqrt((double)s.size);
      if (s.functions) pair.score = 2 * std::tanh(pair.raw / 2) + a[3].at({h, j - i + s.queries - 1});
      pair.seen = (!s.left || j >= i + offset - *s.left) && (!s.right || j <= i + offset + *s.right) &&
                  (!s.lengths || (double)j < a[4].at({b})) && (!s.functions || sees(i, j));
      if (pair.seen) most = std::max(most, pair.score);
      row.push_back(pair);
    }
    for (const Pair &pair : row) total += pair.seen ? std::exp(pair.score - most) : 0;
    for (int64_t j = 0; j < s.keys; ++j) {
      row[j].weight = row[j].seen ? std::exp(row[j].score - most) / total : 0;
      result.at({b, h, at[2], j}) = element(row[j], b, h, i, j);
    }
  });
  return result;
}

double weightOf(const Pair &pair, int64_t, int64_t, int64_t, int64_t) { return pair.weight; }

Case map(const std::string &name, const Setup &s, const std::function<Tensor(const std::vector<Tensor> &)> &build,
         std::function<Array(const Arrays &)> reference) {
  return valuesOnly(function("attention_map_" + name, operandsOf(s), build, reference, ulps(64, 1)));
}

Case scoresCase(const std::string &name, const Setup &s, Scores which) {
  return map(
      name, s, [=](const std::vector<Tensor> &t) { return attention_scores(t[0], t[1], optionsOf(s, t), which); },
      [=](const Arrays &a) {
        return pairsOf(s, a, 0, s.queries, [=](const Pair &pair, int64_t, int64_t, int64_t, int64_t) {
          if (which == Scores::raw) return pair.raw;
          return pair.seen || which == Scores::scored ? pair.score : -INFINITY;
        });
      });
}

Case weightsCase(const std::string &name, const Setup &s, Rows rows = {}) {
  int64_t count = rows.count.value_or(s.queries - rows.first);
  return map(
      name, s,
      [=](const std::vector<Tensor> &t) {
        AttentionOptions options = optionsOf(s, t);
        return attention_weights(t[0], t[1], attend(t[0], t[1], t[2], options), options, rows);
      },
      [=](const Arrays &a) { return pairsOf(s, a, rows.first, count, weightOf); });
}

Case meanCase(const std::string &name, const Setup &s) {
  return map(
      name, s,
      [=](const std::vector<Tensor> &t) {
        AttentionOptions options = optionsOf(s, t);
        return mean_attention(t[0], t[1], attend(t[0], t[1], t[2], options), options);
      },
      [=](const Arrays &a) { return reference::mean(pairsOf(s, a, 0, s.queries, weightOf), {1}); });
}

Case entropyCase(const std::string &name, const Setup &s) {
  return map(
      name, s,
      [=](const std::vector<Tensor> &t) {
        AttentionOptions options = optionsOf(s, t);
        return attention_entropy(t[0], t[1], attend(t[0], t[1], t[2], options), options);
      },
      [=](const Arrays &a) {
        auto term = [](const Pair &pair, int64_t, int64_t, int64_t, int64_t) {
          return pair.weight > 0 ? -pair.weight * std::log(pair.weight) : 0;
        };
        return reference::sum(pairsOf(s, a, 0, s.queries, term), {3});
      });
}

/// The cotangent of the result is 2 result, that of the sum of its squares.
Case relevantCase(const std::string &name, const Setup &s) {
  return map(
      name, s,
      [=](const std::vector<Tensor> &t) {
        AttentionOptions options = optionsOf(s, t);
        Attended attended = attend(t[0], t[1], t[2], options);
        Tensor cotangent = gradient(sum(square(attended.result)), {attended.result})[0];
        return relevant_attention(t[0], t[1], t[2], attended, cotangent, options);
      },
      [=](const Arrays &a) {
        Array weights = pairsOf(s, a, 0, s.queries, weightOf), result(weights.shape);
        reference::for_each_index({s.batch, s.heads, s.queries}, [&](const Shape &at) {
          int64_t b = at[0], h = at[1], i = at[2], g = h / (s.heads / s.kvHeads);
          double out[3] = {};
          for (int64_t j = 0; j < s.keys; ++j)
            for (int64_t d = 0; d < 3; ++d) out[d] += weights.at({b, h, i, j}) * a[2].at({b, g, j, d});
          for (int64_t j = 0; j < s.keys; ++j) {
            double slope = 0;
            for (int64_t d = 0; d < 3; ++d) slope += 2 * out[d] * a[2].at({b, g, j, d});
            result.at({b, h, i, j}) = std::max(0.0, slope * weights.at({b, h, i, j}));
          }
        });
        return reference::mean(result, {1});
      });
}

Array identity(int64_t size) {
  Array result({size, size});
  for (int64_t i = 0; i < size; ++i) result.at({i, i}) = 1;
  return result;
}

std::vector<Case> rollouts() {
  std::vector<Operand> maps = {{"a", {2, 7, 7}, uniform(0, 1)}, {"b", {2, 7, 7}, uniform(0, 1)}};
  Array one = identity(7);
  auto sum = [](const Array &x, const Array &y) { return reference::binary(x, y, std::plus<>()); };
  return {function(
              "rollout", maps, [](const std::vector<Tensor> &t) { return rollout(t); },
              [=](const Arrays &a) {
                auto mixed = [&](const Array &x) {
                  return reference::unary(sum(x, one), [](double y) { return y / 2; });
                };
                return reference::matmul(mixed(a[1]), mixed(a[0]));
              },
              ulps(16, 1)),
          function(
              "relevance_rollout", maps, [](const std::vector<Tensor> &t) { return relevance_rollout(t); },
              [=](const Arrays &a) {
                Array first = sum(a[0], one);
                return sum(first, reference::matmul(a[1], first));
              },
              ulps(16, 1))};
}

} // namespace

Suite attentionMapSuite() {
  Setup plain, functions{.functions = true}, causal{.queries = 17, .keys = 33, .right = 0},
      lengths{.batch = 3, .functions = true, .lengths = true}, narrow{.queries = 7, .keys = 3, .left = 1, .right = 0};
  Suite suite{"AttentionMap",
              {scoresCase("raw", plain, Scores::raw), scoresCase("scored", functions, Scores::scored),
               scoresCase("masked", functions, Scores::masked), scoresCase("masked_causal", causal, Scores::masked),
               scoresCase("masked_plain", plain, Scores::masked), weightsCase("weights", plain),
               weightsCase("weights_functions", functions), weightsCase("weights_lengths", lengths),
               weightsCase("weights_none_seen", narrow), weightsCase("some_rows", functions, {4, 3}),
               weightsCase("some_rows_causal", causal, {16, 1}), meanCase("mean", plain),
               meanCase("mean_lengths", lengths), meanCase("mean_causal", causal), entropyCase("entropy", functions),
               entropyCase("entropy_lengths", lengths), entropyCase("entropy_none_seen", narrow),
               relevantCase("relevant", plain), relevantCase("relevant_functions", functions)}};
  for (Case &each : rollouts()) suite.cases.push_back(std::move(each));
  return suite;
}

} // namespace fovea::ops
