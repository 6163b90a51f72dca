// Recurrent cells, and a decoder of them that attends to a memory. Loops are unrolled: numbers of steps are constant.
#pragma once

#include <fovea/nn/AttentionForms.h>

namespace fovea::nn {

/// What a cell hands on, each (b, hidden); a GRU has no `cell`.
struct RecurrentState {
  Tensor hidden;
  std::optional<Tensor> cell = {};
};

/// i, f, g, o = x input.weight + h hidden.weight + bias, c' = sigmoid(f) c + sigmoid(i) tanh(g), h' = sigmoid(o)
/// tanh(c') for x (b, inputs) (Hochreiter and Schmidhuber 1997; with forget gates, Gers et al. 2000).
class LstmCell {
public:
  LstmCell(const Scope &at, int64_t inputs, int64_t hidden)
      : size(hidden), input(at / "input", inputs, 4 * hidden),
        hidden(at / "hidden", hidden, 4 * hidden, {.bias = false}) {}

  RecurrentState operator()(Located x, const RecurrentState &state) const {
    Frame frame(x);
    if (!state.cell) frame.fail("lstm: the state has no cell: it is that of a GRU");
    std::vector<Tensor> gates = split(input(x.tensor) + hidden(state.hidden), {size, size, size, size}, -1);
    Tensor cell = sigmoid(gates[1]) * *state.cell + sigmoid(gates[0]) * tanh(gates[2]);
    return {sigmoid(gates[3]) * tanh(cell), cell};
  }

private:
  int64_t size;
  Linear input, hidden;
};

/// r, z, n from x input.weight + bias and h hidden.weight + bias: r and z are sigmoids of sums, n = tanh(x_n + r h_n),
/// h' = (1 - z) n + z h for x (b, inputs) (Cho et al. 2014, "Learning Phrase Representations using RNN
/// Encoder-Decoder"; r multiplies what the matrix gives).
class GruCell {
public:
  GruCell(const Scope &at, int64_t inputs, int64_t hidden)
      : size(hidden), input(at / "input", inputs, 3 * hidden), hidden(at / "hidden", hidden, 3 * hidden) {}

  RecurrentState operator()(Located x, const RecurrentState &state) const {
    Frame frame(x);
    std::vector<Tensor> a = split(input(x.tensor), {size, size, size}, -1),
                        b = split(hidden(state.hidden), {size, size, size}, -1);
    Tensor keep = sigmoid(a[1] + b[1]), fresh = tanh(a[2] + sigmoid(a[0] + b[0]) * b[2]);
    return {fresh + keep * (state.hidden - fresh)};
  }

private:
  int64_t size;
  Linear input, hidden;
};

struct AttentionDecoderOptions {
  int64_t vocabulary, memory; // the number of tokens, and the channels of what is attended to
  int64_t embedding = 512, hidden = 512, attention = 512;
  bool gru = false; // a GRU in place of an LSTM
};
/// Writes tokens while it looks at a memory (b, n, memory): at each step an additive attention of the state before to
/// the memory gives a context z, times a gate sigmoid(gate(h)); the cell reads the token before, embedded, and z; and
/// logits are output(E + from_hidden(h) + from_context(z)). The first state is a tanh of the memory's mean (Xu et al.
/// 2015, "Show, Attend and Tell", sections 3.1.2 and 4.2).
class AttentionDecoder {
public:
  AttentionDecoder(const Scope &at, AttentionDecoderOptions options)
      : embed(at / "embedding", options.vocabulary, options.embedding),
        attention(at / "attention", options.hidden, options.memory, options.attention),
        firstHidden(at / "first_hidden", options.memory, options.hidden), gate(at / "gate", options.hidden, 1),
        fromHidden(at / "from_hidden", options.hidden, options.embedding, {.bias = false}),
        fromContext(at / "from_context", options.memory, options.embedding, {.bias = false}),
        output(at / "output", options.embedding, options.vocabulary) {
    int64_t inputs = options.embedding + options.memory;
    if (options.gru) {
      gru.emplace(at / "gru", inputs, options.hidden);
    } else {
      lstm.emplace(at / "lstm", inputs, options.hidden);
      firstCell.emplace(at / "first_cell", options.memory, options.hidden);
    }
  }

  RecurrentState start(Located memory) const {
    Frame frame(memory);
    checkMemory(frame, memory);
    Tensor average = mean(memory.tensor, 1);
    RecurrentState state{tanh(firstHidden(average))};
    if (firstCell) state.cell = tanh((*firstCell)(average));
    return state;
  }

  struct Step {
    RecurrentState state;
    Tensor logits, weights; // (b, vocabulary), (b, n)
  };
  /// One step from the tokens before, (b) of i32 or i64. `keys` are attention_keys(memory), computed once.
  Step step(Located token, const RecurrentState &state, const Tensor &memory, const Tensor &keys) const {
    Frame frame(token);
    Dim b = memory.dim(0);
    Tensor query = reshape(state.hidden, {b, 1, state.hidden.dim(1)});
    auto [seen, weights] = attention.attend(query, keys, memory);
    Tensor context = reshape(seen, {b, memory.dim(2)}) * sigmoid(gate(state.hidden));
    Tensor embedded = embed(token.tensor), read = concat({embedded, context}, -1);
    RecurrentState next = lstm ? (*lstm)(read, state) : (*gru)(read, state);
    Tensor logits = output(embedded + fromHidden(next.hidden) + fromContext(context));
    return {next, logits, reshape(weights, {b, memory.dim(1)})};
  }
  Tensor attention_keys(Located memory) const { return attention.keys(memory); }

  struct Decoded {
    Tensor logits, weights; // (b, steps, vocabulary), (b, steps, n)
  };
  /// All steps, each from the token before, (b, steps), as training has them.
  Decoded operator()(Located tokens, Located memory) const {
    Frame frame(tokens);
    std::optional<int64_t> steps = tokens.tensor.rank() == 2 ? tokens.tensor.dim(1).constant() : std::nullopt;
    if (!steps || *steps < 1)
      frame.fail("attention decoder: tokens must be (b, steps) with a constant number of steps");
    checkMemory(frame, memory);
    RecurrentState state = start(memory.tensor);
    Tensor keys = attention_keys(memory.tensor);
    std::vector<Tensor> logits, weights;
    for (int64_t at = 0; at < *steps; ++at) {
      Step next = step(pick(tokens.tensor, 1, at), state, memory, keys);
      state = next.state;
      logits.push_back(next.logits), weights.push_back(next.weights);
    }
    return {stack(logits, 1), stack(weights, 1)};
  }

private:
  static void checkMemory(const Frame &frame, const Tensor &memory) {
    if (memory.rank() != 3)
      frame.fail("attention decoder: the memory has rank " + std::to_string(memory.rank()) +
                 ": it must be (b, n, channels)");
  }

  Embedding embed;
  AdditiveAttention attention;
  Linear firstHidden, gate, fromHidden, fromContext, output;
  std::optional<LstmCell> lstm;
  std::optional<GruCell> gru;
  std::optional<Linear> firstCell;
};

} // namespace fovea::nn
