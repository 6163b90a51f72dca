// Schedules of kernels that run on a device: blocks of threads in place of tasks and vectors.
#pragma once

#include "dialect/Ops.h"
#include "lib/kernels/Target.h"

namespace fovea {

/// `Bt`: blocks of `task` threads over all elements, each of which takes `vector` of them. `Rt`: blocks of `rows` rows,
/// each shared by a multiple of `vector` threads. `Crt`: sums of columns in `chunks` parts. `MNkmn`: products in blocks
/// of `task` rows and `width` columns, whose operands are staged `depth` terms at a time; a thread has `rows` and
/// `columns` of a block's; the sum is cut into `chunks`. `BIjd`: attention in blocks of `task` queries that go through
/// panels of `columns` keys, shared by `width` threads across and `task / rows` down.
ScheduleAttr chooseDeviceSchedule(KernelOp kernel, const Target &target);

/// The loop orders of schedules on devices.
SmallVector<StringRef> deviceLoopOrders(KernelOp kernel);

/// Whether an anchor is a product of two operands over a sum: of matrices, or a convolution or its gradients.
bool isProduct(mlir::Operation *anchor);

} // namespace fovea
