// Every op of the dialect, by family.
#pragma once

#include "dialect/Fovea.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

#define GET_OP_CLASSES
#include "dialect/ops/Attention.h.inc"
#define GET_OP_CLASSES
#include "dialect/ops/BatchNorm.h.inc"
#define GET_OP_CLASSES
#include "dialect/ops/Contraction.h.inc"
#define GET_OP_CLASSES
#include "dialect/ops/Elementwise.h.inc"
#define GET_OP_CLASSES
#include "dialect/ops/Gather.h.inc"
#define GET_OP_CLASSES
#include "dialect/ops/Kernel.h.inc"
#define GET_OP_CLASSES
#include "dialect/ops/Program.h.inc"
#define GET_OP_CLASSES
#include "dialect/ops/Random.h.inc"
#define GET_OP_CLASSES
#include "dialect/ops/Reduce.h.inc"
#define GET_OP_CLASSES
#include "dialect/ops/Rows.h.inc"
#define GET_OP_CLASSES
#include "dialect/ops/Score.h.inc"
#define GET_OP_CLASSES
#include "dialect/ops/Sort.h.inc"
#define GET_OP_CLASSES
#include "dialect/ops/Views.h.inc"
#define GET_OP_CLASSES
#include "dialect/ops/Windows.h.inc"

namespace fovea {
#define FOVEA_FAMILY(NAME) void register##NAME(FoveaDialect &dialect);
#include "dialect/Families.inc"
#undef FOVEA_FAMILY
} // namespace fovea
