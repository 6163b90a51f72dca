// Canvases with digits, made by a procedure, and what is on them.
#pragma once

#include "model.h"

#include "training/Detection.h"
#include "training/Images.h"
#include "training/Picture.h"
#include "training/Random.h"

#include <algorithm>
#include <cmath>

namespace detection {

using namespace fovea::training;

/// Grey canvases, and the box of the ink of each digit; an image's label is how many it holds.
struct Canvases {
  LabelledImages images;
  std::vector<Boxes> boxes;
};

inline int64_t cellOf(double place) { return std::clamp<int64_t>(int64_t(place) / cellSize, 0, cells - 1); }

/// Puts a digit, `side` pixels large, onto the canvas, and returns the box of its ink.
inline Box paste(std::vector<float> &canvas, const uint8_t *digit, int64_t side, int64_t left, int64_t top) {
  Map map{28, 28, std::vector<float>(digit, digit + 28 * 28)};
  map = resized(map, side, side);
  Box box{canvasSize, canvasSize, 0, 0};
  for (int64_t y = 0; y < side; ++y)
    for (int64_t x = 0; x < side; ++x) {
      const float ink = map.values[size_t(y * side + x)];
      float &pixel = canvas[size_t((top + y) * canvasSize + left + x)];
      pixel = std::max(pixel, ink);
      if (ink < 64) continue;
      box.left = std::min(box.left, double(left + x)), box.right = std::max(box.right, double(left + x + 1));
      box.top = std::min(box.top, double(top + y)), box.bottom = std::max(box.bottom, double(top + y + 1));
    }
  return box;
}

/// Clutter: pieces of digits, too small to be read.
inline void scatterPieces(std::vector<float> &canvas, const LabelledImages &digits, Random &random) {
  for (int piece = 0; piece < 6; ++piece) {
    const uint8_t *digit = digits.image(int64_t(random.below(uint64_t(digits.count))));
    const int64_t size = 5 + int64_t(random.below(4)), x = 6 + int64_t(random.below(14)),
                  y = 6 + int64_t(random.below(14));
    const int64_t left = int64_t(random.below(uint64_t(canvasSize - size))),
                  top = int64_t(random.below(uint64_t(canvasSize - size)));
    for (int64_t r = 0; r < size; ++r)
      for (int64_t c = 0; c < size; ++c) {
        float &pixel = canvas[size_t((top + r) * canvasSize + left + c)];
        pixel = std::max(pixel, float(digit[std::min<int64_t>(y + r, 27) * 28 + std::min<int64_t>(x + c, 27)]));
      }
  }
}

/// One to four digits of 14 to 34 pixels, whose centres are in cells apart and which overlap little; clutter; noise.
inline Boxes drawCanvas(std::vector<float> &canvas, const LabelledImages &digits, Random &random) {
  Boxes boxes;
  scatterPieces(canvas, digits, random);
  const int64_t wanted = 1 + int64_t(random.below(4));
  for (int attempt = 0; attempt < 40 && int64_t(boxes.size()) < wanted; ++attempt) {
    const int64_t digit = int64_t(random.below(uint64_t(digits.count))), side = 14 + int64_t(random.below(21));
    const int64_t left = int64_t(random.below(uint64_t(canvasSize - side + 1))),
                  top = int64_t(random.below(uint64_t(canvasSize - side + 1)));
    const Box around{double(left), double(top), double(left + side), double(top + side)};
    const bool free = std::all_of(boxes.begin(), boxes.end(), [&](const LabelledBox &other) {
      const int64_t rows =
          std::abs(cellOf((other.box.top + other.box.bottom) / 2) - cellOf((around.top + around.bottom) / 2));
      const int64_t columns =
          std::abs(cellOf((other.box.left + other.box.right) / 2) - cellOf((around.left + around.right) / 2));
      return intersectionOverUnion(other.box, around) < 0.1 && std::max(rows, columns) > 1;
    });
    if (!free) continue;
    const fovea::training::Box box = paste(canvas, digits.image(digit), side, left, top);
    if (box.right > box.left) boxes.push_back({box, digits.labels[size_t(digit)]}); // else it is too faint
  }
  for (float &pixel : canvas) pixel += 25 * float(random.normal());
  return boxes;
}

/// The same seed gives the same canvases.
inline Canvases drawCanvases(const LabelledImages &digits, int64_t count, uint64_t seed) {
  Canvases result;
  result.images.rows = result.images.columns = canvasSize;
  result.images.count = count;
  Random random(seed);
  for (int64_t i = 0; i < count; ++i) {
    std::vector<float> canvas(canvasSize * canvasSize);
    result.boxes.push_back(drawCanvas(canvas, digits, random));
    result.images.labels.push_back(int32_t(result.boxes.back().size()));
    for (float pixel : canvas) result.images.pixels.push_back(uint8_t(std::clamp(pixel, 0.0f, 255.0f)));
  }
  return result;
}

} // namespace detection
