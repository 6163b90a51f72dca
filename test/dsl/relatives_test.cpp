// The relatives of attention and positions: every mistake's message, and tables that are made while a model is built.
#include "Message.h"

#include <cmath>

using namespace fovea;

struct Relatives : testing::Test {
  Model model{"relatives"};
  Dim batch = model.symbol("batch");
  Tensor words = model.input("words", {batch, 5}, i32);
  Tensor tokens = model.input("tokens", {batch, 9, 8});
  Tensor heads = model.input("heads", {batch, 2, 9, 8});
  Tensor image = model.input("image", {batch, 2, 6, 4, 8});
  Tensor table = model.parameter("table", {6, 4}, zeros());
};

TEST_F(Relatives, Positions) {
  Tensor odd = model.input("odd", {batch, 9, 7}), open = model.input("open", {4, batch, 8});
  EXPECT_ERROR(sinusoidal_positions(odd),
               "sinusoidal_positions: (batch, 9, 7) of f32: it must be floats (.., positions, "
               "width), these sizes constant and the last one a multiple of 2");
  EXPECT_ERROR(sinusoidal_positions(open), "sinusoidal_positions: (4, batch, 8) of f32: it must be floats (.., "
                                           "positions, width), these sizes constant and the last one a multiple of 2");
  EXPECT_ERROR(sinusoidal_positions(tokens, 0), "sinusoidal_positions: base is 0.000000: it must be positive");
  EXPECT_ERROR(sinusoidal_positions(model.input("long", {1 << 18, 8})),
               "sinusoidal_positions: needs a table of 2097152 numbers: up to 1048576 are supported");
  EXPECT_ERROR(sinusoidal_positions_2d(words),
               "sinusoidal_positions_2d: (batch, 5) of i32: it must be floats (.., rows, columns, width), these sizes "
               "constant and the last one a multiple of 4");
  EXPECT_ERROR(rotary(words), "rotary: (batch, 5) of i32: it must be floats (.., positions, channels), these sizes "
                              "constant and the last one a multiple of 1");
  EXPECT_ERROR(rotary(odd), "rotary: 7 of 7 channels are turned: it must be an even number, from 2 to all of them: set "
                            ".width");
  EXPECT_ERROR(rotary(odd, {.width = 8}),
               "rotary: 8 of 7 channels are turned: it must be an even number, from 2 to all "
               "of them: set .width");
  EXPECT_ERROR(rotary(tokens, {.base = -1}), "rotary: base is -1.000000: it must be positive");
  EXPECT_ERROR(rotary(tokens, words), "rotary: positions (batch, 5) of i32 and x (batch, 9, 8): positions must be "
                                      "numbers and broadcast to x's shape without its last dimension");
  EXPECT_ERROR(rotary_2d(tokens, {3, 4}), "rotary_2d: an image of 3 by 4 and 9 tokens, in (batch, 9, 8): there must be "
                                          "one for each pixel");
  EXPECT_ERROR(
      nn::LearnedPositions(model / "few", 8, 8)(tokens),
      "positions: x must be (.., positions, 8) with at most the 8 positions that were learned, a constant number");
  EXPECT_ERROR(nn::LearnedPositions2d(model / "square", {3, 3}, 7)(image),
               "positions: x must be (.., rows, columns, 7) with constant numbers of rows and columns");
}

TEST_F(Relatives, Tables) {
  EXPECT_ERROR(relative_index(0, 3, 2), "relative_index: 0 queries and 3 keys: there must be at least one of each");
  EXPECT_ERROR(relative_index(2, 3, -1), "relative_index: reach is -1: it must not be negative");
  EXPECT_ERROR(relative_index_2d({2, 0}), "relative_index_2d: an image of 2 by 0: both must be at least 1");
  EXPECT_ERROR(
      relative_buckets(2, 3, {.buckets = 5}),
      "relative_buckets: 5 buckets reach 128: there must be at least 2, or an even number of at least 4 if not "
      "causal, and they must reach beyond 1");
  EXPECT_ERROR(relative_buckets(2, 3, {.reach = 8}),
               "relative_buckets: 32 buckets reach 8: there must be at least 2, or an even number of at least 4 if not "
               "causal, and they must reach beyond 8");
  EXPECT_ERROR(relative_bias(words, relative_index(2, 3, 1), 2, 3),
               "relative_bias: the table is (batch, 5) of i32: it must be floats (rows, heads)");
  EXPECT_ERROR(relative_bias(table, relative_index(2, 3, 1), 3, 3),
               "relative_bias: 6 indices for 3 queries and 3 keys: there must be one for each query and key");
  EXPECT_ERROR(relative_bias(table, relative_index(5, 5, 4), 5, 5),
               "relative_bias: row 6 of the table (6, 4): indices must be below its number of rows");
}

