// From a module at any stage to native files: the whole of emit.
#pragma once

#include "lib/Pipeline.h"
#include "lib/emit/HostProgram.h"
#include "lib/emit/Link.h"

#include "mlir/Support/Timing.h"

namespace fovea {

struct CompileOptions {
  std::string name;    // of the model: prefix of its symbols and stem of its files
  std::string targets; // joined by '+'; empty: what the module was cut for, else host
  bool checks = false; // kernels keep Halide's bounds checks
  bool inferenceOnly = false;
  std::string cache;     // a folder; empty: none
  std::string schedules; // a file of schedules for kernels (lib/kernels/schedule/ScheduleFile.h); empty: none
  unsigned threads = 0;  // that compile kernels; 0: as many as the machine runs
  mlir::Timer timer;     // takes the times of the stages, if it is one

  mlir::TimingScope time(StringRef stage) const { return mlir::Timer(timer).nest(stage); }
};

/// A model as objects, not yet linked.
struct CompiledModel {
  Interface interface;
  std::vector<TargetProgram> programs; // best first
  std::string host;                    // the host program's object
};

/// Paths of the files that were written; those that were not asked for are empty.
struct Artefacts {
  std::vector<std::string> objects;
  std::string header, archive, shared;
  uint64_t codeBytes = 0; // of machine code in the archive or shared library
};

/// The targets to compile a module for, by the list of CompileOptions. A module at the kernels stage allows only its
/// own.
mlir::FailureOr<SmallVector<Target>> targetsOf(mlir::ModuleOp module, StringRef list);

/// Copies of the module at the kernels stage, one for each target. `module` is left at the optimized stage, or later.
mlir::FailureOr<std::vector<TargetProgram>> cutIntoKernels(mlir::ModuleOp module, const CompileOptions &options);

/// Gives the kernels of a module that was cut for `target` the schedules that a file has for them; without a path,
/// nothing.
mlir::LogicalResult applySchedules(mlir::ModuleOp module, const Target &target, StringRef path);

/// A kernel's code, from the cache or into it.
mlir::FailureOr<KernelCode> compileOneKernel(KernelOp kernel, const Target &target, const CompileOptions &options);

/// Runs the passes, compiles every kernel and the host program.
mlir::FailureOr<CompiledModel> compileModel(mlir::ModuleOp module, const CompileOptions &options);

/// What a library of the model is linked from: the kernels, each once, the host program and the runtime.
std::vector<ObjectFile> objectsOf(const CompiledModel &model, bool checks);

/// Writes NAME.h and, by the stage, all objects, NAME.a or NAME.so, into a folder.
llvm::Expected<Artefacts> writeArtefacts(const CompiledModel &model, const CompileOptions &options, Stage stage,
                                         StringRef folder);

} // namespace fovea
