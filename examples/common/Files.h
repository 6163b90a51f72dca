// Files that the systems' training programs leave for deployed programs and for the table of figures.
#pragma once

#include "formats/Error.h"
#include "formats/Npy.h"
#include "runtime/Safetensors.h"
#include "training/Images.h"

namespace systems {

/// The elements of all tensors of a safetensors file, as Program::save writes it. Throws fovea::Error where it cannot
/// be read.
inline int64_t parametersIn(const std::filesystem::path &weights) {
  char message[FOVEA_MESSAGE_BYTES];
  fovea_safetensors *file = nullptr;
  if (fovea_safetensors_open(weights.c_str(), &file, message) != 0) throw fovea::Error(message);
  int64_t all = 0;
  for (int64_t i = 0; i < fovea_safetensors_count(file); ++i) {
    const fovea_safetensors_tensor *tensor = fovea_safetensors_at(file, i);
    int64_t elements = 1;
    for (int32_t axis = 0; axis < tensor->rank; ++axis) elements *= tensor->shape[axis];
    all += elements;
  }
  fovea_safetensors_close(file);
  return all;
}

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
