// Learning rates over the steps of a run.
#ifndef FOVEA_TRAINING_SCHEDULE_H
#define FOVEA_TRAINING_SCHEDULE_H

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace fovea::training {

/// Rises in a line from 0 to peak over the warm-up steps, then falls along half a cosine to floor at the last step.
struct CosineSchedule {
  double peak, floor;
  int64_t warmup, steps; // warmup < steps

  /// The rate of a step, counted from 0; floor after the last.
  double rate(int64_t step) const {
    if (step < warmup) return peak * static_cast<double>(step + 1) / static_cast<double>(warmup);
    const double done =
        static_cast<double>(step - warmup) / static_cast<double>(std::max<int64_t>(1, steps - 1 - warmup));
    return floor + (peak - floor) * 0.5 * (1 + std::cos(std::acos(-1.0) * std::min(1.0, done)));
  }
};

} // namespace fovea::training

#endif
