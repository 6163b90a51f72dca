// Batches of images as floats, shuffled and changed anew in every epoch.
#ifndef FOVEA_TRAINING_LOADER_H
#define FOVEA_TRAINING_LOADER_H

#include "training/Augmentation.h"

#include <memory>

namespace fovea::training {

struct LoaderOptions {
  int64_t batch = 64;
  uint64_t seed = 0;
  bool shuffle = true;
  std::vector<float> mean{0},
      deviation{1}; // one, or one for each channel; a pixel p becomes (p / 255 - mean) / deviation
  Augmentation augmentation = {};
  int64_t ahead = 0; // batches that a thread of the loader's makes before they are asked for
};

struct Batch {
  int64_t size = 0;
  std::vector<float> image;   // (size, channels, rows, columns)
  std::vector<int32_t> label; // (size)
  std::vector<int64_t> index; // (size); of the image in its set
  // With mixup, the class and the share of what was mixed in: the loss is that of `label` times 1 - share, plus that of
  // `mixed` times share. Without it they are label and 0.
  std::vector<int32_t> mixed; // (size)
  std::vector<float> share;   // (size)
};

class Loader {
public:
  /// The images must outlive the loader. Throws fovea::Error where there are none, or an option is out of its range.
  Loader(const LabelledImages &images, const LoaderOptions &options);
  ~Loader();

  /// The batch of a step, counted from 0 over all epochs; the last one of an epoch holds what is left. It depends only
  /// on the images, the options and the step, so a run continues where it stood by asking for the same step; only steps
  /// in order are made ahead. The caller may write to it; the reference holds until the next call.
  Batch &at(int64_t step);

  int64_t batchesPerEpoch() const;

private:
  class Maker;
  class Ahead;
  std::unique_ptr<Maker> maker;
  const int64_t most; // batches ahead
  std::unique_ptr<Ahead> ahead;
  Batch batch;
};

} // namespace fovea::training

#endif
