// Steps from one schedule to others nearby.
#include "lib/kernels/schedule/Neighbours.h"

#include "lib/kernels/schedule/Schedule.h"

using namespace mlir;

namespace fovea {
namespace {

/// A schedule whose sizes can be changed one by one.
struct Sizes {
  std::string loops;
  int64_t rows, columns, vector, task, chunks, width, depth;

  explicit Sizes(ScheduleAttr schedule)
      : loops(schedule.getLoops()), rows(schedule.getRows()), columns(schedule.getColumns()),
        vector(schedule.getVector()), task(schedule.getTask()), chunks(schedule.getChunks()),
        width(schedule.getWidth()), depth(schedule.getDepth()) {}
  ScheduleAttr get(MLIRContext *context) const {
    auto wrong = [&] { return emitError(UnknownLoc::get(context)); };
    if (failed(ScheduleAttr::verify(wrong, loops, rows, columns, vector, task, chunks, width, depth))) return {};
    return ScheduleAttr::get(context, loops, rows, columns, vector, task, chunks, width, depth);
  }
};

class Steps {
public:
  Steps(KernelOp kernel, const Target &target)
      : kernel(kernel), target(target), start(*kernel.getSchedule()), from(start) {}

  SmallVector<ScheduleAttr> run() {
    Operation *anchor = kernel.getAnchor();
    if (isa_and_nonnull<MatmulOp>(anchor)) {
      product();
      tiles();
    } else if (isa_and_nonnull<AttentionOp, AttentionGradOp, AttentionMapOp, Conv2dOp, Conv2dInputGradOp,
                               Conv2dWeightGradOp>(anchor)) {
      tiles();
      scale(&Sizes::task, {2, 3}, from.rows);
      if (!isa<AttentionOp, AttentionGradOp, AttentionMapOp>(anchor)) scale(&Sizes::chunks, {2, 3});
    } else {
      scale(&Sizes::task, {2, 4});
      scale(&Sizes::vector, {2});
      if (from.chunks > 1) scale(&Sizes::chunks, {2});
    }
    return std::move(steps);
  }

private:
  /// Keeps a schedule that is another one and can be followed.
  void add(const Sizes &sizes) {
    MLIRContext *context = kernel.getContext();
    ScopedDiagnosticHandler quiet(context, [](Diagnostic &) { return success(); });
    ScheduleAttr schedule = sizes.get(context);
    if (!schedule || schedule == start || llvm::is_contained(steps, schedule)) return;
    kernel.setScheduleAttr(schedule);
    if (succeeded(checkSchedule(kernel, target))) steps.push_back(schedule);
    kernel.setScheduleAttr(start);
  }

  /// A size times and divided by each of the factors, in whole units.
  void scale(int64_t Sizes::*size, ArrayRef<int64_t> factors, int64_t unit = 1) {
    for (int64_t factor : factors)
      for (int64_t value : {from.*size * factor, (from.*size + factor - 1) / factor}) {
        Sizes step = from;
        step.*size = llvm::alignTo(value, unit);
        add(step);
      }
  }

  /// Register tiles of other shapes: accumulators fit into the registers beside a row and an element.
  void tiles() {
    for (int64_t vectors = 1; vectors <= 4; ++vectors) {
      int64_t most = std::min<int64_t>(16, (target.vectorRegisters - vectors - 1) / vectors);
      for (int64_t rows : {most, most - 1, most / 2, from.rows}) {
        if (rows < 1 || rows > most) continue;
        Sizes step = from;
        step.rows = rows;
        step.columns = vectors * from.vector;
        step.width = llvm::alignTo(from.width, step.columns);
        if (from.width == 1) step.width = 1;
        add(step);
      }
    }
  }

  void product() {
    scale(&Sizes::task, {2, 3}, from.rows);
    scale(&Sizes::width, {2, 4}, from.columns);
    bool whole = StringRef(from.loops).starts_with("b"), cut = StringRef(from.loops).count('k') > 1;
    for (StringRef outer : {StringRef("MN"), StringRef("NM")})
      for (StringRef copies : {"", "b", "a", "ab"}) {
        Sizes step = from;
        step.loops = (outer + (cut ? "k" : "") + copies + "nmkn").str();
        add(step);
        if (copies.contains('b') || cut) continue;
        step.loops = "b" + step.loops;
        add(step);
      }
    for (int64_t depth : {256, 512, 1024}) {
      Sizes step = from;
      step.depth = depth;
      if (!cut) step.loops = (StringRef(from.loops).take_front(whole + 2) + "k" + from.loops.substr(whole + 2)).str();
      add(step);
    }
    if (!cut) return;
    Sizes step = from; // the sum at once
    step.depth = 1;
    step.loops.erase(whole + 2, 1);
    add(step);
  }

  KernelOp kernel;
  const Target &target;
  ScheduleAttr start;
  Sizes from;
  SmallVector<ScheduleAttr> steps;
};

} // namespace

SmallVector<ScheduleAttr> neighbours(KernelOp kernel, const Target &target) { return Steps(kernel, target).run(); }

} // namespace fovea
