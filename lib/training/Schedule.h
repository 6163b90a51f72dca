// Learning rates over the steps of a run, and its early end.
#ifndef FOVEA_TRAINING_SCHEDULE_H
#define FOVEA_TRAINING_SCHEDULE_H

#include <cstdint>
#include <functional>
#include <vector>

namespace fovea::training {

/// The learning rate of a step, counted from 0.
using Schedule = std::function<double(int64_t step)>;

Schedule constantSchedule(double rate);

/// Falls along half a cosine from peak to floor, which the last of the steps and all after it have: Loshchilov and
/// Hutter 2017, "SGDR: Stochastic Gradient Descent with Warm Restarts", without restarts.
Schedule cosineSchedule(double peak, double floor, int64_t steps);

/// rate times factor^n, n the number of those steps, in ascending order, that are reached.
Schedule stepSchedule(double rate, double factor, std::vector<int64_t> at);

/// Rises in a line to the schedule's first rate over the warm-up steps, which go before the schedule's own.
Schedule warmedUp(int64_t warmup, Schedule schedule);

/// Ends a run whose epochs no longer get better.
struct EarlyStopping {
  int64_t patience = 5;        // epochs without a better value after which the run ends
  double leastImprovement = 0; // by which a value must be better than the best so far to count
  bool higherIsBetter = false;

  /// Whether to stop after the epochs with these values, one each. NaN is never better.
  bool stops(const std::vector<double> &values) const;
};

} // namespace fovea::training

#endif
