// Lesson 2, the model: one attention layer that learns to look something up.
//
// Each example is a row of 8 tokens, and each token has a weight, a number, and a colour, one of 4. The answer is the
// colour of the heaviest token. A sum over tokens cannot know it; attention can, by looking where the weight is
// largest.
#include <fovea/fovea.h>

using namespace fovea;

std::vector<Model> define() {
  constexpr int64_t tokens = 8, colours = 4, width = 8;
  Model retrieval("retrieval");
  // Symbols are sizes given at run time; sizes may also be expressions of them, such as batch * 8.
  Dim batch = retrieval.symbol("batch");
  Tensor weight = retrieval.input("weight", {batch, tokens, 1});
  Tensor colour = retrieval.input("colour", {batch, tokens}, i32);
  Tensor answer = retrieval.input("answer", {batch}, i32);

  // Blocks take a scope, from which their parameters have their names: key.weight, key.bias, value.weight.
  Tensor token = concat({weight, one_hot(colour, colours)}, -1); // (batch, 8, 5)
  Tensor key = nn::Linear(retrieval / "key", 1 + colours, width)(token);
  Tensor value = nn::Linear(retrieval / "value", 1 + colours, width, {.bias = false})(token);

  // One learned question is asked of each example. Parameters come in groups by their options: this one is kept out of
  // weight decay, which matrices have by default, and learns at twice the rate; .frozen would keep it as it is.
  Tensor query = retrieval.parameter("query", {1, 1, 1, width}, normal(0.5), {.decay = false, .rate = 2});

  // softmax(query key^T / sqrt(width)) value, for tensors (batch, heads, tokens, width).
  Shape heads = {batch, 1, tokens, width};
  Tensor seen = attention(broadcast_to(query, {batch, 1, 1, width}), reshape(key, heads), reshape(value, heads));
  Tensor logits = nn::Linear(retrieval / "head", width, colours)(reshape(seen, {batch, width}));

  retrieval.output("logits", logits);
  retrieval.train(cross_entropy(logits, answer), AdamW{.weight_decay = 0.001}, {.clip_norm = 1});
  return {retrieval};
}
