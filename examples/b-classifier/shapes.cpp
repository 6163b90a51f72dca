// A class has a shape and, so that a short training sees it too, a range of hues.
#include "shapes.h"

#include "training/Random.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace classifier {
namespace {

using namespace fovea::training;

constexpr int64_t size = 32;

/// Whether a point of the square [-1, 1]^2 belongs to the shape; y points down.
using Shape = bool (*)(double x, double y);

bool ringed(double distance) { return distance > 0.6 && distance < 1; }

const std::array<std::pair<const char *, Shape>, 10> shapes{{
    {"disc", [](double x, double y) { return x * x + y * y < 1; }},
    {"ring", [](double x, double y) { return ringed(std::hypot(x, y)); }},
    {"square", [](double x, double y) { return std::max(std::abs(x), std::abs(y)) < 0.9; }},
    {"frame", [](double x, double y) { return ringed(std::max(std::abs(x), std::abs(y))); }},
    {"plus", [](double x, double y) { return std::min(std::abs(x), std::abs(y)) < 0.25; }},
    {"times", [](double x, double y) { return std::min(std::abs(x - y), std::abs(x + y)) < 0.35; }},
    {"triangle", [](double x, double y) { return y < 0.9 && std::abs(x) < (y + 1) / 2; }},
    {"rows", [](double, double y) { return std::fmod(y + 1, 0.8) < 0.4; }},
    {"columns", [](double x, double) { return std::fmod(x + 1, 0.8) < 0.4; }},
    {"bar", [](double x, double) { return std::abs(x) < 0.3; }},
}};

using Rgb = std::array<double, 3>;

/// Bright, of a hue around the circle: 0 red, 1/3 green, 2/3 blue.
Rgb ofHue(double hue) {
  Rgb colour;
  for (size_t c = 0; c < 3; ++c) {
    const double turn = hue - static_cast<double>(c) / 3, away = std::abs(turn - std::round(turn)); // 0 to 1/2
    colour[c] = std::clamp(2 - 6 * away, 0.0, 1.0);
  }
  return colour;
}

Rgb randomColour(Random &random, double low, double high) {
  return {random.uniform(low, high), random.uniform(low, high), random.uniform(low, high)};
}

/// A quarter of a pixel's area at a time, so that edges are smooth.
double coverage(Shape shape, double x, double y, double radius) {
  double inside = 0;
  for (double dx : {0.25, 0.75})
    for (double dy : {0.25, 0.75}) {
      const double u = (x + dx) / radius, v = (y + dy) / radius;
      inside += std::max(std::abs(u), std::abs(v)) <= 1 && shape(u, v) ? 0.25 : 0;
    }
  return inside;
}

void draw(int64_t label, Random &random, uint8_t *image) {
  const Shape shape = shapes[static_cast<size_t>(label)].second;
  const double radius = random.uniform(5, 8);
  const double column = random.uniform(radius, size - radius), row = random.uniform(radius, size - radius);
  const Rgb from = randomColour(random, 0, 0.6), to = randomColour(random, 0, 0.6),
            across = randomColour(random, 0, 0.6);
  const Rgb colour =
      ofHue((static_cast<double>(label) + random.uniform(-0.5, 0.5)) / static_cast<double>(shapes.size()));
  for (int64_t y = 0; y < size; ++y)
    for (int64_t x = 0; x < size; ++x) {
      const double ink = coverage(shape, static_cast<double>(x) - column, static_cast<double>(y) - row, radius);
      for (size_t c = 0; c < 3; ++c) {
        const double down = static_cast<double>(y) / size, right = static_cast<double>(x) / size;
        const double ground = from[c] + (to[c] - from[c]) * down + (across[c] - from[c]) * right / 2;
        const double value = ground + (colour[c] - ground) * ink + 0.05 * random.normal();
        image[(static_cast<int64_t>(c) * size + y) * size + x] =
            static_cast<uint8_t>(std::clamp(value, 0.0, 1.0) * 255 + 0.5);
      }
    }
}

LabelledImages drawPart(int64_t count, uint64_t seed) {
  LabelledImages images{count, 3, size, size, std::vector<uint8_t>(static_cast<size_t>(count * 3 * size * size)), {}};
  Random random(seed);
  for (int64_t i = 0; i < count; ++i) {
    images.labels.push_back(static_cast<int32_t>(i % static_cast<int64_t>(shapes.size())));
    draw(images.labels.back(), random, images.pixels.data() + i * images.size());
  }
  return images;
}

} // namespace

DataSet drawShapes(int64_t trainCount, int64_t testCount, uint64_t seed) {
  DataSet data{{}, drawPart(trainCount, 2 * seed), drawPart(testCount, 2 * seed + 1)};
  for (const auto &[name, shape] : shapes) data.classes.push_back(name);
  return data;
}

} // namespace classifier
