// Registers the dialects and passes that Fovea's tools work with, once for all of them.
#pragma once

#include "dialect/Fovea.h"
#include "lib/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace fovea {

inline void registerDialects(mlir::DialectRegistry &registry) {
  registry.insert<FoveaDialect, mlir::func::FuncDialect>();
}

} // namespace fovea
