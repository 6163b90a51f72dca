// The kernels stage: partition, schedules, plan.
#include "lib/Check.h"
#include "lib/Passes.h"
#include "lib/kernels/MergeLaunches.h"
#include "lib/kernels/Partition.h"
#include "lib/kernels/Plan.h"
#include "lib/kernels/Widen.h"
#include "lib/kernels/schedule/Schedule.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace fovea {

#define GEN_PASS_DEF_KERNELSPASS
#include "lib/Passes.h.inc"

namespace {
struct KernelsPass : impl::KernelsPassBase<KernelsPass> {
  using KernelsPassBase::KernelsPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<Target> best = targetOf(module, target);
    if (failed(best)) return signalPassFailure();
    for (func::FuncOp function : module.getOps<func::FuncOp>())
      if (!function.isDeclaration() && failed(checkProgram(function))) return signalPassFailure();
    planState(module);
    for (func::FuncOp function : llvm::to_vector(module.getOps<func::FuncOp>())) {
      if (function.isDeclaration()) continue;
      // What nothing reads would be a kernel without results.
      for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.front())))
        if (isOpTriviallyDead(&op)) op.erase();
      Partition(function, *best).outline();
      if (failed(planFunction(function))) return signalPassFailure();
      mergeLaunches(function);
    }
    removeUnused(module);
    for (KernelOp kernel : module.getOps<KernelOp>()) dropRoundings(kernel);
    for (KernelOp kernel : module.getOps<KernelOp>()) kernel.setScheduleAttr(chooseSchedule(kernel, *best));
    module->setAttr("fovea.stage", StringAttr::get(module.getContext(), "kernels"));
    module->setAttr("fovea.target", StringAttr::get(module.getContext(), best->name));
  }

  /// Kernels that only launches over tensors used, before in-place forms replaced them.
  void removeUnused(ModuleOp module) {
    llvm::StringSet<> used;
    module.walk([&](LaunchOp launch) { used.insert(launch.getKernel()); });
    for (KernelOp kernel : llvm::make_early_inc_range(module.getOps<KernelOp>()))
      if (!used.contains(kernel.getSymName())) kernel.erase();
  }
};
} // namespace
} // namespace fovea
