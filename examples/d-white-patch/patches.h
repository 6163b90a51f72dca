// Images of which about half have a white patch: where it is follows from an index by NumPy's random numbers, as the
// article has it.
#pragma once

#include "training/CommandLine.h"
#include "training/Loader.h"

#include <string>

namespace white_patch {

constexpr int64_t patchSide = 16;

struct Patch {
  bool present;
  int64_t row, column; // of its top left pixel
};

/// numpy.random.seed(index + 10); randint(2), then, where it is 1, randint(80) for the row and for the column.
Patch patchOf(int64_t index);

enum class Seeding {
  clean,     // the index counts through the training images and on through the test images
  as_written // the index counts within the batch, so labels and places are the same in every batch
};

/// Images of 96 x 96 from --data: STL-10's where its files are there, else CIFAR-10's, scaled; without it, textures by
/// a procedure. Both are stand-ins for STL-10, which `name` says.
fovea::training::DataSet imagesOf(const fovea::training::CommonOptions &options, std::string &name);

struct PatchBatch {
  int64_t size = 0;
  std::vector<float> image; // (size, 3, 96, 96): (byte - 128) / 128, and 1 in the patch
  std::vector<float> label; // (size): 1 where there is a patch
  std::vector<Patch> patch; // (size)
};

/// Batches in order, without shuffling.
class PatchLoader {
public:
  /// The images must outlive the loader; `first` is the index of their first one with Seeding::clean.
  PatchLoader(const fovea::training::LabelledImages &images, int64_t batch, Seeding seeding, int64_t first);

  /// The batch of a step, counted from 0 over all epochs. The reference holds until the next call.
  const PatchBatch &at(int64_t step);
  int64_t batchesPerEpoch() const { return loader.batchesPerEpoch(); }

private:
  fovea::training::Loader loader;
  const Seeding seeding;
  const int64_t first;
  PatchBatch batch;
};

} // namespace white_patch
