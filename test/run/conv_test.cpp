// Ten steps of a small convolutional network with batch normalization against the same in double precision, whose
// layers and gradients are written out here.
#include "conv.h"
#include "conv_f32.h"

#include "lib/formats/File.h"
#include "lib/formats/Gzip.h"
#include "test/reference/Reference.h"
#include "test/run/Trained.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>

FOVEA_TRAINED(conv, double);
FOVEA_TRAINED(conv_f32, float);

namespace {

using fovea::reference::Array;
using fovea::reference::for_each_index;
using fovea::reference::Shape;
namespace reference = fovea::reference;

struct Batch {
  std::vector<double> pixels; // (n, 3, 32, 32)
  std::vector<int32_t> labels;
};

constexpr int64_t items = 8, pixels = 3 * 32 * 32;

//===-- The network, layer by layer -------------------------------------------------------------------------------===//

/// Of each channel over items and pixels, with the biased variance.
struct Norm {
  Array normal;
  std::vector<double> mean, variance, inverse;
};

int64_t perChannel(const Array &x) { return x.shape[0] * x.shape[2] * x.shape[3]; }

Norm normalized(const Array &x) {
  int64_t channels = x.shape[1];
  Norm norm{x, std::vector<double>(channels), std::vector<double>(channels), std::vector<double>(channels)};
  auto count = (double)perChannel(x);
  for_each_index(x.shape, [&](const Shape &at) { norm.mean[at[1]] += x.at(at) / count; });
  for_each_index(x.shape, [&](const Shape &at) {
    double apart = x.at(at) - norm.mean[at[1]];
    norm.variance[at[1]] += apart * apart / count;
  });
  for (int64_t c = 0; c < channels; ++c) norm.inverse[c] = 1 / std::sqrt(norm.variance[c] + 1e-5);
  for_each_index(x.shape,
                 [&](const Shape &at) { norm.normal.at(at) = (x.at(at) - norm.mean[at[1]]) * norm.inverse[at[1]]; });
  return norm;
}

Array scaled(const Array &normal, const Array &scale, const Array &bias) {
  Array result(normal.shape);
  for_each_index(normal.shape,
                 [&](const Shape &at) { result.at(at) = normal.at(at) * scale.values[at[1]] + bias.values[at[1]]; });
  return result;
}

Array relu(const Array &x) {
  return reference::unary(x, [](double value) { return value > 0 ? value : 0; });
}

/// dw of the convolution of x with this stride and a padding of 1.
Array weightGradient(const Array &x, const Array &g, const Shape &shape, int64_t stride) {
  Array result(shape);
  for_each_index(g.shape, [&](const Shape &at) {
    for_each_index({shape[1], shape[2], shape[3]}, [&](const Shape &tap) {
      int64_t row = at[2] * stride + tap[1] - 1, column = at[3] * stride + tap[2] - 1;
      if (row < 0 || row >= x.shape[2] || column < 0 || column >= x.shape[3]) return;
      result.at({at[1], tap[0], tap[1], tap[2]}) += g.at(at) * x.at({at[0], tap[0], row, column});
    });
  });
  return result;
}

class Network {
public:
  using Arrays = std::map<std::string, Array>;
  Arrays parameters, running, gradients, velocities;

