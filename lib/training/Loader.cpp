// The order of an epoch follows from the seed and the epoch's number alone, so a loader's state is two numbers.
#include "training/Loader.h"

#include "formats/Error.h"
#include "training/Random.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

namespace fovea::training {

Loader::Loader(const LabelledImages &images, const LoaderOptions &options)
    : images(images), options(options), order(static_cast<size_t>(images.count)) {
  if (images.count <= 0) throw Error("a loader needs images: there are none");
  if (options.batch <= 0)
    throw Error("a batch of " + std::to_string(options.batch) + " images is not possible: ask for one or more");
  if (!(options.deviation > 0))
    throw Error("pixels cannot be divided by a deviation of " + std::to_string(options.deviation) +
                ": it must be above zero");
  shuffle();
}

void Loader::shuffle() {
  std::iota(order.begin(), order.end(), 0);
  if (!options.shuffle) return;
  Random random(options.seed ^ (0x9e3779b97f4a7c15u * static_cast<uint64_t>(current.epoch + 1)));
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
}

const Batch &Loader::next() {
  const int64_t pixels = images.rows * images.columns;
  batch.size = std::min(options.batch, images.count - current.position);
  batch.image.resize(static_cast<size_t>(batch.size * pixels));
  batch.label.resize(static_cast<size_t>(batch.size));
  const float scale = 1 / (255 * options.deviation), shift = options.mean / options.deviation;
  for (int64_t i = 0; i < batch.size; ++i) {
    const int64_t index = order[static_cast<size_t>(current.position + i)];
    const uint8_t *source = images.image(index);
    std::transform(source, source + pixels, batch.image.begin() + i * pixels,
                   [&](uint8_t pixel) { return pixel * scale - shift; });
    batch.label[static_cast<size_t>(i)] = images.labels[static_cast<size_t>(index)];
  }
  current.position += batch.size;
  if (current.position == images.count) {
    current = {current.epoch + 1, 0};
    shuffle();
  }
  return batch;
}

void Loader::restore(const LoaderState &state) {
  if (state.epoch < 0 || state.position < 0 || state.position >= images.count)
    throw Error("cannot continue at image " + std::to_string(state.position) + " of epoch " +
                std::to_string(state.epoch) + ": there are " + std::to_string(images.count) +
                " images; is this the data that the run began with?");
  current = state;
  shuffle();
}

} // namespace fovea::training
