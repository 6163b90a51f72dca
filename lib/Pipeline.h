// The list of passes, top to bottom, with the points where a compilation can stop.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

#include <optional>
#include <string>

namespace fovea {

/// Stop points, in order. Those up to `kernels` are modules, and can be fed back in.
enum class Stage { model, grad, optimized, kernels, schedule, stmt, llvm, assembly, ptx, object, archive, shared };

std::optional<Stage> parseStage(llvm::StringRef name);
llvm::StringRef stageName(Stage stage);
/// `model, grad, ...`, for messages.
std::string stageNames();

struct PipelineOptions {
  std::string target = "host"; // one target's name
  bool inferenceOnly = false;
};

/// The stage that a module says it is at (its attribute fovea.stage); `model` where it says nothing.
mlir::FailureOr<Stage> stageOf(mlir::ModuleOp module);

/// The passes that take a module from one stage to another, at most to `kernels`.
void addPasses(mlir::PassManager &manager, Stage from, Stage to, const PipelineOptions &options);

} // namespace fovea