  double step(const Batch &batch, double rate, std::vector<double> &logits) {
    double loss = forwardAndBackward(batch, logits);
    for (auto &[name, value] : parameters) {
      Array &velocity = velocities.try_emplace(name, value.shape).first->second;
      for (int64_t i = 0; i < value.size(); ++i) {
        velocity.values[i] = 0.9 * velocity.values[i] + gradients.at(name).values[i];
        value.values[i] -= rate * velocity.values[i];
      }
    }
    return loss;
  }

private:
  double forwardAndBackward(const Batch &batch, std::vector<double> &logits) {
    auto n = (int64_t)batch.labels.size();
    Array image({n, 3, 32, 32}, batch.pixels);
    Array a1 = reference::conv2d(image, parameters.at("conv1.weight"), {1, 1}, {1, 1});
    Norm n1 = normNamed("norm1", a1);
    Array r1 = relu(scaled(n1.normal, parameters.at("norm1.scale"), parameters.at("norm1.bias")));
    Array p1({n, 8, 16, 16}, -1);
    for_each_index(r1.shape, [&](const Shape &at) {
      double &largest = p1.at({at[0], at[1], at[2] / 2, at[3] / 2});
      largest = std::max(largest, r1.at(at));
    });
    Array a2 = reference::conv2d(p1, parameters.at("conv2.weight"), {2, 2}, {1, 1});
    Norm n2 = normNamed("norm2", a2);
    Array r2 = relu(scaled(n2.normal, parameters.at("norm2.scale"), parameters.at("norm2.bias")));
    Array features = reference::mean(r2, {2, 3});
    Array scores = reference::binary(reference::matmul(features, parameters.at("head.weight")),
                                     parameters.at("head.bias"), std::plus<>());
    logits = scores.values;

    // The loss, and back.
    Array chances = reference::softmax(scores), g = chances;
    double loss = 0;
    for (int64_t i = 0; i < n; ++i) {
      loss -= std::log(chances.at({i, batch.labels[i]})) / (double)n;
      g.at({i, batch.labels[i]}) -= 1;
    }
    g = reference::unary(g, [&](double x) { return x / (double)n; });
    gradients["head.weight"] = reference::matmul(features, g, true);
    gradients["head.bias"] = reference::sum(g, {0});
    Array gFeatures = reference::matmul(g, parameters.at("head.weight"), false, true), g2(r2.shape);
    for_each_index(r2.shape, [&](const Shape &at) {
      g2.at(at) = r2.at(at) > 0 ? gFeatures.at({at[0], at[1]}) / 64 : 0;
    });
    g2 = backThroughNorm("norm2", n2, g2);
    gradients["conv2.weight"] = weightGradient(p1, g2, {16, 8, 3, 3}, 2);
    Array gPooled = reference::conv_transpose2d(g2, parameters.at("conv2.weight"), {16, 16}, {2, 2}, {1, 1});
    Array g1(r1.shape), ties(p1.shape); // equal largest share their gradient
    for_each_index(r1.shape, [&](const Shape &at) {
      Shape window{at[0], at[1], at[2] / 2, at[3] / 2};
      ties.at(window) += r1.at(at) == p1.at(window);
    });
    for_each_index(r1.shape, [&](const Shape &at) {
      Shape window{at[0], at[1], at[2] / 2, at[3] / 2};
      g1.at(at) = r1.at(at) > 0 && r1.at(at) == p1.at(window) ? gPooled.at(window) / ties.at(window) : 0;
    });
    g1 = backThroughNorm("norm1", n1, g1);
    gradients["conv1.weight"] = weightGradient(image, g1, {8, 3, 3, 3}, 1);
    return loss;
  }

  /// Running statistics take a tenth of the batch's, with the unbiased variance.
  Norm normNamed(const std::string &name, const Array &x) {
    Norm norm = normalized(x);
    auto count = (double)perChannel(x);
    for (size_t c = 0; c < norm.mean.size(); ++c) {
      double &mean = running.at(name + ".running_mean").values[c],
             &variance = running.at(name + ".running_variance").values[c];
      mean = 0.9 * mean + 0.1 * norm.mean[c];
      variance = 0.9 * variance + 0.1 * norm.variance[c] * count / (count - 1);
    }
    return norm;
  }

