// Handwritten digits drawn by a procedure, to learn from where MNIST is not at hand.
#ifndef FOVEA_TRAINING_DRAWNDIGITS_H
#define FOVEA_TRAINING_DRAWNDIGITS_H

#include "training/Images.h"

namespace fovea::training {

constexpr int64_t digitClasses = 10; // of these digits, and of MNIST's

/// Draws digits: strokes as a hand would make them, in several shapes for a class, with random control points,
/// rotation, shear, scale, position, width, blur and noise. The same seed gives the same digits; test digits come from
/// other random numbers than training digits. Classes come in turn: 0, 1, ... 9, 0, ...
DataSet drawDigits(int64_t trainCount, int64_t testCount, uint64_t seed);

} // namespace fovea::training

#endif
