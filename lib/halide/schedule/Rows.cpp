// The schedule of everything that goes over rows of the last dimension.
#include "lib/halide/Prefetch.h"
#include "lib/halide/RowReduction.h"
#include "lib/halide/schedule/Device.h"

using Halide::Expr;
using Halide::TailStrategy;
using Halide::Var;

namespace fovea {

/// `Rn`: R is all dimensions but the last, in one loop; a capital shares it among threads, `task` rows at a time.
/// Stages of a row are computed for `rows` of them.
static Var scheduleOnHost(Output &output, ScheduleAttr schedule, bool vectorize) {
  std::vector<Var> vars = output.vars;
  if (vars.empty()) return Var();
  int64_t lanes = schedule.getVector();
  Halide::Stage stage = output.stage();
  bool parallel = schedule.getLoops().starts_with("R");
  Var column = vars.back(), lane("lane"), outer("task"), row("row");
  std::optional<int64_t> width = constantOf(output.extents.back());
  if (vars.size() == 1) {
    // One row: tasks are runs of vectors.
    int64_t run = std::max<int64_t>(lanes, schedule.getTask() * (vectorize ? lanes : 1));
    if (vectorize && (!width || *width > 1)) {
      stage.split(column, row, lane, (int)lanes, output.tail(output.extents[0], lanes)).vectorize(lane);
      if (!width || *width > run)
        stage.split(row, outer, row, (int)std::max<int64_t>(1, run / lanes), TailStrategy::GuardWithIf);
    } else {
      row = column;
      if (!width || *width > run) stage.split(row, outer, row, (int)run, TailStrategy::GuardWithIf);
    }
    if (parallel && (!width || *width > run)) stage.parallel(outer);
    return row;
  }
  if (vectorize && (!width || *width > 1))
    stage.split(column, column, lane, (int)lanes, output.tail(output.extents.back(), lanes)).vectorize(lane);
  Var rows = vars[vars.size() - 2], each("each");
  int64_t together = schedule.getRows();
  if (together > 1) stage.split(rows, rows, each, (int)together, TailStrategy::GuardWithIf);
  for (int64_t d = (int64_t)vars.size() - 3; d >= 0; --d) {
    Var fused("rows" + std::to_string(d));
    stage.fuse(rows, vars[d], fused);
    rows = fused;
  }
  int64_t task = std::max<int64_t>(1, schedule.getTask() / together);
  stage.split(rows, outer, row, (int)task, TailStrategy::GuardWithIf);
  if (parallel) stage.parallel(outer);
  return row;
}

Var scheduleElementwise(KernelLowering &kernel, bool vectorize) {
  Output &output = kernel.output();
  ScheduleAttr schedule = kernel.schedule();
  if (!kernel.onDevice()) return scheduleOnHost(output, schedule, vectorize);
  if (sharesByLanes(kernel)) return blockPerRows(kernel, output.stage(), output.vars, (int)schedule.getVector());
  if (schedule.getLoops() == "Rt" && output.vars.size() > 1)
    return blockPerRows(kernel, output.stage(), output.vars, partialResults(kernel, output.extents.back()));
  // In OpenCL C Halide has no vectors of booleans from math's comparisons.
  bool byOne = kernel.target.device == Device::opencl;
  return elementPerThread(output.stage(), schedule.getLoops() == "Bt" ? (int)schedule.getVector() : 1, byOne);
}

/// What comes after is fetched while a row is computed; or a vector, where `row` goes through those of one.
static void prefetchAfter(KernelLowering &kernel, const Var &row) {
  Output &output = kernel.output();
  kernel.addPass(std::make_unique<PrefetchRows>(output.func.name() + ".s", "." + row.name(),
                                                elementCount(output.extents), kernel.target.fetchesToWrite()));
}

Var scheduleRows(KernelLowering &kernel) {
  Var row = scheduleElementwise(kernel);
  if (!kernel.onDevice() && !kernel.output().vars.empty()) prefetchAfter(kernel, row);
  kernel.placeRowSums(row);
  return row;
}

void computeWithRows(KernelLowering &kernel, Halide::Func stage, const Var &each, const Var &row) {
  int rows = (int)kernel.schedule().getRows();
  stage.compute_at(kernel.output().func, row);
  if (sharesByLanes(kernel)) { // by the first lane
    Var first("first_lane");
    stage.bound_extent(each, 1).split(each, each, first, 1).gpu_lanes(first);
    return;
  }
  if (kernel.onDevice()) stage.gpu_threads(each);
  if (rows > 1) stage.bound_storage(each, rows); // Halide finds no bound where sizes are symbolic
}

void sumInto(KernelLowering &kernel, Value result, const std::string &name, const Expr &element, bool root) {
  std::vector<Var> vars = kernel.reversed(kernel.variables(mlir::cast<RankedTensorType>(result.getType()).getRank()));
  Halide::Func sum = kernel.func(name);
  sum(vars) = Halide::Internal::make_zero(element.type());
  sum(vars) += element;
  kernel.bind(result, sum);
  Output &output = kernel.output();
  int lanes = kernel.schedule().getVector();
  Var row = scheduleElementwise(kernel);
  if (kernel.onDevice()) {
    sum.compute_at(output.func, row);
    return;
  }
  if (root) {
    sum.compute_root();
    if (kernel.schedule().getLoops().starts_with("R")) sum.parallel(vars.back()).update().parallel(vars.back());
    return;
  }
  auto tail = TailStrategy::GuardWithIf;
  sum.compute_at(output.func, row).vectorize(vars[0], lanes, tail).update().vectorize(vars[0], lanes, tail);
}

} // namespace fovea
