// Additive, talking-heads, linear and LSH attention, and choices with a gradient.
#include "test/ops/Relatives.h"
#include "test/ops/Suites.h"

#include <fovea/AttentionForms.h>
#include <fovea/Choice.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace fovea::ops {

namespace {

using Tensors = std::vector<Tensor>;

//===-- Additive --------------------------------------------------------------------------------------------------===//

/// Weights of scores where the mask holds; zeros where it holds nothing.
std::vector<double> maskedWeights(const std::vector<double> &scores, const std::vector<bool> &mask) {
  double largest = -INFINITY, total = 0;
  std::vector<double> weights(scores.size());
  for (size_t n = 0; n < scores.size(); ++n)
    if (mask[n]) largest = std::max(largest, scores[n]);
  for (size_t n = 0; n < scores.size(); ++n)
    if (mask[n]) total += weights[n] = std::exp(scores[n] - largest);
  for (double &weight : weights) weight /= total > 0 ? total : 1;
  return weights;
}

/// Results and weights side by side, (b, queries, d + keys); key j of item b is masked if (b + j) % 3 == 0, or all of
/// them, if they are one.
Case additive(const std::string &name, int64_t queries, int64_t keys, bool masked) {
  constexpr int64_t b = 2, hidden = 4, d = 3;
  std::vector<Operand> operands{
      {"q", {b, queries, hidden}}, {"k", {b, keys, hidden}}, {"v", {b, keys, d}}, {"w", {hidden}}};
  auto sees = [=](int64_t item, int64_t key) { return !masked || (item + key) % 3 != 0; };
  if (masked)
    operands.push_back(
        {"mask", {b, 1, keys}, [=](int64_t at, double) { return sees(at / keys, at % keys); }, Kind::boolean});
  return function(
      "additive_" + name, operands,
      [=](const Tensors &v) {
        Weighted y = additive_attention(v[0], v[1], v[2], v[3], masked ? std::optional(v[4]) : std::nullopt);
        return concat({y.result, y.weights}, -1);
      },
      [=](const Arrays &a) {
        Array y({b, queries, d + keys});
        reference::for_each_index({b, queries}, [&](const Shape &at) {
          std::vector<double> scores(keys);
          std::vector<bool> mask;
          for (int64_t key = 0; key < keys; ++key) {
            for (int64_t c = 0; c < hidden; ++c)
              scores[key] += a[3].at({c}) * std::tanh(a[0].at({at[0], at[1], c}) + a[1].at({at[0], key, c}));
            mask.push_back(sees(at[0], key));
          }
          std::vector<double> weights = maskedWeights(scores, mask);
          for (int64_t key = 0; key < keys; ++key) {
            y.at({at[0], at[1], d + key}) = weights[key];
            for (int64_t c = 0; c < d; ++c) y.at({at[0], at[1], c}) += weights[key] * a[2].at({at[0], key, c});
          }
        });
        return y;
      },
      ulps(64, 2));
}

//===-- Talking heads ---------------------------------------------------------------------------------------------===//

Case talking(const std::string &name, int64_t queries, int64_t keys, bool causal) {
  constexpr int64_t b = 2, before = 2, middle = 3, after = 4, d = 5, e = 3;
  std::vector<Operand> operands{{"q", {b, before, queries, d}}, {"k", {b, before, keys, d}},
                                {"v", {b, after, keys, e}},     {"before", {before, middle}},
                                {"after", {middle, after}},     {"bias", {middle, 1, keys}}};
  return function(
      "talking_heads_" + name, operands,
      [=](const Tensors &v) {
        return talking_heads_attention(v[0], v[1], v[2], v[3], v[4], {.causal = causal, .scale = 0.4, .bias = v[5]});
      },
      [=](const Arrays &a) {
        Array y({b, after, queries, e});
        reference::for_each_index({b, queries, middle}, [&](const Shape &at) {
          std::vector<double> scores(keys);
          std::vector<bool> mask;
          for (int64_t key = 0; key < keys; ++key) {
            mask.push_back(!causal || key <= at[1] + keys - queries);
            scores[key] = a[5].at({at[2], 0, key});
            for (int64_t head = 0; head < before; ++head)
              for (int64_t c = 0; c < d; ++c)
                scores[key] +=
                    0.4 * a[3].at({head, at[2]}) * a[0].at({at[0], head, at[1], c}) * a[1].at({at[0], head, key, c});
          }
          std::vector<double> weights = maskedWeights(scores, mask);
          for (int64_t head = 0; head < after; ++head)
            for (int64_t key = 0; key < keys; ++key)
              for (int64_t c = 0; c < e; ++c)
                y.at({at[0], head, at[1], c}) += a[4].at({at[2], head}) * weights[key] * a[2].at({at[0], head, key, c});
        });
        return y;
      },
      ulps(128, 8));
}

//===-- Linear ----------------------------------------------------------------------------------------------------===//

double feature(double x) { return x > 0 ? x + 1 : std::exp(x); }

/// Of queries (items, 3, ..). With `squares`, f(x) = x^2.
Case linearCase(const std::string &name, int64_t items, int64_t queries, int64_t keys, int64_t chunk, bool causal,
                bool squares = false) {
  LinearAttentionOptions options{.causal = causal, .chunk = chunk};
  if (squares) options.feature_map = [](const Tensor &x) { return x * x; };
  return function(
      "linear_" + name, {{"q", {items, 3, queries, 4}}, {"k", {items, 3, keys, 4}}, {"v", {items, 3, keys, 5}}},
      [=](const Tensors &v) { return linear_attention(v[0], v[1], v[2], options); },
      [=](const Arrays &a) {
        Array y({a[0].shape[0], 3, queries, 5});
        auto map = [=](double x) { return squares ? x * x : feature(x); };
        reference::for_each_index({y.shape[0], 3, queries}, [&](const Shape &at) {
          double total = 1e-6;
          std::vector<double> sums(5);
          for (int64_t key = 0; key < (causal ? at[2] + 1 : keys); ++key) {
            double weight = 0;
            for (int64_t c = 0; c < 4; ++c)
              weight += map(a[0].at({at[0], at[1], at[2], c})) * map(a[1].at({at[0], at[1], key, c}));
            total += weight;
            for (int64_t c = 0; c < 5; ++c) sums[c] += weight * a[2].at({at[0], at[1], key, c});
          }
          for (int64_t c = 0; c < 5; ++c) y.at({at[0], at[1], at[2], c}) = sums[c] / total;
        });
        return y;
      },
      ulps(128, 2));
}

//===-- LSH -------------------------------------------------------------------------------------------------------===//

/// The keys that each query of a head sees, in all rounds: those of its bucket, in its own and the chunk before.
std::vector<std::set<int64_t>> bucketed(const Array &q, const Array &rotations, int64_t b, int64_t head,
                                        const LshAttentionOptions &options) {
  int64_t n = q.shape[2], d = q.shape[3], half = rotations.shape[2], chunks = n / options.chunk;
  std::vector<std::set<int64_t>> seen(n);
  for (int64_t round = 0; round < rotations.shape[0]; ++round) {
    std::vector<int64_t> buckets, sorted, place(n);
    for (int64_t at = 0; at < n; ++at) {
      std::vector<double> turned(2 * half);
      for (int64_t r = 0; r < half; ++r) {
        for (int64_t c = 0; c < d; ++c) turned[r] += q.at({b, head, at, c}) * rotations.at({round, c, r});
        turned[half + r] = -turned[r];
      }
      buckets.push_back(std::max_element(turned.begin(), turned.end()) - turned.begin());
      sorted.push_back(at);
    }
    std::stable_sort(sorted.begin(), sorted.end(), [&](int64_t x, int64_t y) { return buckets[x] < buckets[y]; });
    for (int64_t at = 0; at < n; ++at) place[sorted[at]] = at;
    for (int64_t query = 0; query < n; ++query)
      for (int64_t key = 0; key < n; ++key) {
        int64_t mine = place[query] / options.chunk, its = place[key] / options.chunk;
        bool near = its == mine || its == (mine + chunks - 1) % chunks;
        if (near && buckets[key] == buckets[query] && (!options.causal || key <= query)) seen[query].insert(key);
      }
  }
  return seen;
}

/// `fill` draws queries and rotations: from positive ones on both sides, all is in one bucket.
Case lsh(const std::string &name, const Shape &given, int64_t rounds, int64_t half, LshAttentionOptions options,
         const Fill &fill = uniform(-2, 2)) {
  Shape values = given;
  values.back() = 3;
  Case result = function(
      "lsh_" + name, {{"q", given, fill}, {"v", values}, {"rotations", {rounds, given[3], half}, fill}},
      [=](const Tensors &v) { return lsh_attention(v[0], v[1], v[2], options); },
      [=](const Arrays &a) {
        Array keys = a[0], y(a[1].shape);
        const Shape &shape = a[0].shape;
        reference::for_each_index({shape[0], shape[1], shape[2]}, [&](const Shape &at) {
          double square = 0;
          for (int64_t c = 0; c < shape[3]; ++c) square += std::pow(a[0].at({at[0], at[1], at[2], c}), 2);
          for (int64_t c = 0; c < shape[3]; ++c) keys.at({at[0], at[1], at[2], c}) /= std::sqrt(square);
        });
        reference::for_each_index({shape[0], shape[1]}, [&](const Shape &at) {
          auto seen = bucketed(a[0], a[2], at[0], at[1], options);
          for (int64_t query = 0; query < shape[2]; ++query) {
            if (seen[query].size() > 1) seen[query].erase(query);
            std::vector<Shape> indices;
            for (int64_t key : seen[query]) indices.push_back({at[0], at[1], key});
            std::vector<double> row = attended(a[0], keys, a[1], {at[0], at[1], query}, indices);
            for (int64_t c = 0; c < 3; ++c) y.at({at[0], at[1], query, c}) = row[c];
          }
        });
        return y;
      },
      ulps(256, 2));
  result.gradientF64 = 1e-5; // in steps of differences, as keys of length 1 have it
  return result;
}

//===-- Choices ---------------------------------------------------------------------------------------------------===//

/// Rows of softmax(x / temperature).
Array soft(const Array &x, double temperature = 1) {
  return reference::softmax(reference::unary(x, [=](double value) { return value / temperature; }));
}
/// The gradient of sum(w softmax(x / temperature)) in x.
Array softGradient(const Array &x, const Array &w, double temperature = 1) {
  Array weights = soft(x, temperature), y(x.shape);
  int64_t classes = x.shape.back();
  for (int64_t at = 0; at < x.size(); ++at) {
    double mean = 0;
    for (int64_t c = at / classes * classes; c < at / classes * classes + classes; ++c)
      mean += weights.values[c] * w.values[c];
    y.values[at] = weights.values[at] * (w.values[at] - mean) / temperature;
  }
  return y;
}
Array oneHot(const Array &x) {
  Array index = reference::argmax(x, x.rank() - 1), y(x.shape);
  for (int64_t row = 0; row < index.size(); ++row) y.values[row * x.shape.back() + (int64_t)index.values[row]] = 1;
  return y;
}

/// logits with the noise of the key's uniform draws.
Array noisy(const Array &logits, const Array &key) {
  Array y = logits;
  for (int64_t at = 0; at < y.size(); ++at) {
    uint32_t word = reference::philox({(uint32_t)at, 0, 0, 0},
                                      {(uint32_t)(int32_t)key.values[0], (uint32_t)(int32_t)key.values[1]})[0];
    y.values[at] -= std::log(std::fmax(-std::log(1 - (word >> 8) * 0x1p-24), 0x1p-25));
  }
  return y;
}

std::vector<Case> choices() {
  Shape shape{3, 17};
  Operand x{"x", shape, distinct()}, w{"w", shape}, key{"key", {2}, cycle({-123456789, 2000000011}), Kind::i32};
  Bound bound = ulps(64, 1);
  auto values = [&](const std::string &name, std::vector<Operand> operands, const Function &body,
                    const std::function<Array(const Arrays &)> &reference,
                    Bound within) { return valuesOnly(function(name, std::move(operands), body, reference, within)); };
  GumbelSoftmaxOptions hard{.temperature = 0.5, .hard = true};
  auto weighted = [=](const Tensors &v) { return gumbel_softmax(v[0], v[1], hard) * v[2]; };
  Operand special{"x", {11}, cycle({0.1, -3.7, 1e30, -1e-19, INFINITY, -INFINITY, NAN, 0, 123456789.5, -0.4999999, 1})};
  return {
      values(
          "stop_gradient", {special}, [](const Tensors &v) { return stop_gradient(v[0]); },
          [](const Arrays &a) { return a[0]; }, {}),
      gradientOf(
          "stop_gradient_slope", {x}, 0, [](const Tensors &v) { return v[0] * stop_gradient(v[0]); },
          [](const Arrays &a) { return a[0]; }, {}),
      values(
          "straight_through", {x}, [](const Tensors &v) { return straight_through(v[0]); },
          [](const Arrays &a) { return oneHot(a[0]); }, bound),
      gradientOf(
          "straight_through_slope", {x, w}, 0, [](const Tensors &v) { return straight_through(v[0]) * v[1]; },
          [](const Arrays &a) { return softGradient(a[0], a[1]); }, bound),
      function(
          "gumbel_softmax", {key, x}, [](const Tensors &v) { return gumbel_softmax(v[0], v[1], {.temperature = 0.7}); },
          [](const Arrays &a) { return soft(noisy(a[1], a[0]), 0.7); }, ulps(256, 1)),
      values(
          "gumbel_softmax_hard", {key, x}, [=](const Tensors &v) { return gumbel_softmax(v[0], v[1], hard); },
          [](const Arrays &a) { return oneHot(noisy(a[1], a[0])); }, bound),
      gradientOf(
          "gumbel_softmax_hard_slope", {key, x, w}, 1, weighted,
          [](const Arrays &a) { return softGradient(noisy(a[1], a[0]), a[2], 0.5); }, ulps(512, 1)),
  };
}

/// Results and weights side by side; a sample where `drawn`.
Case hard(bool drawn) {
  std::vector<Operand> operands{{"q", {2, 3, 4}}, {"k", {2, 5, 4}}, {"v", {2, 5, 3}}};
  if (drawn) operands.push_back({"key", {2}, cycle({-123456789, 2000000011}), Kind::i32});
  return valuesOnly(function(
      drawn ? "hard_attention_drawn" : "hard_attention", operands,
      [=](const Tensors &v) {
        Weighted y = hard_attention(v[0], v[1], v[2], {.key = drawn ? std::optional(v[3]) : std::nullopt});
        return concat({y.result, y.weights}, -1);
      },
      [=](const Arrays &a) {
        Array scores = reference::unary(reference::matmul(a[0], a[1], false, true), [](double x) { return x / 2; });
        Array weights = oneHot(drawn ? noisy(scores, a[3]) : scores);
        return reference::concat({reference::matmul(weights, a[2]), weights}, 2);
      },
      ulps(64, 2)));
}
/// The gradient of hard attention in its queries is that of soft attention.
Case hardSlope() {
  return gradientOf(
      "hard_attention_slope", {{"q", {1, 3, 4}}, {"k", {1, 5, 4}}, {"v", {1, 5, 3}}}, 0,
      [](const Tensors &v) { return hard_attention(v[0], v[1], v[2], {.scale = 0.5}).result; },
      [](const Arrays &a) {
        Array scores = reference::unary(reference::matmul(a[0], a[1], false, true), [](double x) { return x / 2; });
        Array sums = reference::sum(a[2], {2}), weights(scores.shape);
        reference::for_each_index(weights.shape, [&](const Shape &at) { weights.at(at) = sums.at({0, at[2]}); });
        Array y = reference::matmul(softGradient(scores, weights), a[1]);
        return reference::unary(y, [](double g) { return g / 2; });
      },
      ulps(256, 1));
}

std::vector<Case> reinforce() {
  std::vector<Operand> operands{{"p", {2, 5}}, {"reward", {2, 5}}, {"baseline", {2, 1}}};
  auto body = [](const Tensors &v) { return reinforce_loss(v[0], v[1], v[2]); };
  auto slopeOf = [](const Arrays &a) {
    return reference::binary(a[1], a[2], [](double reward, double baseline) { return (baseline - reward) / 10; });
  };
  auto loss = [=](const Arrays &a) {
    return reference::sum(reference::binary(slopeOf(a), a[0], std::multiplies<>()), {0, 1});
  };
  return {valuesOnly(function("reinforce", operands, body, loss, ulps(16, 4))),
          gradientOf("reinforce_slope", operands, 0, body, slopeOf, ulps(4, 1)),
          gradientOf("reinforce_reward", operands, 1, body,
                     [](const Arrays &) {
                       return Array({2, 5});
                     },
                     {}),
          gradientOf("reinforce_baseline", operands, 2, body,
                     [](const Arrays &) {
                       return Array({2, 1});
                     },
                     {})};
}

/// Rows of which the last has no key.
Case masked() {
  auto holds = [](int64_t at) { return at < 10 && at % 3 != 1; };
  return function(
      "masked_softmax",
      {{"x", {2, 3, 5}}, {"mask", {3, 5}, [=](int64_t at, double) { return holds(at); }, Kind::boolean}},
      [](const Tensors &v) { return masked_softmax(v[0], v[1]); },
      [=](const Arrays &a) {
        Array y(a[0].shape);
        for (int64_t row = 0; row < 6; ++row) {
          std::vector<double> scores(a[0].values.begin() + row * 5, a[0].values.begin() + row * 5 + 5);
          std::vector<bool> mask;
          for (int64_t key = 0; key < 5; ++key) mask.push_back(holds(row % 3 * 5 + key));
          std::vector<double> weights = maskedWeights(scores, mask);
          std::copy(weights.begin(), weights.end(), y.values.begin() + row * 5);
        }
        return y;
      },
      ulps(32, 1));
}

} // namespace

