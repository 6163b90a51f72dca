// The second task: which quartile of ink an image belongs to.
#pragma once

#include "training/Images.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace multi_task {

using Thresholds = std::array<int64_t, 3>;

inline int64_t inkOf(const fovea::training::LabelledImages &images, int64_t index) {
  const uint8_t *image = images.image(index);
  return std::accumulate(image, image + images.size(), int64_t{0});
}

/// What parts the images into four equally large groups, by their ink.
inline Thresholds quartilesOf(const fovea::training::LabelledImages &images) {
  std::vector<int64_t> ink;
  for (int64_t i = 0; i < images.count; ++i) ink.push_back(inkOf(images, i));
  std::sort(ink.begin(), ink.end());
  return {ink[ink.size() / 4], ink[ink.size() / 2], ink[ink.size() * 3 / 4]};
}

/// The quartile of each image, 0 to 3: how many thresholds its ink reaches.
inline std::vector<int32_t> inkLabels(const fovea::training::LabelledImages &images, const Thresholds &thresholds) {
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < images.count; ++i)
    labels.push_back(static_cast<int32_t>(std::upper_bound(thresholds.begin(), thresholds.end(), inkOf(images, i)) -
                                          thresholds.begin()));
  return labels;
}

} // namespace multi_task
