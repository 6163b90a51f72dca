// What every run shows of itself: its curves, and a page with its settings and numbers.
#ifndef FOVEA_TRAINING_REPORT_H
#define FOVEA_TRAINING_REPORT_H

#include "training/Page.h"
#include "training/Plot.h"
#include "training/Run.h"

namespace fovea::training {

/// One of the losses, by its column in loss.csv, at each step and smoothed, on a logarithmic axis.
Picture lossCurve(const Run &run, const std::string &title = "training loss",
                  const std::string &yLabel = "cross entropy (nats)", size_t column = 1);

/// Curves over the epochs of these columns of the metrics' file; column 0 is the epoch itself.
Picture metricCurves(const Run &run, const std::string &title, const std::vector<std::string> &names,
                     const std::vector<size_t> &columns);

/// A page with the run's settings, its loss curve, and a row of numbers for each epoch, to which programs add what
/// their models show.
Page pageOf(const Run &run, const std::string &title);

} // namespace fovea::training

#endif
