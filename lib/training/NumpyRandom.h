// numpy.random.seed and numpy.random.randint, number for number, for trainings that are repeated as they were done with
// NumPy.
#ifndef FOVEA_TRAINING_NUMPYRANDOM_H
#define FOVEA_TRAINING_NUMPYRANDOM_H

#include <cstdint>
#include <random>

namespace fovea::training {

/// NumPy's legacy generator RandomState: MT19937, which is std::mt19937 seeded alike.
class NumpyRandom {
public:
  /// numpy.random.seed(seed)
  explicit NumpyRandom(uint32_t seed) : engine(seed) {}

  /// numpy.random.randint(bound), bound > 0: the low bits that bound - 1 has, drawn again while they are above it.
  uint32_t randint(uint32_t bound) {
    const uint32_t most = bound - 1;
    uint32_t mask = most;
    for (int shift : {1, 2, 4, 8, 16}) mask |= mask >> shift;
    if (most == 0) return 0; // without a draw
    uint32_t value = engine() & mask;
    while (value > most) value = engine() & mask;
    return value;
  }

private:
  std::mt19937 engine; // its results have 32 bits
};

} // namespace fovea::training

#endif
