// Sums along a row inside a kernel.
#pragma once

#include "dialect/Ops.h"

namespace fovea {

/// Marks a sum over the last dimension, kept with size 1, as computed row by row beside what its kernel is built around:
/// it is no anchor there.
constexpr llvm::StringLiteral rowSumAttribute = "fovea.row";

/// Whether an op can be computed so.
bool canBeRowSum(mlir::Operation *op);
/// Whether it is marked so.
inline bool isRowSum(mlir::Operation *op) { return op->hasAttr(rowSumAttribute) && canBeRowSum(op); }

} // namespace fovea
