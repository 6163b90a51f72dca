// Each case is the block as an author writes it.
#include "test/run/blocks_models.h"

using namespace fovea;

namespace {

Named dotProduct(const Model &model, const Named &in) {
  Tensor q = in.at("q") * model.parameter("scale", {8}, ones());
  auto [y, weights] = dot_product_attention(
      q, in.at("k"), in.at("v"), {.temperature = 3, .mask = logical_and(in.at("seen") > 0, in.at("rows") > 0)});
  return {{"y", y}, {"weights", weights}};
}

Named attentionSublayer(const Model &model, const Named &in) {
  nn::AttentionSublayer block(model, 8, 2, {.key_size = 3, .value_size = 5, .dropout = 0});
  Tensor context = in.at("context");
  auto [y, weights] = block(in.at("x"), context, context, logical_and(in.at("seen") > 0, in.at("rows") > 0));
  return {{"y", y}, {"weights", weights}};
}

BlockBuilder ofImages(const nn::AttentionSublayerOptions &options) {
  return [=](const Model &model, const Named &in) -> Named {
    auto [y, weights] = nn::AttentionSublayer(model, 8, 2, options)(in.at("x"));
    return {{"y", y}, {"weights", weights}};
  };
}

Named convolutionalAttention(const Model &model, const Named &in) {
  auto [y, heads] = nn::ConvolutionalAttention(model, 8, {.heads = 4, .size = 5})(in.at("x"));
  return {{"y", y}, {"heads", heads}};
}

Named temporalAttention(const Model &model, const Named &in) {
  return {{"y", nn::TemporalAttention(model, 6, 2)(in.at("x"))}};
}

Named cbam(const Model &model, const Named &in) {
  auto [y, channels, places] = nn::Cbam(model, 8, {.reduction = 4})(in.at("x"));
  return {{"y", y}, {"channels", channels}};
}

Named cbamEverything(const Model &model, const Named &in) {
  using Pool = nn::ChannelPool;
  nn::Cbam block(model, 8,
                 {.reduction = 4, .pools = {Pool::average, Pool::max, Pool::lp, Pool::lse}, .no_spatial = false});
  auto [y, channels, places] = block(in.at("x"));
  return {{"y", y}, {"channels", channels}, {"places", *places}};
}

Named squeezeExcitation(const Model &model, const Named &in) {
  auto [y, gate] = nn::SqueezeExcitation(model, 8, 2)(in.at("x"));
  return {{"y", y}, {"gate", gate}};
}

Named basicConvs(const Model &model, const Named &in) {
  nn::BasicConv all(model / "all", 4, 6,
                    {.stride = {2, 2}, .padding = {1, 1}, .dilation = {2, 2}, .groups = 2, .bias = true});
  nn::BasicConv plain(model / "plain", 4, 6, {.kernel = {1, 1}, .relu = false, .norm = false, .bias = true});
  return {{"y", all(in.at("x"))}, {"z", plain(in.at("x"))}};
}

Named featureAttention(const Model &model, const Named &in) {
  auto [y, weights] = nn::FeatureAttention(model / "all", 7)(in.at("x"));
  return {{"y", y}, {"weights", weights}, {"z", nn::FeatureAttention(model / "one", 7, 1)(in.at("x")).result}};
}

Named attentionGate(const Model &model, const Named &in) {
  auto [y, gate] = nn::AttentionGate(model, 4, 3, 3)(in.at("x"), in.at("signal"));
  return {{"y", y}, {"gate", gate}};
}

BlockBuilder softAttention(int64_t inputs, const nn::SoftAttentionOptions &options) {
  return [=](const Model &model, const Named &in) -> Named {
    auto [y, weights] = nn::SoftAttention(model, inputs, options)(in.at("x"));
    return {{"y", y}, {"weights", weights}};
  };
}

Named positionPools(const Model &model, const Named &in) {
  Named results;
  for (auto [name, options] :
       std::map<std::string, nn::PositionPoolOptions>{{"plain", {}},
                                                      {"hidden", {.score = {.hidden = 6}}},
                                                      {"gated", {.score = {.hidden = 6, .gated = true}}},
                                                      {"single", {.single = true}}}) {
    auto [y, weights] = nn::PositionPool(model / name, 8, options)(in.at("x"));
    results[name] = y, results[name + "_weights"] = weights;
  }
  return results;
}

Named positionAttention(const Model &model, const Named &in) {
  auto [y, weights] = nn::PositionAttention(model, 8)(in.at("x"));
  return {{"y", in.at("x") + y}, {"weights", weights}};
}

Named localAttentionPools(const Model &model, const Named &in) {
  nn::LocalAttentionPool image(model / "image", 3, {.size = {3, 3}, .stride = Pair2d{2, 2}, .padding = {1, 1}});
  nn::LocalAttentionPool line(model / "line", 3, {.size = {1, 4}, .padding = {0, 2}});
  return {{"y", image(in.at("x"))}, {"z", line(in.at("line"))}};
}

Named hardAttentionPool(const Model &model, const Named &in) {
  nn::HardAttentionPool::Result chosen = nn::HardAttentionPool(model, 4)(in.at("x"));
  return {{"y", chosen.result}, {"log_probability", chosen.log_probability}};
}

Named buckets(const Model &model, const Named &in) {
  Tensor directions = model.parameter("directions", {2, 2}, uniform(-1, 1), {.frozen = true});
  Hashed query = hash(in.at("query") * model.parameter("scale", {2}, ones()), directions, 8);
  Hashed gallery = hash(in.at("gallery"), directions, 8);
  return {{"place", query.place},
          {"others", gallery.place},
          {"candidates", cast(candidates(query, gallery, 0.1), query.place.dtype())}};
}

Named attentionLosses(const Model &model, const Named &in) {
  Tensor x = square(in.at("x")) * model.parameter("scale", {6}, ones());
  return {{"all", attention_loss(x)}, {"masked", attention_loss(x, {.gamma = 3, .mask = in.at("map") > 0.5})}};
}

Named resnet18(const Model &model, const Named &in) {
  return {{"logits", nn::resnet18(model, {.classes = 5, .width = 4})(in.at("x"))}};
}

/// With a self-attention layer after each stage added to its input, and its maps.
Named withAttention(const Model &model, const Named &in, const nn::ResNet<nn::Bottleneck> &net,
                    const nn::ResNetOptions &options, int64_t hidden) {
  Named results;
  Tensor x = net.stem(in.at("x"));
  for (int64_t stage = 0; stage < 4; ++stage) {
    x = net.stage(stage, x);
    nn::PositionAttention attention(model / "attention" / stage, net.channels_of(stage, options), {.hidden = hidden});
    auto [y, weights] = attention(x);
    x = x + y;
    results["map" + std::to_string(stage)] = weights;
  }
  results["logits"] = net.head(x);
  return results;
}

Named resnetSmall(const Model &model, const Named &in) {
  nn::ResNetOptions options{.classes = 5, .width = 4};
  return withAttention(model, in, nn::ResNet<nn::Bottleneck>(model / "resnet", {1, 1, 2, 1}, options), options, 8);
}

Named resnet101(const Model &model, const Named &in) {
  return withAttention(model, in, nn::resnet101(model / "resnet"), {}, 512);
}

Named visionTransformer(const Model &model, const Named &in) {
  nn::VisionTransformer net(model, {8, 12}, {.classes = 5, .patch = 4, .width = 8, .depth = 2, .heads = 2});
  return {{"logits", net(in.at("x"))}};
}

Named swin(const Model &model, const Named &in) {
  nn::Swin net(model, {16, 16}, {.classes = 5, .patch = 2, .width = 8, .depths = {2, 2}, .heads = {2, 4}, .window = 4});
  return {{"logits", net(in.at("x"))}};
}

} // namespace

