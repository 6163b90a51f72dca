// Schedules of kernels that run on a device: blocks of threads in place of tasks and vectors.
#pragma once

#include "dialect/Ops.h"
#include "lib/kernels/Target.h"

namespace fovea {

/// `Bt`: blocks of `task` threads over all elements, each of which takes `vector` of them; of a scatter's places,
/// `chunks` segments. `Rt`: blocks of `rows` rows, each shared by a multiple of `vector` threads, which meet in memory
/// of their block; `Rl`: by the `vector` lanes of a warp, which meet in registers (CUDA only). `Crt`: sums of columns
/// in `chunks` parts, which are added `depth` at a time. `MNkmn`: products in blocks of `task` rows and `width`
/// columns, whose operands are staged `depth` terms at a time; a thread has `rows` and `columns` of a block's; the sum
/// is cut into `chunks`. `BIjd`: attention in blocks of `task` queries that go through panels of `columns` keys, shared
/// by `width` threads across and `task / rows` down.
ScheduleAttr chooseDeviceSchedule(KernelOp kernel, const Target &target);

/// The loop orders of schedules on devices.
SmallVector<StringRef> deviceLoopOrders(KernelOp kernel, const Target &target);

/// Threads that exchange values without memory.
constexpr int64_t warpLanes = 32;
/// The longest row that a warp takes, whose lanes have its elements in registers.
constexpr int64_t longestInLanes = 1024;
/// Where "Rl" is no order.
constexpr llvm::StringLiteral whyNotLanes = "; only CUDA has lanes, for rows of a constant number of elements of 32 "
                                            "bits, at most 1024, in tensors of more than "
                                            "one row";

/// Whether an anchor is a product of two operands over a sum: of matrices, or a convolution or its gradients.
bool isProduct(mlir::Operation *anchor);

} // namespace fovea
