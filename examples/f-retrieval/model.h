// Image retrieval by attention: the query's encoding attends to the encodings of a gallery, and what it sees there
// helps to classify it. "As written" is what the article's code does that its text does not say.
#pragma once

#include <fovea/fovea.h>

namespace retrieval {

using namespace fovea;

constexpr int64_t side = 28, classes = 10;
constexpr int64_t width = 512, heads = 16;            // of an encoding; of the attention
constexpr int64_t gallerySize = 1000, drawnSize = 64; // images that are searched; that a training step draws

struct Options {
  bool attention = true; // else the decoder has the query alone
  bool wide = false;     // as written: each head is as wide as an encoding, 512, and scores are divided by sqrt(512)

  int64_t headSize() const { return wide ? width : width / heads; }
};

/// The means and the largest elements of each channel after each stage, side by side, projected to an encoding: (n, 1,
/// 28, 28) to (n, 512). Its norms are of groups, since a training step calls it twice, and an item's encoding does not
/// depend on its batch.
class Encoder {
public:
  explicit Encoder(const Scope &at) : projection(at / "projection", 2 * (32 + 64 + 128), width) {
    int64_t inputs = 1;
    for (int64_t outputs : {32, 64, 128}) {
      const Scope stage = at / "stages" / (int64_t)convs.size();
      convs.emplace_back(stage / "conv", inputs, outputs, nn::Conv2dOptions{.padding = {1, 1}, .bias = false});
      norms.emplace_back(stage / "norm", 8, outputs);
      inputs = outputs;
    }
  }

  Tensor operator()(Tensor x) const {
    std::vector<Tensor> pools;
    for (size_t stage = 0; stage < convs.size(); ++stage) {
      if (stage) x = max_pool2d(x, {2, 2});
      x = relu(norms[stage](convs[stage](x)));
      pools.insert(pools.end(), {mean(x, {2, 3}), max(x, {2, 3})});
    }
    return projection(concat(pools, 1));
  }

private:
  std::vector<nn::Conv2d> convs;
  std::vector<nn::GroupNorm> norms;
  nn::Linear projection;
};

/// Attention of queries over a gallery (Vaswani et al. 2017, section 3.2.2), projections without bias. The weights are
/// stored, (heads, queries, gallery), since the loss of attention has a gradient by them.
class GalleryAttention {
public:
  GalleryAttention(const Scope &at, Options options)
      : size(options.headSize()), query(at / "query", width, heads * size, {.bias = false}),
        key(at / "key", width, heads * size, {.bias = false}),
        value(at / "value", width, heads * size, {.bias = false}),
        projection(at / "projection", heads * size, width, {.bias = false}) {}

  Tensor keys(Tensor encoding) const { return key(encoding); }
  Tensor values(Tensor encoding) const { return value(encoding); }

  /// A mask of booleans, (queries, gallery), is false where a query must not see an item.
  Weighted operator()(Tensor encoding, Tensor keys, Tensor values, std::optional<Tensor> mask = {}) const {
    auto split = [&](Tensor x) { return transpose(reshape(x, {x.dim(0), heads, size}), {1, 0, 2}); };
    Weighted seen = dot_product_attention(split(query(encoding)), split(keys), split(values), {.mask = mask});
    Tensor context = reshape(transpose(seen.result, {1, 0, 2}), {encoding.dim(0), heads * size});
    return {projection(context), seen.weights};
  }

private:
  int64_t size; // of a head
  nn::Linear query, key, value, projection;
};

struct Network {
  Encoder encoder;
  std::optional<GalleryAttention> attention;
  nn::BatchNorm norm;
  nn::Linear fc1, fc2, classifier;

  Network(const Scope &at, Options options)
      : encoder(at / "encoder"), norm(at / "decoder" / "norm", width), fc1(at / "decoder" / "fc1", width, 128),
        fc2(at / "decoder" / "fc2", 128, 64), classifier(at / "classifier", 64, classes) {
    if (options.attention) attention.emplace(at / "attention", options);
  }

