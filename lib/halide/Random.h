// Draws inside other lowerings.
#pragma once

#include "lib/halide/Lowering.h"

namespace fovea {

/// The number in [0, 1) that random_uniform draws at these coordinates of a tensor with these extents.
Halide::Expr randomUniform(KernelLowering &kernel, Value key, ArrayRef<Halide::Expr> extents, Coordinates at,
                           Halide::Type type);

} // namespace fovea
