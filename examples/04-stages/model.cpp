// Lesson 4, the model that is walked through the compiler: one transformer block and a head.
#include <fovea/fovea.h>

using namespace fovea;

std::vector<Model> define() {
  Model block("block");
  Tensor x = block.input("x", {block.symbol("batch"), 16, 32});
  Tensor label = block.input("label", {x.dim(0)}, i32);
  Tensor y = nn::TransformerBlock(block / "block", 32, 4)(x);
  Tensor logits = nn::Linear(block / "head", 32, 4)(mean(y, 1));
  block.output("logits", logits);
  block.train(cross_entropy(logits, label), SGD{.momentum = 0.9});
  return {block};
}
