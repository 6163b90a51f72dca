// Images that the systems' training programs choose, to be drawn or left for deployed programs.
#pragma once

#include "formats/Npy.h"
#include "training/Images.h"

namespace systems {

/// The pixels as a NumPy array of bytes (count, channels, rows, columns), which deploy::Array reads.
inline void writeImages(const std::filesystem::path &path, const fovea::training::LabelledImages &images) {
  fovea::formats::writeNpy(path,
                           {FOVEA_U8, {images.count, images.channels, images.rows, images.columns}, images.pixels});
}

/// The images of these indices, in their order.
inline fovea::training::LabelledImages chosen(const fovea::training::LabelledImages &images,
                                              const std::vector<int64_t> &indices) {
  fovea::training::LabelledImages result{0, images.channels, images.rows, images.columns, {}, {}};
  for (int64_t index : indices) {
    result.pixels.insert(result.pixels.end(), images.image(index), images.image(index) + images.size());
    result.labels.push_back(images.labels[static_cast<size_t>(index)]);
    ++result.count;
  }
  return result;
}

/// The first `count` images of each class, class after class; fewer where there are fewer.
inline std::vector<int64_t> firstOfEach(const fovea::training::LabelledImages &images, int64_t classes, int64_t count) {
  std::vector<int64_t> result;
  for (int64_t label = 0; label < classes; ++label) {
    int64_t found = 0;
    for (int64_t i = 0; i < images.count && found < count; ++i)
      if (images.labels[static_cast<size_t>(i)] == label) result.push_back(i), ++found;
  }
  return result;
}

} // namespace systems
