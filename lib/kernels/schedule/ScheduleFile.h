// Measured schedules as a text file, one line for each kernel on a target:
//
//     fovea schedules 1
//     6b0f3d5c... x86-64-v4 #fovea.schedule<"MNnmkn", rows = 8, ...> // matmul_27: 3610.7 us before, 2900.1 us now
//
// Lines may be empty, and end with a comment or be one.
#pragma once

#include "lib/kernels/Target.h"

#include "dialect/Ops.h"

#include <map>

namespace fovea {

/// A hash of what a kernel computes, in which types and layouts, whatever its name and schedule.
std::string kernelKey(KernelOp kernel);

class ScheduleFile {
public:
  /// Emits a diagnostic at the line that is wrong.
  static mlir::FailureOr<ScheduleFile> read(StringRef path, mlir::MLIRContext *context);
  /// An empty one, where there is no file yet.
  static mlir::FailureOr<ScheduleFile> readOrMake(StringRef path, mlir::MLIRContext *context);

  /// Gives the kernels of a module that was cut for `target` their schedules. Emits a diagnostic where a kernel cannot
  /// have its one, and a warning where no kernel has any.
  mlir::LogicalResult apply(mlir::ModuleOp module, const Target &target) const;

  /// Replaces the line of a kernel, or adds one.
  void set(StringRef kernel, StringRef target, ScheduleAttr schedule, StringRef comment);
  std::string text() const;

private:
  struct Line {
    std::string text;
    ScheduleAttr schedule; // null in comments
  };
  using Key = std::pair<std::string, std::string>; // kernel, target

  ScheduleFile(StringRef path, mlir::MLIRContext *context) : path(path.str()), context(context) {}
  mlir::InFlightDiagnostic error(size_t line) const;
  mlir::LogicalResult add(StringRef text);

  std::string path;
  mlir::MLIRContext *context;
  std::vector<Line> lines; // after the first
  std::map<Key, size_t> known;
};

} // namespace fovea
