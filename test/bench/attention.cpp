// softmax(q k^T / sqrt d) v, plain and causal.
#include "models.h"

static Model attend(int64_t batch, int64_t heads, int64_t tokens, bool causal = false) {
  Model model("attention_T" + std::to_string(tokens) + (causal ? "_causal" : ""));
  Shape shape = {batch, heads, tokens, 64};
  Tensor q = model.input("q", shape), k = model.input("k", shape), v = model.input("v", shape);
  differentiate(model, attention(q, k, v, {.causal = causal}), {"q", "k", "v"});
  return model;
}

std::vector<Model> attentions() {
  return {attend(8, 3, 197), attend(1, 8, 1024), attend(1, 8, 1024, true), attend(1, 8, 4096)};
}
