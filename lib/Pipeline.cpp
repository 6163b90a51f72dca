// THE list of passes.
#include "lib/Pipeline.h"
#include "lib/Passes.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace fovea {

static constexpr llvm::StringLiteral names[] = {"model", "grad", "optimized", "kernels", "schedule", "stmt",
                                                "llvm",  "asm",  "ptx",       "object",  "archive", "shared"};

std::optional<Stage> parseStage(StringRef name) {
  for (auto [index, known] : llvm::enumerate(names))
    if (name == known) return Stage(index);
  return std::nullopt;
}

StringRef stageName(Stage stage) { return names[int(stage)]; }

std::string stageNames() { return llvm::join(std::begin(names), std::end(names), ", "); }

FailureOr<Stage> stageOf(ModuleOp module) {
  auto name = module->getAttrOfType<StringAttr>("fovea.stage");
  if (!name) return Stage::model;
  std::optional<Stage> stage = parseStage(name.getValue());
  if (!stage || *stage > Stage::kernels)
    return module.emitError("fovea.stage is '") << name.getValue() << "': it must be model, grad, optimized or kernels",
           failure();
  return *stage;
}

void addPasses(PassManager &manager, Stage from, Stage to, const PipelineOptions &options) {
  auto runs = [&](Stage stage) { return from < stage && stage <= to; };
  if (runs(Stage::grad)) {
    manager.addPass(createRewritePass()); // those that hold in both directions
    manager.addPass(createGradPass({options.inferenceOnly}));
  }
  if (runs(Stage::optimized)) manager.addPass(createRewritePass());
  if (runs(Stage::kernels)) {
    manager.addPass(createWidenPass());
    manager.addPass(createPackParametersPass({options.target}));
    manager.addPass(createKernelsPass({options.target}));
  }
}

} // namespace fovea
