// Random numbers against Philox, bit for bit, and dropout by its gradients: the mask is that of the forward pass.
#include "test/ops/Functions.h"
#include "test/ops/Suites.h"

#include <fovea/Random.h>

#include <cmath>

namespace fovea::ops {

namespace {

using Key = std::array<uint32_t, 2>;

Key keyOf(uint64_t seed, uint64_t counter, uint32_t index) {
  auto words = reference::philox({(uint32_t)counter, (uint32_t)(counter >> 32), index, 0},
                                 {(uint32_t)seed, (uint32_t)(seed >> 32)});
  return {words[0], words[1]};
}

Array uniforms(const Shape &shape, Key key) {
  Array result(shape);
  for (int64_t at = 0; at < result.size(); ++at)
    result.values[at] = (reference::philox({(uint32_t)at, 0, 0, 0}, key)[0] >> 8) * 0x1p-24;
  return result;
}

/// What the random op of this index multiplies by in the first call of a model with seed 1.
Array dropped(const Shape &shape, uint32_t index, double rate) {
  return reference::unary(uniforms(shape, keyOf(1, 0, index)),
                          [=](double draw) { return draw < rate ? 0 : 1 / (1 - rate); });
}

Case keys(const std::string &name, double seed, double counter) {
  Case result{
      "keys_" + name,
      {{"seed", {}, cycle({seed}), Kind::i64}, {"counter", {}, cycle({counter}), Kind::i64}},
      [](const Build &build, Values v) {
        return SmallVector<Value>{build.make<RandomKeysOp>(build.type({5, 2}, build.builder.getI32Type()), v[0], v[1])};
      },
      [](const Arrays &a) {
        Array keys({5, 2});
        for (int64_t row = 0; row < 5; ++row)
          for (int64_t word : {0, 1})
            keys.at({row, word}) = (int32_t)keyOf((int64_t)a[0].values[0], (int64_t)a[1].values[0], row)[word];
        return Arrays{keys};
      },
      {}};
  result.gradient = false;
  return result;
}

Case uniformDraws(const std::string &name, const Shape &shape) {
  Case result{"uniform_" + name,
              {{"key", {2}, cycle({-123456789, 2000000011}), Kind::i32}},
              [=](const Build &build, Values v) {
                return SmallVector<Value>{build.make<RandomUniformOp>(build.type(shape), v[0])};
              },
              [=](const Arrays &a) {
                return Arrays{uniforms(shape, {(uint32_t)(int32_t)a[0].values[0], (uint32_t)(int32_t)a[0].values[1]})};
              },
              {}};
  result.gradient = false;
  return result;
}

//===-- Functions of the builder ----------------------------------------------------------------------------------===//

using Tensors = std::vector<Tensor>;

Key keyOf(const Array &words) { return {(uint32_t)(int32_t)words.values[0], (uint32_t)(int32_t)words.values[1]}; }

Array normals(const Shape &shape, Key key) {
  Array result(shape), pairs = uniforms({result.size(), 2}, key);
  for (int64_t at = 0; at < result.size(); ++at)
    result.values[at] =
        std::sqrt(-2 * std::log(1 - pairs.values[2 * at])) * std::cos(2 * M_PI * pairs.values[2 * at + 1]);
  return result;
}

Array gumbels(const Shape &shape, Key key) {
  return reference::unary(uniforms(shape, key),
                          [](double u) { return -std::log(std::fmax(-std::log(1 - u), 0x1p-25)); });
}

/// The uniform draw is that of the key: any of its functions can be told from that of another.
std::vector<Case> randomFunctions() {
  Operand key{"key", {2}, cycle({-123456789, 2000000011}), Kind::i32};
  Shape shape{3, 5, 17};
  auto plain = [&](const std::string &name, std::vector<Operand> operands, const Function &body,
                   const std::function<Array(const Arrays &)> &reference) {
    return valuesOnly(function(name, std::move(operands), body, reference, ulps(64, 8)));
  };
  return {
      plain(
          "uniform_between", {key},
          [](const Tensors &v) {
            return random_uniform(v[0], {3, 5, 17}, -2, 3);
          },
          [=](const Arrays &a) {
            return reference::unary(uniforms(shape, keyOf(a[0])), [](double u) { return -2 + 5 * u; });
          }),
      plain(
          "normal", {key},
          [](const Tensors &v) {
            return random_normal(v[0], {3, 5, 17});
          },
          [=](const Arrays &a) { return normals(shape, keyOf(a[0])); }),
      plain(
          "normal_moved", {key},
          [](const Tensors &v) {
            return random_normal(v[0], {3, 5, 17}, 2, 0.5);
          },
          [=](const Arrays &a) {
            return reference::unary(normals(shape, keyOf(a[0])), [](double z) { return 2 + z / 2; });
          }),
      plain(
          "gumbel", {key},
          [](const Tensors &v) {
            return random_gumbel(v[0], {3, 5, 17});
          },
          [=](const Arrays &a) { return gumbels(shape, keyOf(a[0])); }),
      plain(
          "bernoulli", {key, {"p", shape, cycle({0, 1, 0.5, 0.25, 0.9})}},
          [](const Tensors &v) { return random_bernoulli(v[0], v[1]); },
          [=](const Arrays &a) {
            return reference::binary(uniforms(shape, keyOf(a[0])), a[1], [](double u, double p) { return u < p; });
          }),
      plain(
          "categorical", {key, {"logits", shape}}, [](const Tensors &v) { return random_categorical(v[0], v[1]); },
          [=](const Arrays &a) {
            return reference::argmax(reference::binary(gumbels(shape, keyOf(a[0])), a[1], std::plus<>()), 2);
          }),
      plain(
          "keys", {{"seed", {}, cycle({12345678901}), Kind::i64}, {"counter", {}, cycle({77}), Kind::i64}},
          [](const Tensors &v) { return random_uniform(pick(random_keys(v[0], v[1], 3), 0, 2), {59}); },
          [](const Arrays &a) { return uniforms({59}, keyOf((uint64_t)a[0].values[0], (uint64_t)a[1].values[0], 2)); }),
  };
}

/// Dropout of a quarter, then of a half: two draws in one program.
Case dropout() {
  return {"dropout",
          {{"x", {7, 59}}},
          [](const Build &build, Values v) {
            Value first = build.make<DropoutOp>(v[0], llvm::APFloat(0.25));
            return SmallVector<Value>{build.make<DropoutOp>(build.make<ExpOp>(first), llvm::APFloat(0.5))};
          },
          [](const Arrays &a) { return Arrays{reference::unary(a[0], [](double x) { return std::exp(x); })}; },
          ulps(4),
          true,
          1e-6,
          1e-4,
          false,
          [](const Arrays &a) {
            Array first = reference::binary(a[0], dropped({7, 59}, 0, 0.25), std::multiplies<>());
            Array second = reference::unary(first, [](double x) { return std::exp(x); });
            return Arrays{reference::binary(second, dropped({7, 59}, 1, 0.5), std::multiplies<>())};
          }};
}

/// Attention's weights drop out after they are normalised.
Arrays attended(const Arrays &a, const Array &kept) {
  reference::AttentionOptions options;
  options.scale = 0.5;
  options.right = 0;
  options.offset = 2;
  Array identity({2, 2, 19, 19});
  reference::for_each_index({2, 2, 19}, [&](const Shape &at) { identity.at({at[0], at[1], at[2], at[2]}) = 1; });
  Array weights = reference::attention(a[0], a[1], identity, options).out;
  Array values = reference::reshape(
      reference::broadcast_to(reference::reshape(a[2], {2, 2, 1, 19, 3}), {2, 2, 2, 19, 3}), {2, 4, 19, 3});
  return {reference::matmul(reference::binary(weights, kept, std::multiplies<>()), values)};
}

Case attentionDropout() {
  Shape pairs{2, 4, 17, 19};
  return {"attention_dropout",
          {{"q", {2, 4, 17, 8}}, {"k", {2, 2, 19, 8}}, {"v", {2, 2, 19, 3}}},
          [](const Build &build, Values v) {
            auto op = build.op<AttentionOp>(v[0], v[1], v[2], Value(), Value(), mlir::ValueRange(), llvm::APFloat(0.5),
                                            -1, 0, 2, llvm::APFloat(0.3));
            return SmallVector<Value>{op.getResult()};
          },
          [=](const Arrays &a) { return attended(a, Array(pairs, 1)); },
          ulps(32, 1),
          true,
          1e-6,
          1e-4,
          false,
          [=](const Arrays &a) { return attended(a, dropped(pairs, 0, 0.3)); }};
}

} // namespace

Suite randomSuite() {
  Suite suite{"Random",
              {
                  keys("small", 1, 0),
                  keys("large", 0x123456789abcd, 0x1f00000003),
                  uniformDraws("one", {1}),
                  uniformDraws("scalar", {}),
                  uniformDraws("matrix", {3, 59}),
                  uniformDraws("deep", {2, 3, 5, 7}),
              }};
  for (Case &each : randomFunctions()) suite.cases.push_back(std::move(each));
  return suite;
}
Suite dropoutSuite() { return {"Dropout", {dropout()}}; }
Suite attentionDropoutSuite() { return {"AttentionDropout", {attentionDropout()}}; }

} // namespace fovea::ops
