// What a model's text holds: the contract with the stages that read it.
#include "Message.h"

#include <fstream>
#include <sstream>

using namespace fovea;

static bool contains(const std::string &text, const std::string &part) { return text.find(part) != text.npos; }
#define EXPECT_CONTAINS(TEXT, PART) EXPECT_PRED2(contains, TEXT, PART)

TEST(Model, DeclaresItsInterface) {
  Model model("tiny");
  Dim batch = model.symbol("batch");
  Tensor x = model.input("x", {batch, 4});
  Tensor label = model.input("label", {batch}, i32);
  Tensor logits = nn::Linear(model / "head", 4, 3)(x);
  model.train(cross_entropy(logits, label), AdamW{.weight_decay = 0.05}, {.clip_norm = 1});
  model.output("logits", logits);
  std::string text = model.text();
  EXPECT_CONTAINS(text, "module @tiny attributes {fovea.stage = \"model\"}");
  EXPECT_CONTAINS(text, "func.func @model(");
  EXPECT_CONTAINS(text, "tensor<?x4xf32, #fovea.dims<[batch] -> (batch, 4)>> {fovea.name = \"x\"}");
  EXPECT_CONTAINS(text, "tensor<?xi32, #fovea.dims<[batch] -> (batch)>> {fovea.name = \"label\"}");
  EXPECT_CONTAINS(text, "-> (tensor<?x3xf32, #fovea.dims<[batch] -> (batch, 3)>> {fovea.name = \"logits\"}, "
                        "tensor<f32> {fovea.loss, fovea.name = \"loss\"})");
  EXPECT_CONTAINS(text, R"(fovea.optimizer = #fovea.optimizer<"adamw", {beta1 = 9.000000e-01 : f64, beta2 = )"
                        R"(0.99899999999999999 : f64, clip_norm = 1.000000e+00 : f64, epsilon = 1.000000e-08 : f64, )"
                        R"(weight_decay = 5.000000e-02 : f64}>)");
  EXPECT_CONTAINS(text, "fovea.size <[batch] -> (batch)> : tensor<f32>");
}

TEST(Model, TrainsWithSgdAndReports) {
  Model model("tiny", f64);
  Tensor x = model.parameter("x", {4}, ones());
  model.output("copy", x);
  model.train(sum(x * x), SGD{.momentum = 0.9, .nesterov = true}, {.report = {"copy"}});
  std::string text = model.text();
  EXPECT_CONTAINS(text, "{fovea.name = \"copy\", fovea.report}");
  EXPECT_CONTAINS(text, "#fovea.optimizer<\"sgd\", {clip_norm = 0.000000e+00 : f64, momentum = 9.000000e-01 : f64, "
                        "nesterov = 1.000000e+00 : f64, weight_decay = 0.000000e+00 : f64}>");
}

TEST(Model, MarksInputsWhoseGradientIsWanted) {
  Model model("tiny");
  Tensor x = model.input("x", {4}), y = model.input("y", {4});
  model.train(sum(x * y * model.parameter("w", {4}, ones())), SGD{}, {.input_gradients = {"y"}});
  EXPECT_CONTAINS(model.text(), "tensor<4xf32> {fovea.name = \"x\"}");
  EXPECT_CONTAINS(model.text(), "tensor<4xf32> {fovea.gradient, fovea.name = \"y\"}");
  EXPECT_ERROR(model.output("gradient_y", y), "output 'gradient_y': an input, output or symbol already has this name");
}

