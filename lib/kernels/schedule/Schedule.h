// Chooses a schedule for every kernel from its shapes and the target, and says which schedules a kernel can have.
#pragma once

#include "dialect/Ops.h"
#include "lib/kernels/Target.h"

#include "mlir/IR/BuiltinOps.h"

namespace fovea {

ScheduleAttr chooseSchedule(KernelOp kernel, const Target &target);

/// For about this many tasks of a product threads have even shares.
constexpr int64_t fairTasks = 16;

/// A dimension's size, or a typical one where it is symbolic.
int64_t sizeOr(RankedTensorType type, int64_t d, int64_t typical);

/// The axes that a sum, a product or a maximum goes over; of another op, none.
llvm::ArrayRef<int64_t> reducedAxes(mlir::Operation *anchor);

/// The columns of a product's register tile, which is the width of the panels that its weight is packed in.
int64_t panelColumns(int64_t columns, int64_t bits, const Target &target);

/// Vectors of columns in a register tile of attention's result, where rows of that are so many vectors: AVX-512 has
/// registers for four, AVX2 for two, beside some rows. Those that no such number divides stay together if they can.
int64_t resultVectors(int64_t vectors, const Target &target);

/// The loop orders that the kernel's lowering knows, the usual one first. Each letter stands as it is there, but that a
/// capital, a loop that threads share, may be small: then they do not. What stands in brackets may be left out.
SmallVector<StringRef> loopOrders(KernelOp kernel, const Target &target);

/// Whether the kernel has a schedule that its lowering can follow; emits a diagnostic where not.
mlir::LogicalResult checkSchedule(KernelOp kernel, const Target &target);

/// Whether every kernel has a schedule that its lowering can follow; for schedules that were edited by hand.
mlir::LogicalResult checkSchedules(mlir::ModuleOp module);

} // namespace fovea
