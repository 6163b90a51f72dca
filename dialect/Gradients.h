// Reverse-mode differentiation of straight-line code.
#pragma once

#include "dialect/Ops.h"
#include "dialect/Shape.h"

namespace fovea {

/// The gradients of `loss` (rank 0) times `seed` (of its type; 1 if null) with respect to `inputs`, which are all in
/// its block, built at the builder's place after it. Zero gradients are explicit. Fails with a diagnostic where an op
/// on the path has no gradient rule.
mlir::FailureOr<SmallVector<Value>> buildGradients(mlir::OpBuilder &builder, Value loss, ArrayRef<Value> inputs,
                                                   Value seed = {});

/// Sums a cotangent over the dimensions along which a value of `type` was repeated.
Value unbroadcast(mlir::OpBuilder &builder, mlir::Location location, Value cotangent, RankedTensorType type);

} // namespace fovea
