// The passes of Fovea. Pipeline.h has their order.
#pragma once

#include "dialect/Fovea.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace fovea {
#define GEN_PASS_DECL
#include "lib/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "lib/Passes.h.inc"
} // namespace fovea
