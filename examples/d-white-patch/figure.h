// Where a net looks for the patch: a figure, and numbers.
#pragma once

#include "patches.h"
#include "training/Picture.h"
#include "training/Run.h"

namespace white_patch {

/// How much stronger the attention layer's output is inside the patch than outside of it, over all images that have
/// one. `seen` is (32, 24, 24). Energy is the mean square of the numbers; that of an output whose places are normalised
/// is the same everywhere. Contrast is that of the numbers less their channel's mean over the image, so of what differs
/// from place to place.
class PatchEnergy {
public:
  void add(const float *seen, const Patch &patch);
  double energyRatio() const { return energy[0] / energy[1]; } // NaN without an image that has a patch
  double contrastRatio() const { return contrast[0] / contrast[1]; }

private:
  double energy[2] = {0, 0}, contrast[2] = {0, 0}; // inside, outside
};

/// An image of the figure, with what the net made of it.
struct Seen {
  std::vector<float> image; // (3, 96, 96)
  Patch patch;
  float probability;
  std::vector<float> map; // (32, 24, 24)
};

/// The article's figure: the losses' curves over the epochs, then a row for each image: itself, as 0.5 x + 0.5,
/// channels 1 to 3 of the attention layer's output, each from its lowest number, dark, to its highest; and its energy
/// over the image, with the patch's outline.
fovea::training::Picture figureOf(const fovea::training::Picture &curves, const std::vector<Seen> &images);

/// The losses of training and test over the epochs, which are columns 1 and 2 of the metrics.
fovea::training::Picture curvesOf(const fovea::training::Run &run, const std::string &net);

} // namespace white_patch
