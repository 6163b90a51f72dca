// Handwritten digits to learn from: MNIST where its files are at hand, else digits drawn by a procedure.
#ifndef FOVEA_TRAINING_DIGITS_H
#define FOVEA_TRAINING_DIGITS_H

#include <cstdint>
#include <filesystem>
#include <vector>

namespace fovea::training {

/// Grey images with a class each.
struct LabelledImages {
  int64_t count = 0, rows = 28, columns = 28;
  std::vector<uint8_t> pixels; // (count, rows, columns); 0: paper, 255: ink
  std::vector<uint8_t> labels; // (count)

  const uint8_t *image(int64_t index) const { return pixels.data() + index * rows * columns; }
};

struct Digits {
  static constexpr int64_t classes = 10;
  LabelledImages train, test;
};

/// Loads {train,t10k}-{images-idx3,labels-idx1}-ubyte, each plain or with .gz, from a folder. Throws fovea::Error
/// where the folder or a file is missing or malformed, images are not 28 x 28, the counts of images and labels
/// differ, or a label is above 9.
Digits loadMnist(const std::filesystem::path &folder);

/// Draws digits: strokes as a hand would make them, in several shapes for a class, with random control points,
/// rotation, shear, scale, position, width, blur and noise. The same seed gives the same digits; test digits come from
/// other random numbers than training digits. Classes come in turn: 0, 1, ... 9, 0, ...
Digits drawDigits(int64_t trainCount, int64_t testCount, uint64_t seed);

/// The first images of a set; all of them where it has fewer.
LabelledImages firstOf(const LabelledImages &images, int64_t count);

} // namespace fovea::training

#endif
