// Blocks of lib/dsl/nn that attend across, pool or decode, with their parameters as operands.
#include "test/ops/Relatives.h"
#include "test/ops/Suites.h"

#include <fovea/nn/AttentionForms.h>
#include <fovea/nn/AttentionPool.h>
#include <fovea/nn/Recurrent.h>

#include <cmath>

namespace fovea::ops {

namespace {

using Tensors = std::vector<Tensor>;

/// Parameters are small enough for sigmoids to bend.
Case blockCase(const std::string &name, std::vector<Operand> operands, size_t inputs, const Block &make,
               const std::function<Array(const Arrays &)> &reference) {
  for (size_t at = inputs; at < operands.size(); ++at) operands[at].fill = uniform(-0.8, 0.8);
  return block(name, operands, make, reference, ulps(256, 4));
}

/// x to the keys and values of a context: a[at ..] are query, key_value and projection, each with its bias.
Array crossed(const Arrays &a, size_t at, const Array &x, const Array &context, int64_t heads) {
  int64_t width = a[at].shape[1];
  Array q = linear(x, a[at], &a[at + 1]), kv = linear(context, a[at + 2], &a[at + 3]);
  Array mixed =
      attendedFully(headsOf(q, heads, 0, width), headsOf(kv, heads, 0, width), headsOf(kv, heads, width, 2 * width));
  return linear(tokensOf(mixed), a[at + 4], &a[at + 5]);
}
std::vector<Operand> crossParameters(const std::string &at, int64_t width, int64_t context, int64_t output) {
  return {{at + "query.weight", {width, width}},           {at + "query.bias", {width}},
          {at + "key_value.weight", {context, 2 * width}}, {at + "key_value.bias", {2 * width}},
          {at + "projection.weight", {width, output}},     {at + "projection.bias", {output}}};
}
std::vector<Operand> joined(std::vector<Operand> a, const std::vector<Operand> &b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Case crossModal() {
  return blockCase(
      "cross_modal", joined({{"x", {2, 3, 6}}, {"context", {2, 5, 4}}}, crossParameters("", 6, 4, 6)), 2,
      [](const Model &model, const Tensors &v) { return nn::CrossModalAttention(model, 6, 4, 2)(v[0], v[1]); },
      [](const Arrays &a) { return crossed(a, 2, a[0], a[1], 2); });
}

Case coAttention() {
  return blockCase(
      "co_attention",
      joined(joined({{"x", {1, 3, 6}}, {"y", {1, 3, 4}}}, crossParameters("first.", 6, 4, 6)),
             crossParameters("second.", 4, 6, 4)),
      2,
      [](const Model &model, const Tensors &v) {
        auto [first, second] = nn::CoAttention(model, 6, 4, 2)(v[0], v[1]);
        return concat({first, second}, -1);
      },
      [](const Arrays &a) {
        return reference::concat({crossed(a, 2, a[0], a[1], 2), crossed(a, 8, a[1], a[0], 2)}, 2);
      });
}

Case classAttention() {
  return blockCase(
      "class_attention", joined({{"token", {2, 1, 6}}, {"patches", {2, 17, 6}}}, crossParameters("", 6, 6, 6)), 2,
      [](const Model &model, const Tensors &v) { return nn::ClassAttention(model, 6, 3)(v[0], v[1]); },
      [](const Arrays &a) {
        return crossed(a, 2, a[0], reference::concat({a[0], a[1]}, 1), 3);
      });
}

Case talkingBlock() {
  return blockCase(
      "talking_heads_block",
      {{"x", {2, 3, 6}},
       {"qkv.weight", {6, 18}},
       {"before", {2, 2}},
       {"after", {2, 2}},
       {"projection.weight", {6, 6}},
       {"projection.bias", {6}}},
      1,
      [](const Model &model, const Tensors &v) {
        return nn::TalkingHeadsAttention(model, 6, 2, {.causal = true})(v[0]);
      },
      [](const Arrays &a) {
        Array qkv = linear(a[0], a[1]), q = headsOf(qkv, 2, 0, 6), k = headsOf(qkv, 2, 6, 12),
              v = headsOf(qkv, 2, 12, 18);
        Array y(q.shape);
        reference::for_each_index({2, 3, 2}, [&](const Shape &at) { // item, query, mixed head
          std::vector<double> weights;
          double total = 0;
          for (int64_t key = 0; key <= at[1]; ++key) {
            double score = 0;
            for (int64_t head = 0; head < 2; ++head)
              for (int64_t c = 0; c < 3; ++c)
                score += q.at({at[0], head, at[1], c}) * k.at({at[0], head, key, c}) * a[2].at({head, at[2]});
            weights.push_back(std::exp(score / std::sqrt(3)));
            total += weights.back();
          }
          for (int64_t head = 0; head < 2; ++head)
            for (int64_t key = 0; key <= at[1]; ++key)
              for (int64_t c = 0; c < 3; ++c)
                y.at({at[0], head, at[1], c}) +=
                    weights[key] / total * a[3].at({at[2], head}) * v.at({at[0], head, key, c});
        });
        return linear(tokensOf(y), a[4], &a[5]);
      });
}

//===-- Pools -----------------------------------------------------------------------------------------------------===//

/// Of an image (b, 6, 3, 5) or its pixels.
Array pixelsOf(const Array &x) {
  return x.rank() == 3 ? x
                       : reference::transpose(reference::reshape(x, {x.shape[0], x.shape[1], x.shape[2] * x.shape[3]}),
                                              {0, 2, 1});
}

Case attentionPool(const std::string &name, const Shape &x, int64_t queries) {
  return blockCase(
      "attention_pool_" + name, joined({{"x", x}, {"seeds", {queries, 6}}}, crossParameters("", 6, 6, 4)), 1,
      [=](const Model &model, const Tensors &v) {
        return nn::AttentionPool(model, 6, 2, {queries, 4})(v[0]);
      },
      [=](const Arrays &a) {
        Array seeds = reference::broadcast_to(a[1], {a[0].shape[0], queries, 6});
        return crossed(a, 2, seeds, pixelsOf(a[0]), 2);
      });
}

Case meanPool(const std::string &name, const Shape &x, int64_t tokens) {
  return blockCase(
      "mean_pool_" + name, joined({{"x", x}, {"positions", {tokens + 1, 6}}}, crossParameters("", 6, 6, 4)), 1,
      [=](const Model &model, const Tensors &v) { return nn::MeanAttentionPool(model, tokens, 6, 2, 4)(v[0]); },
      [=](const Arrays &a) {
        Array pixels = pixelsOf(a[0]);
        Array all = reference::concat({reference::mean(pixels, {1}, true), pixels}, 1);
        all = reference::binary(all, a[1], std::plus<>());
        Array first = reference::slice(all, {0, 0, 0}, {all.shape[0], 1, 6}, {1, 1, 1});
        return reference::reshape(crossed(a, 2, first, all, 2), {all.shape[0], 4});
      });
}

//===-- Recurrent -------------------------------------------------------------------------------------------------===//

double sigmoidOf(double x) { return 1 / (1 + std::exp(-x)); }
Array plus(const Array &a, const Array &b) { return reference::binary(a, b, std::plus<>()); }
Array tanhOf(const Array &a) {
  return reference::unary(a, [](double x) { return std::tanh(x); });
}

struct NaiveState {
  Array hidden, cell;
};

/// Gates i, f, g, o, or with a GRU r, z, n: a[at ..] are the input's weight and bias, then the hidden ones'.
NaiveState stepped(const Arrays &a, size_t at, bool gru, const Array &x, const NaiveState &state) {
  Array fromInput = linear(x, a[at], &a[at + 1]),
        fromHidden = linear(state.hidden, a[at + 2], gru ? &a[at + 3] : nullptr);
  int64_t hidden = state.hidden.shape[1];
  NaiveState next = state;
  reference::for_each_index(state.hidden.shape, [&](const Shape &of) {
    auto input = [&](int64_t gate) { return fromInput.at({of[0], gate * hidden + of[1]}); };
    auto before = [&](int64_t gate) { return fromHidden.at({of[0], gate * hidden + of[1]}); };
    auto sum = [&](int64_t gate) { return input(gate) + before(gate); };
    if (gru) {
      double keep = sigmoidOf(sum(1)), fresh = std::tanh(input(2) + sigmoidOf(sum(0)) * before(2));
      next.hidden.at(of) = (1 - keep) * fresh + keep * state.hidden.at(of);
    } else {
      next.cell.at(of) = sigmoidOf(sum(1)) * state.cell.at(of) + sigmoidOf(sum(0)) * std::tanh(sum(2));
      next.hidden.at(of) = sigmoidOf(sum(3)) * std::tanh(next.cell.at(of));
    }
  });
  return next;
}

/// Logits and weights of two steps side by side. 5 words, embedded in 3; a memory of 4 places with 2 channels; 3
/// hidden ones; attention in 4.
Case decoder(int64_t items, bool gru) {
  constexpr int64_t steps = 2, words = 5, embedding = 3, places = 4, memory = 2, hidden = 3, attention = 4;
  std::string cell = gru ? "gru" : "lstm";
  int64_t gates = gru ? 3 : 4;
  std::vector<Operand> operands{{"tokens", {items, steps}, whole(0, words), Kind::i32},
                                {"memory", {items, places, memory}},
                                {"embedding.weight", {words, embedding}},
                                {"attention.query.weight", {hidden, attention}},
                                {"attention.key.weight", {memory, attention}},
                                {"attention.key.bias", {attention}},
                                {"attention.vector", {attention}},
                                {"first_hidden.weight", {memory, hidden}},
                                {"first_hidden.bias", {hidden}},
                                {"gate.weight", {hidden, 1}},
                                {"gate.bias", {1}},
                                {"from_hidden.weight", {hidden, embedding}},
                                {"from_context.weight", {memory, embedding}},
                                {"output.weight", {embedding, words}},
                                {"output.bias", {words}},
                                {cell + ".input.weight", {embedding + memory, gates * hidden}},
                                {cell + ".input.bias", {gates * hidden}},
                                {cell + ".hidden.weight", {hidden, gates * hidden}}};
  if (gru)
    operands.push_back({"gru.hidden.bias", {gates * hidden}});
  else
    operands.insert(operands.end(), {{"first_cell.weight", {memory, hidden}}, {"first_cell.bias", {hidden}}});
  auto reference = [=](const Arrays &a) {
    int64_t b = a[1].shape[0];
    Array average = reference::mean(a[1], {1}), keys = linear(a[1], a[4], &a[5]), y({b, steps, words + places});
    NaiveState state{tanhOf(linear(average, a[7], &a[8])), {}};
    if (!gru) state.cell = tanhOf(linear(average, a[18], &a[19]));
    for (int64_t step = 0; step < steps; ++step) {
      Array query = linear(state.hidden, a[3]), gate = linear(state.hidden, a[9], &a[10]), context({b, memory}),
            embedded({b, embedding});
      for (int64_t item = 0; item < b; ++item) {
        double total = 0;
        std::vector<double> weights;
        for (int64_t place = 0; place < places; ++place) {
          double score = 0;
          for (int64_t c = 0; c < attention; ++c)
            score += a[6].at({c}) * std::tanh(query.at({item, c}) + keys.at({item, place, c}));
          weights.push_back(std::exp(score));
          total += weights.back();
        }
        for (int64_t place = 0; place < places; ++place) {
          y.at({item, step, words + place}) = weights[place] / total;
          for (int64_t c = 0; c < memory; ++c)
            context.at({item, c}) += weights[place] / total * a[1].at({item, place, c}) * sigmoidOf(gate.at({item, 0}));
        }
        for (int64_t c = 0; c < embedding; ++c) embedded.at({item, c}) = a[2].at({(int64_t)a[0].at({item, step}), c});
      }
      state = stepped(a, 15, gru, reference::concat({embedded, context}, 1), state);
      Array read = plus(embedded, plus(linear(state.hidden, a[11]), linear(context, a[12])));
      Array logits = linear(read, a[13], &a[14]);
      reference::for_each_index(logits.shape, [&](const Shape &at) { y.at({at[0], step, at[1]}) = logits.at(at); });
    }
    return y;
  };
  return blockCase(
      "decoder_" + cell, operands, 2,
      [=](const Model &model, const Tensors &v) {
        nn::AttentionDecoder decoder(model, {words, memory, embedding, hidden, attention, gru});
        auto [logits, weights] = decoder(v[0], v[1]);
        return concat({logits, weights}, -1);
      },
      reference);
}

/// Of tokens that attend to a memory.
Case additiveBlock() {
  return blockCase(
      "additive_block",
      {{"x", {2, 3, 5}},
       {"memory", {2, 4, 3}},
       {"query.weight", {5, 4}},
       {"key.weight", {3, 4}},
       {"key.bias", {4}},
       {"vector", {4}}},
      2, [](const Model &model, const Tensors &v) { return nn::AdditiveAttention(model, 5, 3, 4)(v[0], v[1]).result; },
      [](const Arrays &a) {
        Array q = linear(a[0], a[2]), k = linear(a[1], a[3], &a[4]), scores({2, 3, 4});
        reference::for_each_index({2, 3, 4, 4}, [&](const Shape &at) {
          scores.at({at[0], at[1], at[2]}) +=
              a[5].at({at[3]}) * std::tanh(q.at({at[0], at[1], at[3]}) + k.at({at[0], at[2], at[3]}));
        });
        return reference::matmul(reference::softmax(scores), a[1]);
      });
}

} // namespace

Suite blocksSuite() {
  std::vector<Case> cases{valuesOnly(crossModal()),
                          valuesOnly(coAttention()),
                          classAttention(),
                          valuesOnly(talkingBlock()),
                          attentionPool("tokens", {2, 17, 6}, 1),
                          meanPool("tokens", {2, 1, 6}, 1),
                          valuesOnly(additiveBlock()),
                          decoder(2, false)};
  return {"Blocks", mostlyWide(cases, {})};
}

std::vector<Case> batchBlocks() {
  return {valuesOnly(attentionPool("image", {batch, 6, 3, 5}, 3)), valuesOnly(meanPool("image", {batch, 6, 3, 5}, 15)),
          valuesOnly(decoder(batch, true))};
}

Suite relativesBatchSuite() {
  std::vector<Case> cases = batchLocalAttention();
  for (const auto &others : {batchAttentionForms(), batchBlocks()})
    cases.insert(cases.end(), others.begin(), others.end());
  return {"RelativesBatch", cases};
}

} // namespace fovea::ops
