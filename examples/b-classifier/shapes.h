// A stand-in for CIFAR-10: coloured shapes on gradients with noise, drawn by a procedure.
#pragma once

#include "training/Images.h"

namespace classifier {

/// Images of 32 x 32 in ten classes, each a shape in a range of hues, of any size and place: the background says
/// nothing of the class. The same seed gives the same images; classes come in turn.
fovea::training::DataSet drawShapes(int64_t trainCount, int64_t testCount, uint64_t seed);

} // namespace classifier
