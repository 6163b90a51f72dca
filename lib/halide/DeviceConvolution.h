// Convolutions and their gradients on a device: products over the elements of windows.
#pragma once

#include "lib/halide/Lowering.h"

namespace fovea {

void lowerOnDevice(Conv2dOp op, KernelLowering &kernel);
void lowerOnDevice(Conv2dInputGradOp op, KernelLowering &kernel);
void lowerOnDevice(Conv2dWeightGradOp op, KernelLowering &kernel);

} // namespace fovea
