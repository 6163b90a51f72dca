// Batches of images as floats, shuffled anew in every epoch.
#ifndef FOVEA_TRAINING_LOADER_H
#define FOVEA_TRAINING_LOADER_H

#include "training/Digits.h"

namespace fovea::training {

/// Where a loader stands. With the loader's options and data it decides all batches to come.
struct LoaderState {
  int64_t epoch = 0;    // from 0
  int64_t position = 0; // images of this epoch that were handed out
};

struct LoaderOptions {
  int64_t batch = 64;
  uint64_t seed = 0;
  bool shuffle = true;
  float mean = 0, deviation = 1; // a pixel p becomes (p / 255 - mean) / deviation
};

struct Batch {
  int64_t size = 0;
  std::vector<float> image;   // (size, 1, rows, columns)
  std::vector<int32_t> label; // (size)
};

class Loader {
public:
  /// The images must outlive the loader. Throws fovea::Error where there are none, the batch is not positive or the
  /// deviation is not.
  Loader(const LabelledImages &images, const LoaderOptions &options);

  /// The next batch. The last one of an epoch holds what is left; the state then stands at the next epoch's start.
  /// The reference holds until the next call.
  const Batch &next();

  int64_t batchesPerEpoch() const { return (images.count + options.batch - 1) / options.batch; }
  const LoaderState &state() const { return current; }

  /// Continues from a state. Throws fovea::Error where the images have no such position.
  void restore(const LoaderState &state);

private:
  void shuffle();

  const LabelledImages &images;
  LoaderOptions options;
  LoaderState current;
  std::vector<int64_t> order; // of this epoch
  Batch batch;
};

} // namespace fovea::training

#endif
