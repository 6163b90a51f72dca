// Random numbers that are the same on every machine and with every standard library: std::mt19937_64 is fixed by the
// standard, its distributions are not, so these are our own.
#ifndef FOVEA_TRAINING_RANDOM_H
#define FOVEA_TRAINING_RANDOM_H

#include <cmath>
#include <cstdint>
#include <random>

namespace fovea::training {

class Random {
public:
  explicit Random(uint64_t seed) : engine(seed) {}

  /// In [0, 1), with 53 random bits.
  double uniform() { return static_cast<double>(engine() >> 11) * 0x1p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }

  /// In [0, bound), bound > 0, every value equally likely.
  uint64_t below(uint64_t bound) {
    const uint64_t tail = (0 - bound) % bound; // 2^64 mod bound: that many raw values would favour some results
    uint64_t raw = engine();
    while (raw < tail) raw = engine();
    return raw % bound;
  }

  /// About normal with mean 0 and standard deviation 1, within [-6, 6]: a sum of twelve, free of libm.
  double normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += uniform();
    return sum;
  }

  /// From the beta distribution with both parameters a, 0 < a <= 4, by the method of Joehnk 1964. In steps of 2^-20, so
  /// that the last digits of the C library's powers do not matter.
  double beta(double a) {
    while (true) {
      const double x = std::pow(uniform(), 1 / a), y = std::pow(uniform(), 1 / a);
      if (x + y <= 1 && x + y > 0) return std::nearbyint(x / (x + y) * 0x1p20) * 0x1p-20;
    }
  }

private:
  std::mt19937_64 engine;
};

} // namespace fovea::training

#endif