TEST(Model, KeepsParametersInOrder) {
  Model model("tiny");
  Scope blocks = model / "blocks";
  model.parameter("position", {16, 8}, normal(0.5), {.decay = false});
  (blocks / 0).parameter("weight", {8, 8}, xavier_uniform(4, 2));
  (blocks / 1 / "norm").parameter("scale", {8}, ones(), {.frozen = true, .rate = 0.5});
  model.parameter("head", {6, 2}, kaiming_uniform(6));
  model.parameter("bias", {8}, truncated_normal(2, 1), {.decay = true});
  nn::Linear(model / "start", 16, 2, {.initial = pytorch_uniform(16)});
  model.output("nothing", model.parameter("last", {1}, uniform(-3, 3)));
  std::string text = model.text();
  std::string states;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (contains(line, "fovea.state")) states += line.substr(2, line.find(" loc(") - 2) + "\n";
  EXPECT_EQ(states,
            R"(fovea.state "parameter" @position : tensor<16x8xf32> {b = 5.000000e-01 : f64, initializer = "normal"}
fovea.state "parameter" @blocks.0.weight : tensor<8x8xf32> {a = -1.000000e+00 : f64, b = 1.000000e+00 : f64, decay, initializer = "uniform"}
fovea.state "parameter" @blocks.1.norm.scale : tensor<8xf32> {a = 1.000000e+00 : f64, frozen, rate = 5.000000e-01 : f64}
fovea.state "parameter" @head : tensor<6x2xf32> {a = -1.000000e+00 : f64, b = 1.000000e+00 : f64, decay, initializer = "uniform"}
fovea.state "parameter" @bias : tensor<8xf32> {a = 1.000000e+00 : f64, b = 2.000000e+00 : f64, decay, initializer = "truncated_normal"}
fovea.state "parameter" @start.weight : tensor<16x2xf32> {a = -2.500000e-01 : f64, b = 2.500000e-01 : f64, decay, initializer = "uniform"}
fovea.state "parameter" @start.bias : tensor<2xf32> {a = -2.500000e-01 : f64, b = 2.500000e-01 : f64, initializer = "uniform"}
fovea.state "parameter" @last : tensor<1xf32> {a = -3.000000e+00 : f64, b = 3.000000e+00 : f64, initializer = "uniform"}
)");
}