/// Distance by distance as T5's code has it.
TEST_F(Relatives, Buckets) {
  for (bool causal : {false, true}) {
    std::vector<int64_t> index = relative_buckets(150, 170, {.buckets = 32, .reach = 128, .causal = causal});
    for (int64_t query = 0; query < 150; ++query)
      for (int64_t key = 0; key < 170; ++key) {
        int64_t distance = key - (query + 20), side = causal ? 32 : 16, bucket = 0;
        if (!causal && distance > 0) bucket = side;
        distance = causal ? -std::min<int64_t>(distance, 0) : std::abs(distance);
        if (distance < side / 2)
          bucket += distance;
        else
          bucket += std::min<int64_t>(
              side / 2 + (int64_t)(std::log(distance / (side / 2.0)) / std::log(128 / (side / 2.0)) * (side / 2.0)),
              side - 1);
        ASSERT_EQ(index[query * 170 + key], bucket) << query << " " << key << " " << causal;
      }
  }
  EXPECT_EQ(relative_buckets(1, 3, {.buckets = 2, .reach = 4, .causal = true}), (std::vector<int64_t>{1, 1, 0}));
}

/// In every element type: no constant or cast on the way is of another.
TEST_F(Relatives, ElementTypes) {
  for (DType dtype : {f16, bf16, f32, f64}) {
    Model own("own", dtype);
    Tensor x = own.input("x", {own.symbol("batch"), 2, 4, 6, 8}, dtype), key = own.input("key", {2}, i32);
    Tensor line = reshape(x, {-1, 2, 24, 8}), mix = own.parameter("mix", {2, 2}, ones());
    Tensor bias = own.parameter("bias", {9, 2}, zeros()), turns = own.parameter("turns", {2, 8, 2}, ones());
    Tensor vector = own.parameter("vector", {8}, ones()), scores = matmul(line, line, {.transpose_b = true});
    std::vector<Tensor> results{window_attention(x, x, x, {.window = {2, 2}, .shift = {1, 1}, .relative_bias = bias}),
                                neighbourhood_attention_2d(x, x, x, {3, 3}),
                                axial_attention(x, x, x, 3),
                                additive_attention(line, line, line, vector, scores > 0).result,
                                talking_heads_attention(line, line, line, mix, mix, {.causal = true}),
                                linear_attention(line, line, line, {.causal = true, .chunk = 5}),
                                lsh_attention(line, line, turns, {.chunk = 8, .causal = true}),
                                hard_attention(line, line, line, {.key = key}).result,
                                rotary(line),
                                rotary(line, cast(slice(key, 0, 0, 1), i64)),
                                x + sinusoidal_positions_2d(x)};
    for (const Tensor &result : results) EXPECT_EQ(result.dtype(), dtype);
  }
}

