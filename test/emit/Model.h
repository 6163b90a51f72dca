// A linear classifier, read from linear.mlir and cut into kernels.
#pragma once

#include "lib/emit/Compile.h"
#include "lib/halide/Lowering.h"
#include "tools/Register.h"

#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

namespace fovea {

struct LinearModel {
  LinearModel() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    registerLowerings(registry);
    context.appendDialectRegistry(registry);
    module = mlir::parseSourceFile<mlir::ModuleOp>(LINEAR_MODEL, &context);
    options.name = "linear";
    options.targets = "x86-64+x86-64-v3";
  }

  Interface interface() {
    auto programs = cutIntoKernels(*module, options);
    EXPECT_TRUE(succeeded(programs));
    kept = std::move(*programs);
    auto interface = interfaceOf(*kept.front().module, options.name);
    EXPECT_TRUE(succeeded(interface));
    return *interface;
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<TargetProgram> kept;
  CompileOptions options;
};

} // namespace fovea
