// The entry points of training, made with reverse-mode differentiation, and modes.
#pragma once

#include "dialect/Ops.h"
#include "dialect/Shape.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace fovea {

/// Puts the values of custom_vjp in place of its results.
void resolveRules(mlir::func::FuncOp function);
/// Removes dropout and custom gradient rules from a function; batch_norm reads its running statistics.
void resolveInference(mlir::func::FuncOp function);
/// Gives every random op of a function its key, drawn from the states `seed` and `draws`; batch_norm computes its
/// statistics and updates the running ones. Returns how many random ops there are.
int64_t resolveTraining(mlir::func::FuncOp function);

/// Builds `@update(rate, scale)` for the trained parameters of the module, with the optimizer's state: gradients times
/// `scale`, less the loss scale, are clipped and applied with learning rate `rate`, and gradients become zero.
void buildUpdate(mlir::ModuleOp module, OptimizerAttr optimizer, mlir::Type element);

} // namespace fovea