TEST_F(Relatives, LocalAttention) {
  std::string must =
      ": they must be floats of one type, (b, heads, h, w, d), alike but for the d of value and constant but for b";
  EXPECT_ERROR(roll(tokens, 0, 1), "roll: the size of axis 0 of (batch, 9, 8) must be a number");
  EXPECT_ERROR(window_partition(table, {2, 2}), "window_partition: (6, 4) must be (.., h, w, c) with constant h and w");
  EXPECT_ERROR(window_partition(image, {4, 4}),
               "window_partition: windows of 4 by 4 do not divide an image of 6 by 4: pad it, or choose others");
  EXPECT_ERROR(window_merge(tokens, {3, 4}, {6, 4}),
               "window_merge: (batch, 9, 8) must be (.., 2, 12, c): an image of 6 by 4 in windows of 3 by 4");
  EXPECT_ERROR(window_merge(tokens, {3, 0}, {6, 4}),
               "window_merge: windows of 3 by 0 do not divide an image of 6 by 4: pad it, or choose others");
  EXPECT_ERROR(window_attention(image, heads, image),
               "window_attention: query (batch, 2, 6, 4, 8) of f32, key (batch, 2, "
               "9, 8) of f32 and value (batch, 2, 6, 4, 8) of f32" +
                   must);
  EXPECT_ERROR(window_attention(image, image, image),
               "window_attention: windows of 7 by 7 do not divide an image of 6 by 4: pad it, or choose others");
  EXPECT_ERROR(
      window_attention(image, image, image, {.window = {3, 2}, .shift = {1, 2}}),
      "window_attention: a shift of 1 by 2 of windows of 3 by 2: it must be less than the window, and not negative");
  EXPECT_ERROR(
      window_attention(image, image, image, {.window = {3, 2}, .relative_bias = table}),
      "window_attention: relative_bias is (6, 4) of f32: it must be (15, 2) of f32, a row for each distance and "
      "a column for each head");
  EXPECT_ERROR(
      neighbourhood_attention(heads, heads, heads, 4),
      "neighbourhood_attention: neighbourhoods of 4 of 9: their size must be odd, and at most that of what they "
      "are in");
  EXPECT_ERROR(neighbourhood_attention_2d(image, image, image, {3, 5}),
               "neighbourhood_attention_2d: neighbourhoods of 5 of 4: their size must be odd, and at most that of what "
               "they are in");
  EXPECT_ERROR(neighbourhood_attention(heads, heads, heads, 3, {.tile = 0}),
               "neighbourhood_attention: tile is 0: it must be at least 1");
  EXPECT_ERROR(neighbourhood_attention(heads, heads, heads, 3, {.relative_bias = table}),
               "neighbourhood_attention: relative_bias is (6, 4) of f32: it must be (5, 2) of f32, a row for each "
               "distance and a column for each head");
  EXPECT_ERROR(axial_attention(image, image, image, 4), "axial_attention: axis 4 of (batch, 2, 6, 4, 8), which must be "
                                                        "(b, heads, .., d): it must be one between heads and d");
  EXPECT_ERROR(
      axial_attention(image, image, heads, 2),
      "axial_attention: query (batch, 2, 6, 4, 8) of f32, key (batch, 2, 6, 4, 8) of f32 and value (batch, 2, 9, "
      "8) of f32: they must be floats of one type, (b, heads, .., d), alike but for the d of value and constant "
      "but for b");
  EXPECT_ERROR(nn::WindowAttention(model / "window", 8, 3), "attention: 3 heads do not divide 8 channels");
  EXPECT_ERROR(nn::AxialAttention(model / "axial", 8, 2)(tokens), "axial attention: x has rank 3: it must be (b, h, w, "
                                                                  "width)");
}

TEST_F(Relatives, AttentionForms) {
  EXPECT_ERROR(masked_softmax(tokens, words), "masked_softmax: scores (batch, 9, 8) of f32 and mask (batch, 5) of i32: "
                                              "they must be floats (.., keys) and booleans that broadcast to them");
  EXPECT_ERROR(
      additive_attention(tokens, tokens, tokens, table),
      "additive_attention: query (batch, 9, 8) of f32, key (batch, 9, 8) of f32, value (batch, 9, 8) of f32 and "
      "vector (6, 4) of f32: they must be floats of one type, (.., queries, a), (.., keys, a), (.., keys, d) and "
      "(a)");
  std::string each = ": they must be floats of one type, (b, h_k, queries, d), (b, h_k, keys, d), (b, h_v, keys, d_v), "
                     "(h_k, h) and (h, h_v), with constant numbers of queries and keys";
  EXPECT_ERROR(
      talking_heads_attention(heads, heads, heads, table, table),
      "talking_heads_attention: query (batch, 2, 9, 8) of f32, key (batch, 2, 9, 8) of f32, value (batch, 2, 9, "
      "8) of f32, before (6, 4) of f32 and after (6, 4) of f32" +
          each);
  Tensor mix = model.parameter("mix", {2, 2}, ones());
  EXPECT_ERROR(talking_heads_attention(heads, heads, heads, mix, mix, {.bias = table}),
               "talking_heads_attention: the bias is (6, 4) of f32, the scores are (batch, 2, 9, 9) of f32: it must "
               "broadcast to them");
  Tensor many = model.input("many", {batch, 2, model.symbol("keys"), 8});
  EXPECT_ERROR(
      talking_heads_attention(heads, many, many, mix, mix),
      "talking_heads_attention: query (batch, 2, 9, 8) of f32, key (batch, 2, keys, 8) of f32, value (batch, 2, "
      "keys, 8) of f32, before (2, 2) of f32 and after (2, 2) of f32" +
          each);
  EXPECT_ERROR(linear_attention(words, words, words),
               "linear_attention: query (batch, 5) of i32 and key (batch, 5) of i32: they must be floats");
  std::string must =
      ", the first two as mapped: they must be floats of one type, (.., queries, d), (.., keys, d) and (.., "
      "keys, d_v), with constant numbers of queries and keys";
  EXPECT_ERROR(linear_attention(heads, many, many),
               "linear_attention: query (batch, 2, 9, 8) of f32, key (batch, 2, keys, "
               "8) of f32 and value (batch, 2, keys, 8) of f32" +
                   must);
  EXPECT_ERROR(
      linear_attention(heads, slice(heads, 2, 0, 3), slice(heads, 2, 0, 3), {.causal = true}),
      "linear_attention: query (batch, 2, 9, 8) of f32, key (batch, 2, 3, 8) of f32 and value (batch, 2, 3, 8) of "
      "f32" +
          must + ", which are equal since it is causal");
  EXPECT_ERROR(linear_attention(heads, heads, heads, {.chunk = 0}),
               "linear_attention: chunk is 0: it must be at least 1");
  EXPECT_ERROR(linear_attention(heads, heads, heads, {.epsilon = -1}),
               "linear_attention: epsilon is -1.000000: it must not be negative");
}