const std::map<std::string, BlockBuilder> &blockBuilders() {
  static const std::map<std::string, BlockBuilder> builders{
      {"dot_product", dotProduct},
      {"attention_sublayer", attentionSublayer},
      {"attention_sublayer_pixels", ofImages({.dropout = 0})},
      {"attention_sublayer_runs", ofImages({.dropout = 0, .residual = false, .norm = false, .runs = true})},
      {"convolutional_attention", convolutionalAttention},
      {"temporal_attention", temporalAttention},
      {"cbam", cbam},
      {"cbam_everything", cbamEverything},
      {"squeeze_excitation", squeezeExcitation},
      {"basic_convs", basicConvs},
      {"feature_attention", featureAttention},
      {"attention_gate", attentionGate},
      {"soft_attention_scaled", softAttention(8, {})},
      {"soft_attention_skip", softAttention(6, {.outputs = 8, .scaled = false})},
      {"soft_attention_bare", softAttention(6, {.outputs = 4, .residual = false})},
      {"position_pools", positionPools},
      {"position_attention_layer", positionAttention},
      {"local_attention_pools", localAttentionPools},
      {"hard_attention_pool", hardAttentionPool},
      {"buckets", buckets},
      {"attention_losses", attentionLosses},
      {"resnet18", resnet18},
      {"resnet_small_with_attention", resnetSmall},
      {"resnet101_with_attention", resnet101},
      {"vision_transformer", visionTransformer},
      {"swin", swin}};
  return builders;
}