  /// Pools of ReLUs are positive, so what all encodings have in common is several times what tells them apart; unless
  /// the norm takes it away, the first steps learn to shut every ReLU against it. LayerNorm, by item, does not.
  Tensor logits(Tensor x) const { return classifier(fc2(nn::Dropout(0.5)(relu(fc1(norm(x)))))); }
};

inline Tensor images(Model &model, const char *name, Dim count) { return model.input(name, {count, 1, side, side}); }

/// -log of the weight that each head gives to the gallery's items of the query's class: (queries, heads, 1), a map of
/// positions for attention_loss, which are the heads.
inline Tensor missed(Tensor weights, Tensor label, Tensor galleryLabel) {
  Dim queries = label.dim(0), items = galleryLabel.dim(0);
  Tensor same = equal(reshape(label, {queries, 1}), reshape(galleryLabel, {1, items}));
  Tensor found = sum(where(same, weights, 0.0), 2);
  return reshape(transpose(-log(clamp(found, 1e-6, 1.0)), {1, 0}), {queries, heads, 1});
}

/// What is trained. Indices are those of images in the training set: no query sees itself in the gallery.
inline Model trained(Options options) {
  Model model("image_search");
  Dim batch = model.symbol("batch");
  Network net(model, options);
  Tensor image = images(model, "image", batch), label = model.input("label", {batch}, i32);
  Tensor encoding = net.encoder(image);
  if (!options.attention) {
    Tensor loss = cross_entropy(net.logits(encoding), label);
    model.output("class_loss", loss);
    model.train(loss, Adam{});
    return model;
  }
  Tensor index = model.input("index", {batch}, i64), gallery = images(model, "gallery", drawnSize);
  Tensor galleryLabel = model.input("gallery_label", {drawnSize}, i32);
  Tensor galleryIndex = model.input("gallery_index", {drawnSize}, i64);
  Tensor others = not_equal(reshape(index, {batch, 1}), reshape(galleryIndex, {1, drawnSize}));
  Tensor encodings = net.encoder(gallery);
  auto [context, weights] =
      (*net.attention)(encoding, net.attention->keys(encodings), net.attention->values(encodings), others);
  Tensor classLoss = cross_entropy(net.logits(encoding + context), label);
  Tensor attentionLoss = attention_loss(missed(weights, label, galleryLabel));
  model.output("class_loss", classLoss);
  model.output("attention_loss", attentionLoss);
  model.train(classLoss + attentionLoss, Adam{}, {.report = {"class_loss", "attention_loss"}});
  return model;
}

/// What a gallery is made of: the encoding of each image and, with attention, its key and value.
inline Model index(Options options) {
  Model model("image_index");
  Network net(model, options);
  Tensor encoding = net.encoder(images(model, "image", model.symbol("batch")));
  model.output("encoding", encoding);
  if (!options.attention) return model;
  model.output("key", net.attention->keys(encoding));
  model.output("value", net.attention->values(encoding));
  return model;
}

/// The search: each image's logits, its encoding and, with attention, the weight of each of the gallery's items,
/// (batch, 1000), the mean over heads.
inline Model search(Options options) {
  Model model("image_search");
  Network net(model, options);
  Tensor encoding = net.encoder(images(model, "image", model.symbol("batch")));
  Tensor seen = encoding;
  if (options.attention) {
    Tensor keys = model.input("keys", {gallerySize, heads * options.headSize()});
    Tensor values = model.input("values", {gallerySize, heads * options.headSize()});
    auto [context, weights] = (*net.attention)(encoding, keys, values);
    model.output("attention", mean(weights, 0));
    seen = encoding + context;
  }
  model.output("encoding", encoding);
  model.output("logits", net.logits(seen));
  return model;
}

} // namespace retrieval
