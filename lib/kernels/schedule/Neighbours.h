// The schedules that differ from a kernel's in one thing, for a tuner to try.
#pragma once

#include "dialect/Ops.h"
#include "lib/kernels/Target.h"

namespace fovea {

/// Those that the kernel's lowering can follow, always in the same order.
SmallVector<ScheduleAttr> neighbours(KernelOp kernel, const Target &target);

} // namespace fovea
