// Reverse-mode differentiation and the entry points made with it.
#pragma once

#include "dialect/Ops.h"
#include "dialect/Shape.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace fovea {

/// The gradients of `loss` (rank 0) times `seed` (of its type; 1 if null) with respect to `inputs`, which are all in
/// its block, built at the builder's place after it. Zero gradients are explicit. Fails with a diagnostic where an op
/// on the path has no gradient rule.
mlir::FailureOr<SmallVector<Value>> buildGradients(mlir::OpBuilder &builder, Value loss, ArrayRef<Value> inputs,
                                                   Value seed = {});

/// Sums a cotangent over the dimensions along which a value of `type` was repeated.
Value unbroadcast(mlir::OpBuilder &builder, mlir::Location location, Value cotangent, RankedTensorType type);

/// Removes dropout from a function; batch_norm reads its running statistics.
void resolveInference(mlir::func::FuncOp function);
/// Gives every random op of a function its key, drawn from the states `seed` and `draws`; batch_norm computes its
/// statistics and updates the running ones. Returns how many random ops there are.
int64_t resolveTraining(mlir::func::FuncOp function);

/// Builds `@update(rate, scale)` for the trained parameters of the module, with the optimizer's state: gradients times
/// `scale`, less the loss scale, are clipped and applied with learning rate `rate`, and gradients become zero.
void buildUpdate(mlir::ModuleOp module, OptimizerAttr optimizer, mlir::Type element);

} // namespace fovea
