// The buffer plan: every value of every entry point gets a place, in the state region or the arena.
#pragma once

#include "dialect/Ops.h"
#include "dialect/Shape.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace fovea {

/// Byte offsets within a region are multiples of this.
constexpr int64_t bufferAlignment = 64;

/// Bytes of an element in memory.
int64_t elementBytes(mlir::Type element);

/// Gives every fovea.state its offset in the state region: one kind after another, and in each kind what belongs to
/// parameters that are trained alike together, otherwise in the order of the module.
void planState(mlir::ModuleOp module);

/// Turns launches over tensors into launches over buffers. Results that outlive the call go to the state or to buffers
/// that the function now takes; the rest live in the arena, at offsets that are reused. Sets the function's
/// `fovea.arena`, the arena's bytes as a #fovea.dims of one size.
LogicalResult planFunction(mlir::func::FuncOp function);

} // namespace fovea
