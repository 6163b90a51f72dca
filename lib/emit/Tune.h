// Measures other schedules of a model's slowest kernels on this machine, and keeps the fastest.
#pragma once

#include "lib/emit/Profile.h"
#include "lib/kernels/schedule/ScheduleFile.h"

namespace fovea {

struct TuneOptions {
  llvm::StringMap<int64_t> sizes;
  std::string path; // of the file of schedules, which is begun from, if it is there, and written to
  unsigned rounds = 32;
};

struct TunedKernel {
  std::string name;
  double before, after; // seconds of all launches when each entry point is called once
  ScheduleAttr schedule;
};

/// Each round measures the model as it is best now, and with another schedule for each of the slowest kernels; a last
/// comparison with what it was in the beginning decides. The file is written when all has been measured once, after
/// each round that made a kernel faster, and in the end, with the other lines as they were. Returns the kernels that
/// were tuned, the slowest first. The text of an error is empty where a diagnostic has told it.
llvm::Expected<std::vector<TunedKernel>> tune(mlir::ModuleOp module, CompileOptions options, const TuneOptions &tuning,
                                              llvm::function_ref<void(unsigned done)> progress);

} // namespace fovea
