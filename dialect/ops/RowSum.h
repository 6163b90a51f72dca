// Sums along a row inside a kernel.
#pragma once

#include "dialect/Ops.h"

namespace fovea {

/// Marks a sum over the last dimension, kept with size 1, as computed row by row beside what its kernel is built
/// around: it is no anchor there.
constexpr llvm::StringLiteral rowSumAttribute = "fovea.row";

/// Whether the op goes through rows of its first result's shape one by one, so that sums of such rows can be computed
/// beside it.
inline bool isRowAnchor(mlir::Operation *op) { return mlir::isa<SoftmaxOp, LogSoftmaxOp, LayerNormOp, RmsNormOp>(op); }

/// Whether an op can be computed so.
bool canBeRowSum(mlir::Operation *op);
/// Whether it is marked so.
inline bool isRowSum(mlir::Operation *op) { return op->hasAttr(rowSumAttribute) && canBeRowSum(op); }

} // namespace fovea
