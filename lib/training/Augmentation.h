// Random changes of training images, which leave their class as it is.
#ifndef FOVEA_TRAINING_AUGMENTATION_H
#define FOVEA_TRAINING_AUGMENTATION_H

#include "training/Images.h"
#include "training/Random.h"

namespace fovea::training {

/// What is done to an image, in this order. Off by default.
struct Augmentation {
  int64_t padding = 0; // pixels; black ones are added around the image, then as much as it was before is cut out
  bool flip = false;   // half of the images, by chance, are mirrored, left to right
  double erasing = 0;  // the probability that a rectangle of the normalised image becomes 0: Zhong et al. 2020, "Random
                       // Erasing Data Augmentation", with areas from 0.02 to 0.33 and shapes from 0.3 to 1 / 0.3
  double mixup = 0;    // 0 to 4; above 0 each image is mixed with another one, lambda x + (1 - lambda) y, lambda from
                       // Beta(mixup, mixup): Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization"
};

/// How pixels become numbers, for each channel: (pixel / 255 - mean) / deviation.
class Normalisation {
public:
  /// One number, or one for each channel. Throws fovea::Error where there are neither so many, or a deviation is
  /// not above zero.
  Normalisation(const std::vector<float> &mean, const std::vector<float> &deviation, int64_t channels);

  float operator()(uint8_t pixel, int64_t channel) const {
    return pixel * scale[static_cast<size_t>(channel)] - shift[static_cast<size_t>(channel)];
  }

private:
  std::vector<float> scale, shift;
};

/// Writes an image, changed and normalised, without mixup: (channels, rows, columns).
void augment(const LabelledImages &images, int64_t index, const Augmentation &options,
             const Normalisation &normalisation, Random &random, float *result);

/// Throws fovea::Error where an option is out of its range.
void checkAugmentation(const Augmentation &options);

} // namespace fovea::training

#endif
