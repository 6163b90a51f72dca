// Chooses a schedule for every kernel from its shapes and the target.
#pragma once

#include "dialect/Ops.h"
#include "lib/kernels/Target.h"

namespace fovea {

ScheduleAttr chooseSchedule(KernelOp kernel, const Target &target);

} // namespace fovea