  Array backThroughNorm(const std::string &name, const Norm &norm, const Array &g) {
    Array scale(Shape{g.shape[1]}), bias(Shape{g.shape[1]}), result(g.shape);
    for_each_index(g.shape, [&](const Shape &at) {
      scale.values[at[1]] += g.at(at) * norm.normal.at(at);
      bias.values[at[1]] += g.at(at);
    });
    auto count = (double)perChannel(g);
    for_each_index(g.shape, [&](const Shape &at) {
      int64_t c = at[1];
      result.at(at) = parameters.at(name + ".scale").values[c] * norm.inverse[c] *
                      (g.at(at) - bias.values[c] / count - norm.normal.at(at) * scale.values[c] / count);
    });
    gradients[name + ".scale"] = scale;
    gradients[name + ".bias"] = bias;
    return result;
  }
};

//===-- Data ------------------------------------------------------------------------------------------------------===//

/// Numbers between -1 and 1, the same in every run.
struct Numbers {
  uint32_t state;
  double next() {
    state = state * 1664525u + 1013904223u;
    return (double)(state >> 8) / (1 << 23) - 1;
  }
};

/// Ten batches of smooth pictures whose class is their colour and place.
std::vector<Batch> drawn() {
  std::vector<Batch> batches(10);
  Numbers numbers{7};
  for (Batch &batch : batches)
    for (int64_t i = 0; i < items; ++i) {
      auto label = (int32_t)((numbers.next() + 1) * 5) % 10;
      batch.labels.push_back(label);
      for (int64_t at = 0; at < pixels; ++at)
        batch.pixels.push_back(float(0.3 * numbers.next() + std::sin((double)(at % 32 + at / 1024 * label) / 5)));
    }
  return batches;
}

/// The first images of CIFAR-10's first file: a byte for the label, then red, green and blue planes.
std::vector<Batch> cifar(const std::string &path) {
  fovea::formats::Bytes bytes = fovea::formats::gunzip(fovea::formats::readFile(path), 10 * items * (1 + pixels), path);
  std::vector<Batch> batches(10);
  size_t next = 0;
  for (Batch &batch : batches)
    for (int64_t i = 0; i < items; ++i) {
      batch.labels.push_back((uint8_t)bytes[next++]);
      for (int64_t at = 0; at < pixels; ++at) batch.pixels.push_back((uint8_t)bytes[next++] / 128.0 - 1);
    }
  return batches;
}

//===-- Both, side by side ----------------------------------------------------------------------------------------===//

const std::map<std::string, Shape> shapes = {
    {"conv1.weight", {8, 3, 3, 3}}, {"norm1.scale", {8}}, {"norm1.bias", {8}},       {"conv2.weight", {16, 8, 3, 3}},
    {"norm2.scale", {16}},          {"norm2.bias", {16}}, {"head.weight", {16, 10}}, {"head.bias", {10}}};
const std::map<std::string, Shape> statistics = {{"norm1.running_mean", {8}},
                                                 {"norm1.running_variance", {8}},
                                                 {"norm2.running_mean", {16}},
                                                 {"norm2.running_variance", {16}}};

template <typename Real>
void expectNear(const std::vector<Real> &ours, const std::vector<double> &theirs, double bound,
                const std::string &what) {
  ASSERT_EQ(ours.size(), theirs.size()) << what;
  double largest = 0;
  for (size_t i = 0; i < ours.size(); ++i) largest = std::fmax(largest, std::fabs((double)ours[i] - theirs[i]));
  EXPECT_LE(largest, bound) << what;
}

template <typename Trained> void train(const std::vector<Batch> &batches, double bound) {
  using Real = typename Trained::Real;
  auto as = [](const std::vector<double> &values) { return std::vector<Real>(values.begin(), values.end()); };
  Trained trained(items);
  Network network;
  Numbers numbers{1};
  for (const auto &[name, shape] : shapes) {
    Array &value = network.parameters.emplace(name, Array(shape)).first->second;
    bool scale = name.find("scale") != std::string::npos;
    for (double &x : value.values) x = float(scale ? 1 + 0.25 * numbers.next() : 0.4 * numbers.next());
    trained.set(name, as(value.values));
  }
  for (const auto &[name, shape] : statistics)
    network.running.emplace(name, Array(shape, name.find("variance") != std::string::npos ? 1 : 0));
  for (size_t step = 0; step < batches.size(); ++step) {
    std::string at = "step " + std::to_string(step);
    std::vector<Real> image = as(batches[step].pixels), loss(1), logits(items * 10);
    std::vector<double> expected;
    double rate = 1.0 / 64, expectedLoss = network.step(batches[step], rate, expected);
    trained.train_step(items, image.data(), batches[step].labels.data(), Real(rate), loss.data(), logits.data());
    expectNear(loss, {expectedLoss}, bound, at + ": loss");
    expectNear(logits, expected, bound, at + ": logits");
  }
  for (const auto &[name, value] : network.parameters)
    expectNear(trained.get(name, value.size()), value.values, bound, name);
  for (const auto &[name, value] : network.running)
    expectNear(trained.get(name, value.size()), value.values, bound, name);
}

std::string cifarPath() {
  const char *data = std::getenv("FOVEA_DATA");
  std::string path = std::string(data ? data : "") + "/cifar10/data_batch_1.bin.gz";
  return std::filesystem::exists(path) ? path : "";
}

} // namespace

TEST(ConvolutionalTrace, DrawnInDoublePrecision) { train<conv_trained>(drawn(), 1e-9); }
TEST(ConvolutionalTrace, DrawnInSinglePrecision) { train<conv_f32_trained>(drawn(), 1e-3); }
TEST(ConvolutionalTrace, Cifar10InDoublePrecision) {
  if (cifarPath().empty()) GTEST_SKIP() << "FOVEA_DATA has no cifar10/data_batch_1.bin.gz";
  train<conv_trained>(cifar(cifarPath()), 1e-9);
}
