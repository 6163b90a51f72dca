#include "training/Schedule.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace fovea::training {

Schedule constantSchedule(double rate) {
  return [=](int64_t) { return rate; };
}

Schedule cosineSchedule(double peak, double floor, int64_t steps) {
  return [=](int64_t step) {
    const double done = static_cast<double>(step) / static_cast<double>(std::max<int64_t>(1, steps - 1));
    return floor + (peak - floor) * 0.5 * (1 + std::cos(std::acos(-1.0) * std::min(1.0, done)));
  };
}

Schedule stepSchedule(double rate, double factor, std::vector<int64_t> at) {
  return [=](int64_t step) {
    double result = rate;
    for (auto each = at.begin(); each != at.end() && *each <= step; ++each) result *= factor;
    return result;
  };
}

Schedule warmedUp(int64_t warmup, Schedule schedule) {
  return [=](int64_t step) {
    if (step >= warmup) return schedule(step - warmup);
    return schedule(0) * static_cast<double>(step + 1) / static_cast<double>(warmup);
  };
}

bool EarlyStopping::stops(const std::vector<double> &values) const {
  int64_t since = 0;
  double best = NAN;
  for (double value : values) {
    const double gain = higherIsBetter ? value - best : best - value;
    if (gain > leastImprovement || (std::isnan(best) && !std::isnan(value))) {
      best = value;
      since = 0;
    } else if (++since >= patience) {
      return true;
    }
  }
  return false;
}

} // namespace fovea::training
