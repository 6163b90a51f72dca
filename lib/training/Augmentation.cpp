#include "training/Augmentation.h"

#include "formats/Error.h"

#include <algorithm>
#include <cmath>

namespace fovea::training {
namespace {

constexpr double leastArea = 0.02, mostArea = 0.33, flattest = 0.3; // of erased rectangles, as in the paper

/// Sets a random rectangle to 0. One that does not fit is drawn again.
void erase(const LabelledImages &images, Random &random, float *result) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    const double area = random.uniform(leastArea, mostArea) * static_cast<double>(images.rows * images.columns);
    const double shape = random.uniform(flattest, 1 / flattest);
    const auto height = std::llround(std::sqrt(area * shape)), width = std::llround(std::sqrt(area / shape));
    if (height < 1 || width < 1 || height > images.rows || width > images.columns) continue;
    const auto top = static_cast<int64_t>(random.below(static_cast<uint64_t>(images.rows - height + 1)));
    const auto left = static_cast<int64_t>(random.below(static_cast<uint64_t>(images.columns - width + 1)));
    for (int64_t channel = 0; channel < images.channels; ++channel)
      for (int64_t row = top; row < top + height; ++row)
        std::fill_n(result + (channel * images.rows + row) * images.columns + left, width, 0.0f);
    return;
  }
}

std::vector<float> spread(const std::vector<float> &values, int64_t channels, const char *what) {
  if (values.size() == 1) return std::vector<float>(static_cast<size_t>(channels), values[0]);
  if (values.size() == static_cast<size_t>(channels)) return values;
  throw Error("images of " + std::to_string(channels) + " channels cannot be normalised by " +
              std::to_string(values.size()) + " " + what + ": give one, or one for each channel");
}

} // namespace

Normalisation::Normalisation(const std::vector<float> &mean, const std::vector<float> &deviation, int64_t channels)
    : scale(spread(deviation, channels, "deviations")), shift(spread(mean, channels, "means")) {
  for (size_t channel = 0; channel < scale.size(); ++channel) {
    if (!(scale[channel] > 0))
      throw Error("pixels cannot be divided by a deviation of " + std::to_string(scale[channel]) +
                  ": it must be above zero");
    shift[channel] /= scale[channel];
    scale[channel] = 1 / (255 * scale[channel]);
  }
}

void checkAugmentation(const Augmentation &options) {
  if (options.padding < 0)
    throw Error("images cannot be cropped after a padding of " + std::to_string(options.padding) +
                " pixels: it must be 0 or more");
  if (!(options.erasing >= 0 && options.erasing <= 1))
    throw Error("images cannot be erased with a probability of " + std::to_string(options.erasing) +
                ": it must be from 0 to 1");
  if (!(options.mixup >= 0 && options.mixup <= 4))
    throw Error("images cannot be mixed by shares from Beta(a, a) with a = " + std::to_string(options.mixup) +
                ": it must be from 0 to 4");
}

void augment(const LabelledImages &images, int64_t index, const Augmentation &options,
             const Normalisation &normalisation, Random &random, float *result) {
  const uint8_t *source = images.image(index);
  const int64_t rows = images.rows, columns = images.columns;
  int64_t down = 0, right = 0;
  if (options.padding > 0) {
    const auto places = static_cast<uint64_t>(2 * options.padding + 1);
    down = static_cast<int64_t>(random.below(places)) - options.padding;
    right = static_cast<int64_t>(random.below(places)) - options.padding;
  }
  const bool mirrored = options.flip && random.below(2) == 1;
  float *at = result;
  for (int64_t channel = 0; channel < images.channels; ++channel)
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < columns; ++column) {
        const int64_t y = row + down, x = (mirrored ? columns - 1 - column : column) + right;
        const bool inside = y >= 0 && y < rows && x >= 0 && x < columns;
        *at++ = normalisation(inside ? source[(channel * rows + y) * columns + x] : 0, channel);
      }
  if (options.erasing > 0 && random.uniform() < options.erasing) erase(images, random, result);
}

} // namespace fovea::training
