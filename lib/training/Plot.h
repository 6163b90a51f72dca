// Line plots, such as a loss over the steps of a run.
#ifndef FOVEA_TRAINING_PLOT_H
#define FOVEA_TRAINING_PLOT_H

#include "training/Picture.h"

namespace fovea::training {

struct Series {
  std::string name; // in the legend; none where empty
  std::vector<double> x, y;
  Colour colour;
  double width = 2, alpha = 1; // of the line; pixels, 1: opaque
};

struct PlotOptions {
  std::string title, xLabel, yLabel;
  bool logarithmic = false; // the y axis of curves; values that are not positive are left out
  int64_t width = 960, height = 560;
};

/// Axes with ticks and labels around all finite points. Plots without points have axes from 0 (or 0.1) to 1.
Picture plot(const PlotOptions &options, const std::vector<Series> &series);

/// A bar for each value, from 0 to it, such as a gate for each channel. Captions stand below the bars where there are
/// some and they have room; else the bars' numbers. Values that are not finite have no bar.
Picture bars(const PlotOptions &options, const std::vector<double> &values,
             const std::vector<std::string> &captions = {}, Colour colour = {70, 130, 190});

/// Each value averaged with those before it, which fade by exp(-1) over this many values.
std::vector<double> smoothed(const std::vector<double> &values, double length);

/// Round numbers from low to high, both within: some five of them, 1, 2 or 5 times a power of ten apart; where
/// logarithmic, numbers of that form themselves, or over more than four decades powers of ten, eleven at most.
std::vector<double> ticks(double low, double high, bool logarithmic);

} // namespace fovea::training

#endif
