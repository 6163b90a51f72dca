// Blocks of the vision systems: the shapes and numbers of parameters that their articles print, and every mistake's
// message.
#include "test/dsl/Message.h"
#include "test/dsl/Parameters.h"

using namespace fovea;

namespace {

/// The parameters of what a function builds, which gives what to keep of it.
template <typename Build> int64_t parameters(Build build) {
  Model model("counted");
  model.output("y", build(model));
  return model.trained_parameters();
}

struct Blocks : testing::Test {
  Model model{"blocks"};
  Dim batch = model.symbol("batch");
};

TEST_F(Blocks, DotProductAttention) {
  Tensor q = model.input("q", {128, 1, 32, 256}), k = model.input("k", {128, 1, 16, 256});
  auto [y, weights] = dot_product_attention(q, k, k, {.temperature = 32});
  EXPECT_EQ(weights.shape(), (Shape{128, 1, 32, 16}));
  EXPECT_EQ(y.shape(), q.shape());
  EXPECT_EQ(dot_product_attention(q, q, q).weights.shape(), (Shape{128, 1, 32, 32}));
  model.output("y", y);
  EXPECT_EQ(model.text().find("fovea.dropout"), std::string::npos);
  model.output("dropped", dot_product_attention(q, q, q, {.dropout = 0.1}).weights);
  EXPECT_NE(model.text().find("fovea.dropout"), std::string::npos);
}

TEST_F(Blocks, AttentionSublayer) {
  Tensor x = model.input("x", {128, 32, 256}), image = model.input("image", {128, 256, 24, 24});
  auto [y, weights] = nn::AttentionSublayer(model / "a", 256, 8)(x);
  EXPECT_EQ(y.shape(), x.shape());
  EXPECT_EQ(weights.shape(), (Shape{128, 8, 32, 32}));
  for (bool runs : {false, true}) {
    auto [map, seen] = nn::AttentionSublayer(model / (runs ? "b" : "c"), 256, 8, {.runs = runs})(image);
    EXPECT_EQ(map.shape(), image.shape());
    EXPECT_EQ(seen.shape(), (Shape{128, 8, 576, 576}));
  }
  auto count = [](int64_t width, int64_t heads, const nn::AttentionSublayerOptions &options) {
    return parameters([&](Model &model) {
      return nn::AttentionSublayer(model, width, heads, options)(model.input("x", {128, 32, width})).result;
    });
  };
  EXPECT_EQ(count(256, 8, {.key_size = 32, .value_size = 32}), 262656);
  EXPECT_EQ(count(256, 8, {.key_size = 256, .value_size = 512}), 3146240);
  EXPECT_EQ(count(256, 8, {.norm = false}), 262144);
  EXPECT_EQ(count(32, 4, {}), 58017 - 53857);
}

TEST_F(Blocks, ConvolutionalAttention) {
  Tensor image = model.input("image", {batch, 32, 24, 24});
  auto [y, heads] = nn::ConvolutionalAttention(model, 32)(image);
  EXPECT_EQ(y.shape(), image.shape());
  EXPECT_EQ(heads.shape(), (Shape{batch, 128, 24, 24}));
  model.output("y", y);
  EXPECT_EQ(model.trained_parameters(), 72897 - 53857);
}

TEST_F(Blocks, Cbam) {
  Tensor x = model.input("x", {batch, 256, 24, 24});
  nn::Cbam::Result with = nn::Cbam(model / "with", 256, {.no_spatial = false})(x);
  nn::Cbam::Result without = nn::Cbam(model / "without", 256)(x);
  EXPECT_EQ(with.result.shape(), x.shape());
  EXPECT_EQ(with.channel_gate.shape(), (Shape{batch, 256, 1, 1}));
  EXPECT_EQ(with.spatial_gate->shape(), (Shape{batch, 1, 24, 24}));
  EXPECT_FALSE(without.spatial_gate);
  auto count = [](int64_t channels, bool noSpatial) {
    return parameters([&](Model &model) {
      return nn::Cbam(model, channels, {.no_spatial = noSpatial})(model.input("x", {2, channels, 24, 24})).result;
    });
  };
  EXPECT_EQ(count(256, true), 8464);
  EXPECT_EQ(count(256, false), 8564);
  EXPECT_EQ(count(32, true), 54019 - 53857);
}

TEST_F(Blocks, SoftAttention) {
  Tensor x = model.input("x", {batch, 64, 8, 8});
  auto [y, weights] = nn::SoftAttention(model / "a", 64)(x);
  EXPECT_EQ(y.shape(), x.shape());
  EXPECT_EQ(weights.shape(), (Shape{batch, 64, 64}));
  EXPECT_EQ(nn::SoftAttention(model / "b", 64, {.outputs = 32})(x).result.shape(), (Shape{batch, 32, 8, 8}));
  for (int64_t c : {2, 64})
    EXPECT_EQ(parameters([&](Model &model) {
                return nn::SoftAttention(model, c)(model.input("x", {2, c, 8, 8})).result;
              }),
              2 * c * c + 2 * c + 1);
}

TEST_F(Blocks, Positions) {
  Tensor x = model.input("x", {batch, 128, 8, 8}), tokens = model.input("tokens", {batch, 17, 128});
  auto [y, weights] = nn::PositionPool(model / "pool", 128)(x);
  EXPECT_EQ(y.shape(), (Shape{batch, 128}));
  EXPECT_EQ(weights.shape(), (Shape{batch, 8, 8}));
  EXPECT_EQ(nn::PositionPool(model / "line", 128)(tokens).weights.shape(), (Shape{batch, 17}));
  nn::LocalAttentionPool local(model / "local", 128, {.size = {3, 3}, .stride = Pair2d{2, 2}, .padding = {1, 1}});
  EXPECT_EQ(local(x).shape(), (Shape{batch, 128, 4, 4}));
  EXPECT_EQ(nn::LocalAttentionPool(model / "row", 128, {.size = {1, 4}})(tokens).shape(), (Shape{batch, 4, 128}));
  nn::HardAttentionPool::Result chosen = nn::HardAttentionPool(model / "hard", 128)(x, model.input("key", {2}, i32));
  EXPECT_EQ(chosen.result.shape(), (Shape{batch, 128}));
  EXPECT_EQ(chosen.weights.shape(), (Shape{batch, 8, 8}));
  EXPECT_EQ(chosen.log_probability.shape(), Shape{batch});
  // B, an image classifier: two convolutions, a score for each position, a linear layer.
  EXPECT_EQ(parameters([](Model &model) {
              Tensor x = model.input("x", {2, 3, 32, 32});
              nn::Conv2d first(model / "first", 3, 64, {.padding = {1, 1}}),
                  second(model / "second", 64, 128, {.padding = {1, 1}});
              x = max_pool2d(relu(second(max_pool2d(relu(first(x)), {2, 2}))), {2, 2});
              return nn::Linear(model / "fc", 128, 10)(nn::PositionPool(model / "pool", 128)(x).result);
            }),
            77067);
  int64_t channels = 256;
  for (int64_t count : {132097, 263169, 525313, 1049601}) {
    EXPECT_EQ(parameters([&](Model &model) {
                Tensor x = model.input("x", {2, channels, 7, 7});
                auto [y, weights] = nn::PositionAttention(model, channels)(x);
                EXPECT_EQ(y.shape(), x.shape());
                EXPECT_EQ(weights.shape(), (Shape{2, 7, 7}));
                return y;
              }),
              count);
    channels *= 2;
  }
}

TEST_F(Blocks, Hashes) {
  Tensor x = model.input("x", {batch, 7, 5}), y = model.input("y", {batch, 9, 5}), r = model.input("r", {6, 5});
  Hashed query = hash(x, r, 8), key = hash(y, r, 8);
  EXPECT_EQ(query.bucket.shape(), (Shape{batch, 7}));
  EXPECT_EQ(query.bucket.dtype(), i64);
  EXPECT_EQ(candidates(query, key, 0.1).shape(), (Shape{batch, 7, 9}));
  EXPECT_ERROR(hash(x, y, 8),
               "hash: x (batch, 7, 5) of f32 and directions (batch, 9, 5) of f32: they must be floats of "
               "one type, (.., d) and (k, d) with a constant k");
  EXPECT_ERROR(hash(x, r, 0), "hash: 0 buckets: there must be at least 1");
  EXPECT_ERROR(candidates(query, hash(y, r, 4)),
               "candidates: queries (batch, 7) of f32 in 8 buckets and keys (batch, 9) of f32 in 4: they must be (.., "
               "queries) and (.., keys) of one type, hashed into equally many");
}

/// In every element type: no constant or cast on the way is of another.
TEST_F(Blocks, ElementTypes) {
  for (DType dtype : {f16, bf16, f32, f64}) {
    Model own("own", dtype);
    Tensor x = own.input("x", {own.symbol("batch"), 8, 6, 4}, dtype), key = own.input("key", {2}, i32);
    Tensor tokens = nn::Tokens(Frame(x), "tokens", x).tokens, mask = matmul(tokens, tokens, {.transpose_b = true}) > 0;
    Tensor directions = own.parameter("directions", {3, 8}, zeros());
    using Pool = nn::ChannelPool;
    std::vector<Tensor> results{
        dot_product_attention(tokens, tokens, tokens, {.mask = mask}).result,
        nn::AttentionSublayer(own / "sublayer", 8, 2)(tokens, tokens, tokens, mask).result,
        nn::ConvolutionalAttention(own / "convolutional", 8)(x).result,
        nn::TemporalAttention(own / "temporal", 4, 2)(x),
        nn::Cbam(own / "cbam", 8,
                 {.reduction = 2, .pools = {Pool::average, Pool::max, Pool::lp, Pool::lse}, .no_spatial = false})(x)
            .result,
        nn::FeatureAttention(own / "feature", 4)(x).result,
        nn::AttentionGate(own / "gate", 8, 8, 4)(x, x).result,
        nn::SoftAttention(own / "soft", 8)(x).result,
        nn::PositionAttention(own / "position", 8)(x).result,
        nn::LocalAttentionPool(own / "local", 8, {.padding = {1, 1}})(x),
        nn::HardAttentionPool(own / "hard", 8)(x, key).log_probability,
        attention_loss(square(x)),
        hash(tokens, directions, 4).place};
    for (const Tensor &result : results) EXPECT_EQ(result.dtype(), dtype);
  }
}

TEST_F(Blocks, Backbones) {
  auto count = [](auto make, int64_t side) {
    return parameters([&](Model &model) { return make(model)(model.input("x", {2, 3, side, side})); });
  };
  EXPECT_EQ(count([](Model &model) { return nn::resnet18(model); }, 224), 11689512);
  EXPECT_EQ(count([](Model &model) { return nn::resnet50(model); }, 224), 25557032);
  EXPECT_EQ(count([](Model &model) { return nn::resnet101(model); }, 224), 44549160);
  EXPECT_EQ(count([](Model &model) { return nn::VisionTransformer(model, {224, 224}); }, 224), 5717416);
  EXPECT_EQ(count([](Model &model) { return nn::Swin(model, {224, 224}); }, 224), 28288354);
  Tensor image = model.input("image", {batch, 3, 224, 224});
  nn::ResNet<nn::Bottleneck> resnet = nn::resnet50(model / "resnet");
  Tensor x = resnet.stem(image);
  for (int64_t stage = 0; stage < 4; ++stage) {
    x = resnet.stage(stage, x);
    EXPECT_EQ(x.shape(), (Shape{batch, 256 << stage, 56 >> stage, 56 >> stage}));
  }
  std::vector<Tensor> maps = nn::Swin(model / "swin", {224, 224}).stages(image);
  EXPECT_EQ(maps[3].shape(), (Shape{batch, 7, 7, 768}));
  nn::VisionTransformer vit(model / "vit", {224, 224}, {.depth = 2});
  EXPECT_EQ(vit.maps(image).shape(), (Shape{batch, 2, 3, 197, 197}));
}

TEST_F(Blocks, AttentionErrors) {
  Tensor tokens = model.input("tokens", {batch, 9, 8}), table = model.input("table", {6, 4}),
         words = model.input("words", {batch, 5}, i32);
  EXPECT_ERROR(
      dot_product_attention(tokens, table, tokens),
      "dot_product_attention: query (batch, 9, 8) of f32, key (6, 4) of f32 and value (batch, 9, 8) of f32: they "
      "must be floats of one type, (.., queries, d), (.., keys, d) and (.., keys, d_v)");
  EXPECT_ERROR(dot_product_attention(tokens, tokens, tokens, {.temperature = 0}),
               "dot_product_attention: temperature is 0.000000: it must be positive");
  EXPECT_ERROR(
      dot_product_attention(tokens, tokens, tokens, {.mask = table > 0}),
      "dot_product_attention: mask (6, 4) of i1 and scores (batch, 9, 9) of f32: the mask must be booleans that "
      "broadcast to them");
  EXPECT_ERROR(nn::AttentionSublayer(model / "a", 8, 3), "attention: 3 heads do not divide 8 channels");
  EXPECT_ERROR(nn::AttentionSublayer(model / "b", 8, 2)(table),
               "attention: x has rank 2: it must be (b, n, width) or (b, width, h, w)");
  EXPECT_ERROR(nn::AttentionSublayer(model / "c", 8, 2)(tokens, tokens, tokens, table),
               "attention: the mask has rank 2: it must be booleans that broadcast to (b, queries, keys)");
  EXPECT_ERROR(nn::ConvolutionalAttention(model / "d", 8, {.heads = 0}),
               "attention: 0 heads of 32 channels: there must be at least 1 of each");
  EXPECT_ERROR(nn::TemporalAttention(model / "e", 8, 2)(tokens),
               "temporal attention: x has rank 3: it must be (b, frames, .., width)");
  EXPECT_ERROR(nn::SoftAttention(model / "f", 1),
               "soft attention: 1 channels: there must be at least 2, of which queries and keys have half");
  EXPECT_ERROR(nn::SoftAttention(model / "g", 8)(tokens),
               "soft attention: x has rank 3: it must be (b, channels, h, w)");
  EXPECT_ERROR(nn::PositionPool(model / "h", 8, {.score = {.gated = true}}),
               "position score: a gated one needs .hidden, its channels between");
  EXPECT_ERROR(nn::PositionPool(model / "i", 8)(table),
               "position pool: x has rank 2: it must be (b, n, width) or (b, width, h, w)");
  EXPECT_ERROR(nn::LocalAttentionPool(model / "j", 8)(table),
               "local attention pool: x has rank 2: it must be (b, n, width) or (b, width, h, w)");
  EXPECT_ERROR(attention_loss(words),
               "attention_loss: cross_entropy is (batch, 5) of i32: it must be floats (.., h, w) "
               "of constant h and w");
  EXPECT_ERROR(attention_loss(tokens, {.mask = table > 0}),
               "attention_loss: mask (6, 4) of i1 and cross_entropy (batch, 9, 8) of f32: the mask must be booleans of "
               "its shape");
  EXPECT_ERROR(attention_loss(tokens, {.gamma = -1}), "attention_loss: gamma is -1.000000: it must be at least 0");
}

TEST_F(Blocks, GateAndBackboneErrors) {
  Tensor tokens = model.input("tokens", {batch, 9, 8}), image = model.input("image", {batch, 3, 18, 24});
  EXPECT_MESSAGE(nn::Cbam(model / "a", 8), "gate: a reduction of 16 leaves no channel of 8");
  EXPECT_MESSAGE(nn::Cbam(model / "b", 16, {.pools = {}}), "gate: there is no pool: give at least one");
  EXPECT_MESSAGE(nn::SqueezeExcitation(model / "c", 8, 2)(tokens),
                 "gate: x has rank 3: it must be (b, channels, h, w)");
  EXPECT_MESSAGE(nn::FeatureAttention(model / "d", 8, 5),
                 "feature attention: 5 weights do not broadcast to 8 features: "
                 "hidden must be their number, or 1");
  EXPECT_MESSAGE(
      nn::AttentionGate(model / "e", 8, 8, 4)(tokens, image),
      "attention gate: x has rank 3 and the signal 4: they must be images (b, channels, h, w) of constant size");
  EXPECT_MESSAGE(nn::resnet18(model / "f").stage(4, image), "resnet: stage 4: there are 0 to 3");
  EXPECT_MESSAGE(nn::VisionTransformer(model / "g", {16, 24}, {.patch = 2})(image),
                 "vision transformer: the image's tokens, the class token among them, are no 97, for which there are "
                 "positions: give the size it has");
  EXPECT_MESSAGE(nn::Swin(model / "h", {18, 24}, {.depths = {2}}),
                 "swin: 1 depths and 4 numbers of heads: there must be one of each for each stage");
  EXPECT_MESSAGE(nn::Swin(model / "i", {18, 24}, {.patch = 2, .depths = {1, 1}, .heads = {3, 6}, .window = 3})(image),
                 "patch merging: an image of 9 by 12 tokens: both must be even");
}

} // namespace