TEST(Model, WritesAFile) {
  Model model("tiny");
  model.output("y", model.input("x", {3}) * 2);
  std::string path = testing::TempDir() + "fovea_tiny.mlir";
  model.write(path);
  std::ifstream file(path);
  std::string written((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(written, model.text());
}

TEST(Dims, AreExpressions) {
  Model model("sizes");
  Dim batch = model.symbol("batch"), tokens = model.symbol("tokens");
  EXPECT_EQ(batch * 16 / 4, 4 * batch);
  EXPECT_EQ(batch + tokens - batch, tokens);
  EXPECT_EQ(Dim(6) * 7, Dim(42));
  EXPECT_NE(batch, tokens);
  EXPECT_EQ((Dim(2) + 3).constant(), 5);
  EXPECT_FALSE(batch.constant());
  Tensor x = model.input("x", {batch, tokens, 12});
  EXPECT_EQ(x.rank(), 3);
  EXPECT_EQ(x.dtype(), f32);
  EXPECT_EQ(x.dim(-2), tokens);
  EXPECT_EQ(reshape(x, {-1, 12}).dim(0), batch * tokens);
  EXPECT_EQ(reshape(x, {batch, -1, 3, 4}).dim(1), tokens);
  EXPECT_EQ(reshape(x, {batch, tokens, 3, -1}).dim(3), Dim(4));
  EXPECT_EQ(reshape(x, {batch * 2, tokens, -1}).dim(2), Dim(6));
}

TEST(Functions, GiveTheirShapes) {
  Model model("shapes");
  Dim batch = model.symbol("batch");
  Tensor x = model.input("x", {batch, 6, 8}), index = model.input("index", {batch}, i64);
  auto shape = [](const Tensor &tensor) { return tensor.shape(); };
  EXPECT_EQ(shape(-x + 1 - x / 2 * exp(x)), (Shape{batch, 6, 8}));
  EXPECT_EQ(shape(sum(x)), Shape{});
  EXPECT_EQ(shape(mean(x, -1)), (Shape{batch, 6}));
  EXPECT_EQ(shape(max(x, {-1, 1}, true)), (Shape{batch, 1, 1}));
  EXPECT_EQ(shape(prod(x, 1, true)), (Shape{batch, 1, 8}));
  EXPECT_EQ(shape(argmax(x, -1)), (Shape{batch, 6}));
  EXPECT_EQ(argmin(x, 0, true).dtype(), i64);
  EXPECT_EQ(shape(any(x > 0, 1)), (Shape{batch, 8}));
  EXPECT_EQ(all(x > 0).dtype(), DType::boolean);
  EXPECT_EQ(shape(norm(x, 1, {1, 2})), (Shape{batch}));
  EXPECT_EQ(shape(log_sum_exp(x, 1)), (Shape{batch, 8}));
  EXPECT_EQ(shape(log_sum_exp(x, 0, true)), (Shape{1, 6, 8}));
  EXPECT_EQ(shape(softmax(x, 0)), (Shape{batch, 6, 8}));
  EXPECT_EQ(shape(cumsum(x, 1, {.exclusive = true})), (Shape{batch, 6, 8}));
  EXPECT_EQ(logical_or(x < 0, logical_not(x < 1)).dtype(), DType::boolean);
  EXPECT_EQ(shape(nn::RmsNorm(model / "rms", 8)(x)), (Shape{batch, 6, 8}));
  EXPECT_EQ(shape(nn::GroupNorm(model / "group", 3, 6)(x)), (Shape{batch, 6, 8}));
  EXPECT_EQ(shape(nn::BatchNorm(model / "batch", 6)(x)), (Shape{batch, 6, 8}));
  EXPECT_EQ(shape(transpose(x, {-1, 0, 1})), (Shape{8, batch, 6}));
  EXPECT_EQ(shape(slice(x, -1, 1, 3, 2)), (Shape{batch, 6, 3}));
  EXPECT_EQ(shape(pick(x, 1, 5)), (Shape{batch, 8}));
  EXPECT_EQ(shape(pad(x, 1, 2, 3)), (Shape{batch, 11, 8}));
  EXPECT_EQ(shape(concat({x, slice(x, 1, 0, 2)}, 1)), (Shape{batch, 8, 8}));
  EXPECT_EQ(shape(stack({x, x, x}, 1)), (Shape{batch, 3, 6, 8}));
  EXPECT_EQ(shape(stack({x, x}, -1)), (Shape{batch, 6, 8, 2}));
  EXPECT_EQ(shape(broadcast_to(sum(x, {1, 2}, true), {batch, 6, 2})), (Shape{batch, 6, 2}));
  EXPECT_EQ(shape(matmul(x, x, {.transpose_b = true})), (Shape{batch, 6, 6}));
  EXPECT_EQ(shape(matmul(x, x, {.transpose_a = true})), (Shape{batch, 8, 8}));
  EXPECT_EQ(shape(one_hot(index, 5)), (Shape{batch, 5}));
  EXPECT_EQ(shape(nn::Embedding(model / "words", 100, 7)(index)), (Shape{batch, 7}));
  EXPECT_EQ(where(x < 0, 0, x).dtype(), f32);
  EXPECT_EQ(equal(index, 3).dtype(), DType::boolean);
  EXPECT_EQ(cast(index, f64).dtype(), f64);
  Tensor image = model.input("image", {batch, 3, 28, 28});
  Tensor kernel = model.parameter("kernel", {5, 3, 3, 3}, zeros());
  EXPECT_EQ(shape(conv2d(image, kernel, {.stride = {2, 2}, .padding = {1, 1}})), (Shape{batch, 5, 14, 14}));
  Tensor tokens = nn::PatchEmbedding(model / "patches", {.patch = 7, .width = 8, .channels = 3})(image);
  EXPECT_EQ(shape(tokens), (Shape{batch, 16, 8}));
  nn::TransformerBlock block(model / "block", 8, 2, {.causal = true, .dropout = 0.1});
  EXPECT_EQ(shape(block(tokens)), (Shape{batch, 16, 8}));
  EXPECT_EQ(shape(nn::TransformerBlock(model / "other", 8, 2).maps(tokens)), (Shape{batch, 2, 16, 16}));
  model.output("y", block(tokens));
  std::string text = model.text();
  EXPECT_CONTAINS(text, "window_right = 0 : i64");
  EXPECT_CONTAINS(text, "fovea.dropout");
}

TEST(Functions, AlignCausalAttentionAtTheEnd) {
  Model model("decoder");
  Dim batch = model.symbol("batch");
  Tensor q = model.input("q", {batch, 4, 3, 16}), k = model.input("k", {batch, 2, 10, 16});
  model.output("y", attention(q, k, k, {.causal = true, .window_left = 4}));
  std::string text = model.text();
  EXPECT_CONTAINS(text,
                  "{offset = 7 : i64, scale = 2.500000e-01 : f64, window_left = 4 : i64, window_right = 0 : i64}");
}