Suite attentionFormsSuite() {
  std::vector<Case> cases{masked(),
                          valuesOnly(additive("plain", 3, 17, false)),
                          additive("masked", 5, 3, true),
                          valuesOnly(additive("single", 1, 1, true)),
                          valuesOnly(talking("plain", 3, 17, false)),
                          talking("causal", 3, 5, true),
                          linearCase("all", 2, 3, 17, 64, false),
                          valuesOnly(linearCase("single", 2, 1, 1, 64, true)),
                          linearCase("causal", 2, 17, 17, 5, true),
                          valuesOnly(linearCase("squares", 1, 6, 6, 3, true, true)),
                          valuesOnly(linearCase("short", 2, 3, 3, 64, true))};
  return {"AttentionForms", mostlyWide(cases, {"additive_masked", "linear_causal"})};
}

Suite choicesSuite() {
  std::vector<Case> cases = choices();
  for (const Case &each : {hard(false), hard(true), hardSlope()}) cases.push_back(each);
  for (const Case &each : reinforce()) cases.push_back(each);
  return {"Choices", mostlyWide(cases, {"stop_gradient", "straight_through", "gumbel_softmax_hard_slope"})};
}

Suite lshSuite() {
  std::vector<Case> cases{valuesOnly(lsh("one", {1, 2, 17, 5}, 1, 2, {.chunk = 17})),
                          lsh("rounds", {2, 1, 12, 4}, 3, 2, {.chunk = 3}),
                          valuesOnly(lsh("causal", {1, 1, 10, 3}, 2, 1, {.chunk = 5, .causal = true}))};
  return {"Lsh", mostlyWide(cases, {"lsh_one"})};
}

std::vector<Case> batchAttentionForms() {
  return {linearCase("batch", batch, 7, 7, 3, true),
          valuesOnly(lsh("batch", {batch, 2, 12, 4}, 2, 1, {.chunk = 3}, uniform(0.5, 2)))};
}

} // namespace fovea::ops
