// Attention with the author's functions, maps, gradients and gradient rules: what they become, and every mistake's
// message.
#include "test/dsl/Message.h"

#include <gmock/gmock.h>

using namespace fovea;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

namespace {

struct AttentionFunctions : testing::Test {
  Model model{"model"};
  Tensor q = model.input("q", {1, 2, 5, 8}), k = model.input("k", {1, 2, 7, 8});
  Tensor table = model.input("table", {2, 11}), temperature = model.input("temperature", {});

  Tensor scored(const ScoreFunction &score) { return attention(q, k, k, {.score = score}); }
  Tensor masked(const MaskFunction &mask) { return attention(q, k, k, {.mask = mask}); }
};

TEST_F(AttentionFunctions, AreRegionsThatLoadWhatTheyCapture) {
  model.output("y", scored([&](Scalar s, Index, Index h, Index i, Index j) {
                 return s * temperature + load(table, h, j - i + 4.0);
               }));
  std::string text = model.text();
  EXPECT_THAT(text, ContainsRegex("captures %arg[0-9]+, %arg[0-9]+"));
  EXPECT_THAT(text, ContainsRegex("fovea.score_load %arg[0-9]+\\[\\] : \\(tensor<f32>\\) -> tensor<f32>"));
  EXPECT_THAT(text, ContainsRegex("fovea.score_load %arg[0-9]+\\[%arg[0-9]+, %[0-9]+\\]"));
}

TEST_F(AttentionFunctions, LoadErrors) {
  EXPECT_MESSAGE(load(table, 0.0, 1.0),
                 "load reads one element inside a score or mask function: elsewhere use slice or gather");
  EXPECT_MESSAGE(scored([&](Scalar s, Index, Index h, Index, Index) { return s + load(table, h); }),
                 "load of (2, 11) by 1 indices: give one for each dimension");
  EXPECT_MESSAGE(scored([&](Scalar s, Index, Index h, Index, Index) { return s + load(table, h, s); }),
                 "load of (2, 11) by an index of (): indices are integers made of b, h, i and j");
  EXPECT_MESSAGE(scored([&](Scalar s, Index, Index, Index, Index) { return load(s); }),
                 "load of a tensor that the function made itself: load from tensors made before attention");
}

TEST_F(AttentionFunctions, FunctionErrors) {
  EXPECT_MESSAGE(
      scored([&](Scalar s, Index, Index, Index, Index) { return s + table; }),
      "attention: the score function computes with (2, 11) from outside, in add: it sees one query and one key, "
      "so load(tensor, index, ..) an element");
  EXPECT_MESSAGE(scored([&](Scalar, Index, Index h, Index, Index) { return h; }),
                 "attention: the score function gives () of i32: it must give one number, () of f32");
  EXPECT_MESSAGE(masked([&](Index, Index, Index i, Index j) { return i - j; }),
                 "attention: the mask function gives () of i32: it must give one number, () of i1");
  EXPECT_MESSAGE(
      scored([&](Scalar s, Index, Index, Index, Index) { return sum(broadcast_to(s, {3})); }),
      "attention: its score function has a broadcast of (3): it sees one query and one key and computes with "
      "scalars, of f32, f64, integers or booleans; compute tensors before, and load an element (c7)");
  EXPECT_MESSAGE(scored([&](Scalar s, Index, Index, Index, Index) {
                   attention(q, k, k, {.score = scores::softcap(2)});
                   return s;
                 }),
                 "attention: inside another one's score or mask function: compute it before");
  EXPECT_MESSAGE(attention(q, k, k, {.window_left = -1}),
                 "attention: a window of -1 keys to one side: it must not be negative; leave it out to see all");
  Tensor wide = model.input("wide", {1, 1, 1, 1, 7});
  EXPECT_MESSAGE(scored(scores::additive(wide)),
                 "attention: a bias or mask of rank 5 does not broadcast to (b, heads, queries, keys)");
  EXPECT_MESSAGE(scored(scores::t5(table)),
                 "attention: T5's table must be (buckets, heads) with a multiple of 4 buckets, "
                 "fewer than max_distance = 128");
}

TEST_F(AttentionFunctions, MapErrors) {
  Attended attended = attend(q, k, k);
  EXPECT_MESSAGE(attention_weights(q, k, attended, {}, {3, 4}),
                 "attention map: 4 rows from 3 on, but there are 5 queries");
  EXPECT_MESSAGE(rollout({}), "rollout: there are no maps: give those of at least one block");
  EXPECT_MESSAGE(
      rollout({mean_attention(q, k, attended)}),
      "rollout: the first map is (1, 5, 7): all must be one shape, (b, tokens, tokens), such as mean_attention "
      "gives");
  EXPECT_MESSAGE(top_links(attention_weights(q, k, attended), 9),
                 "top_k: 9 elements of an axis of 7: k must be from 1 to 7");
  EXPECT_MESSAGE(merge({}), "merge: there are no parts: give at least one");
}

TEST_F(AttentionFunctions, GradientErrors) {
  EXPECT_MESSAGE(gradient(q, {k}),
                 "gradient of (1, 2, 5, 8) of f32: it must be one floating-point number; take a mean or a sum");
  Tensor count = model.input("count", {}, i32);
  EXPECT_MESSAGE(gradient(sum(q), {count}),
                 "gradient with respect to () of i32: only floats have one; cast it before it is used");
  Tensor weights = attention_weights(q, k, attend(q, k, k));
  EXPECT_MESSAGE(
      gradient(sum(weights), {q}),
      "attention_map: has no gradient rule, but the loss depends on trained parameters through it: freeze them, or "
      "use another op");
}

TEST_F(AttentionFunctions, RulesOfTheAuthors) {
  using Tensors = std::vector<Tensor>;
  EXPECT_MESSAGE(
      custom_vjp({q}, round(q), [&](const Tensors &, const Tensor &, const Tensor &g) { return Tensors{sum(g)}; }),
      "custom_vjp: the rule gives 1 cotangents for 1 inputs, or of other shapes or element types: give each input "
      "one like itself");
  EXPECT_MESSAGE(
      custom_vjp({q}, round(q), [&](const Tensors &, const Tensor &, const Tensor &g) { return Tensors{g * q}; }),
      "custom_vjp: the rule uses (1, 2, 5, 8) from outside, in mul: pass it as an input");
  Tensor y =
      custom_vjp({q}, round(q), [&](const Tensors &, const Tensor &, const Tensor &g) { return Tensors{g * 2.0}; });
  model.output("y", gradient(sum(y), {q})[0]);
  EXPECT_THAT(model.text(), HasSubstr("fovea.custom_vjp"));
}

} // namespace