TEST_F(Relatives, Lsh) {
  Tensor turns = model.parameter("turns", {2, 8, 3}, ones(), {.frozen = true});
  EXPECT_ERROR(
      lsh_attention(heads, tokens, turns),
      "lsh_attention: query (batch, 2, 9, 8) of f32, key (batch, 2, 9, 8) of f32 and value (batch, 9, 8) of f32: "
      "they must be floats of one type, (b, heads, n, d), alike but for the d of value and constant but for b");
  EXPECT_ERROR(
      lsh_attention(heads, heads, table),
      "lsh_attention: rotations (6, 4) of f32 and query (batch, 2, 9, 8) of f32: rotations must be (rounds, d, "
      "buckets / 2) in the type of the query (b, heads, n, d)");
  EXPECT_ERROR(lsh_attention(heads, heads, turns),
               "lsh_attention: chunks of 64 do not divide 9 positions: pad the query "
               "and value, or set .chunk");
}

TEST_F(Relatives, Choices) {
  Tensor key = model.input("key", {2}, i32);
  std::string logits = ": they must be floats (.., classes), of a constant number of classes";
  EXPECT_ERROR(stop_gradient(words),
               "stop_gradient: x is (batch, 5) of i32: it must be floats: nothing else has a gradient");
  EXPECT_ERROR(straight_through(words), "straight_through: logits are (batch, 5) of i32" + logits);
  EXPECT_ERROR(gumbel_softmax(key, sum(table)), "gumbel_softmax: logits are () of f32" + logits);
  EXPECT_ERROR(gumbel_softmax(key, table, {.temperature = 0}),
               "gumbel_softmax: temperature is 0.000000: it must be positive");
  EXPECT_ERROR(
      hard_attention(tokens, heads, heads),
      "hard_attention: query (batch, 9, 8) of f32, key (batch, 2, 9, 8) of f32 and value (batch, 2, 9, 8) of f32: "
      "they must be floats of one type, (.., queries, d), (.., keys, d) and (.., keys, d_v), with a constant "
      "number of keys");
  EXPECT_ERROR(reinforce_loss(table, tokens, table),
               "reinforce_loss: log_probability (6, 4) of f32, reward (batch, 9, 8) of f32 and baseline (6, 4) of f32: "
               "they must be floats of one type and shape, to which the baseline broadcasts");
}

TEST_F(Relatives, Blocks) {
  EXPECT_ERROR(nn::split_heads(tokens, 3),
               "split_heads: x has rank 3 and 8 channels: it must be (b, .., width), with a "
               "constant width that 3 heads divide");
  EXPECT_ERROR(nn::merge_heads(table), "merge_heads: x has rank 2: it must be (b, heads, .., d)");
  EXPECT_ERROR(nn::AttentionPool(model / "pool", 8, 2)(image),
               "attention pool: x has rank 5: it must be (b, n, width) or (b, width, h, w)");
  EXPECT_ERROR(nn::MeanAttentionPool(model / "mean", 8, 8, 2)(tokens),
               "attention pool: x must have the 8 tokens of 8 channels that have positions");
  nn::LstmCell cell(model / "cell", 4, 4);
  EXPECT_ERROR(cell(table, nn::RecurrentState{table}), "lstm: the state has no cell: it is that of a GRU");
  nn::AttentionDecoder decoder(model / "decoder", {.vocabulary = 7, .memory = 8, .embedding = 4, .hidden = 4});
  EXPECT_ERROR(decoder(words, heads), "attention decoder: the memory has rank 4: it must be (b, n, channels)");
  EXPECT_ERROR(decoder(pick(words, 1, 0), tokens),
               "attention decoder: tokens must be (b, steps) with a constant number of steps");
}
