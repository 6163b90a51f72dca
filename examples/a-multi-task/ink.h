// The second task: which quartile of ink an image belongs to.
#pragma once

#include "common/Pixels.h"
#include "training/Images.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace multi_task {

class Ink {
public:
  /// The thresholds part these images into four equally large groups.
  explicit Ink(const fovea::training::LabelledImages &images) {
    std::vector<int64_t> ink;
    for (int64_t i = 0; i < images.count; ++i) ink.push_back(sum(images, i));
    std::sort(ink.begin(), ink.end());
    for (size_t i = 0; i < thresholds.size(); ++i) thresholds[i] = ink[ink.size() * (i + 1) / 4];
  }

  /// 0 to 3: how many thresholds the ink of an image reaches.
  int32_t quartile(const fovea::training::LabelledImages &images, int64_t index) const {
    return quartile(sum(images, index));
  }
  /// The quartiles of `count` images as the model sees them, (count, size): what was shifted out does not count.
  std::vector<int32_t> quartiles(const float *images, int64_t count, int64_t size) const {
    std::vector<int32_t> result;
    for (int64_t i = 0; i < count; ++i, images += size)
      result.push_back(quartile(std::accumulate(images, images + size, int64_t{0}, [](int64_t ink, float pixel) {
        return ink + std::lround(255 * (pixel * pixels::mnistDeviation + pixels::mnistMean));
      })));
    return result;
  }

private:
  static int64_t sum(const fovea::training::LabelledImages &images, int64_t index) {
    const uint8_t *image = images.image(index);
    return std::accumulate(image, image + images.size(), int64_t{0});
  }
  int32_t quartile(int64_t ink) const {
    return static_cast<int32_t>(std::upper_bound(thresholds.begin(), thresholds.end(), ink) - thresholds.begin());
  }

  std::array<int64_t, 3> thresholds;
};

} // namespace multi_task
