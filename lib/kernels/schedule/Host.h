// Schedules of kernels that run on a processor, by kind of anchor: register tiles from its vector registers, tasks of
// some tens of microseconds for its threads.
#pragma once

#include "dialect/Ops.h"
#include "lib/kernels/Target.h"
#include "lib/kernels/schedule/Convolution.h"

namespace fovea {

ScheduleAttr productSchedule(MatmulOp op, const Target &target);
/// Of attention, its gradient or its map.
ScheduleAttr attentionSchedule(mlir::Operation *op, const Target &target);
/// Of a convolution with a result of this type, or of its gradient for the input.
ScheduleAttr convolutionSchedule(const FlatConvolution &flat, RankedTensorType result, const Target &target);
ScheduleAttr weightGradientSchedule(Conv2dWeightGradOp grad, const Target &target);

/// The loop orders of schedules on a processor.
SmallVector<StringRef> hostLoopOrders(KernelOp kernel);

/// Rows of a register tile of so many vectors: accumulators fill the registers but for a vector of one operand and an
/// element of the other.
int64_t mostRows(int64_t vectors, const Target &target);

/// Whether every query may see every key.
bool goesThroughAllKeys(AttentionOp op);

/// How a convolution over flat images goes, for the anchors that have one.
std::optional<FlatConvolution> flatConvolution(mlir::Operation *anchor);

inline int64_t elementBits(RankedTensorType type) { return std::max<int64_t>(8, type.getElementTypeBitWidth()); }

} // namespace fovea
