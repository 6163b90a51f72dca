// Sorting by counting: an element's place is the number of elements that come before it.
#include "lib/halide/Families.h"
#include "lib/halide/Math.h"
#include "lib/halide/schedule/Device.h"

using namespace mlir;
using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::Var;

namespace fovea {
namespace {

/// An integer in the order of x: of floats the bits, where those of negative numbers fall; zeros are equal, and NaN is
/// above all.
Expr sortKey(const Expr &x) {
  if (!x.type().is_float()) return x;
  Halide::Type type = Halide::Int(x.type().bits());
  Expr bits = reinterpret(type, x), below = type.max() ^ bits;
  return select(math::isNan(x), type.max(), x == Halide::Internal::make_zero(x.type()),
                Halide::Internal::make_zero(type), bits < 0, below, bits);
}

/// Sorts rows in the block that has the output's row, or, where one has no room, in the thread.
void sortInBlock(KernelLowering &kernel, Func key, Func place, Func indices, int extent) {
  constexpr int mostBytes = 1 << 15, mostThreads = 256;
  auto tail = Halide::TailStrategy::GuardWithIf;
  Output &output = kernel.output();
  int bytes = key.type().bytes() + place.type().bytes() + indices.type().bytes();
  if (extent * bytes > mostBytes) {
    Var thread = rowPerThread(output.stage(), output.vars);
    for (Func func : {key, place, indices}) func.compute_at(output.func, thread);
    return;
  }
  int threads = std::min(extent, mostThreads);
  Var block = blockPerRows(kernel, output.stage(), output.vars, threads);
  for (Func func : {key, place, indices}) {
    Var own = func.args()[0], lane("device_lane");
    func.compute_at(output.func, block).split(own, own, lane, threads, tail).reorder(own, lane).gpu_threads(lane);
  }
  Var own = place.args()[0], lane("device_lane");
  Halide::RVar term(place.rvars(0)[0]);
  place.update().split(own, own, lane, threads, tail).reorder(term, own, lane).gpu_threads(lane);
  // Each place is another element's.
  Halide::RVar from(indices.rvars(0)[0]), ofLane("device_lane");
  indices.update().allow_race_conditions().split(from, ofLane, from, (extent + threads - 1) / threads, tail);
  indices.update().gpu_threads(ofLane);
}

struct SortLowering : AnchorLowering::ExternalModel<SortLowering, SortOp> {
  LogicalResult lowerAnchor(Operation *operation, KernelLowering &kernel) const {
    auto op = cast<SortOp>(operation);
    RankedTensorType type = op.getX().getType();
    std::vector<Var> vars = kernel.variables(type.getRank()), row = kernel.reversed(vars);
    int extent = (int)type.getDimSize(type.getRank() - 1), lanes = kernel.schedule().getVector();
    auto at = [&](const Expr &j) {
      std::vector<Expr> result(row.begin(), row.end());
      result[0] = j;
      return result;
    };
    std::vector<Expr> own(vars.begin(), vars.end());
    Func key = kernel.func("key"), place = kernel.func("place"), indices = kernel.func("indices"),
         sorted = kernel.func("sorted");
    key(row) = sortKey(kernel.load(op.getX(), own));
    RDom k = kernel.reduction("k", {extent}), j = kernel.reduction("j", {extent});
    Expr other = key(at(k.x)), mine = key(row);
    Expr before = op.getDescending() ? other > mine : other < mine;
    place(row) = 0;
    place(row) += Halide::cast<int32_t>(before || (other == mine && k.x < row[0]));
    indices(row) = Halide::cast<int64_t>(0);
    indices(at(clamp(place(at(j.x)), 0, extent - 1))) = Halide::cast<int64_t>(j.x);
    std::vector<Expr> from(vars.begin(), vars.end());
    from.back() = clamp(Halide::cast<int32_t>(indices(row)), 0, extent - 1);
    sorted(row) = kernel.load(op.getX(), from);
    kernel.bind(op.getResult(), sorted);
    kernel.bind(op.getIndices(), indices);

    Output &output = kernel.output();
    if (kernel.onDevice() && vars.size() > 1) return sortInBlock(kernel, key, place, indices, extent), success();
    Var loop = scheduleElementwise(kernel);
    if (kernel.onDevice()) {
      for (const Func &func : {key, place, indices}) computeOnDevice(func);
      return success();
    }
    auto tail = Halide::TailStrategy::GuardWithIf;
    for (Func func : {key, place, indices}) vars.size() > 1 ? func.compute_at(output.func, loop) : func.compute_root();
    key.vectorize(row[0], lanes, tail);
    place.vectorize(row[0], lanes, tail).update().reorder(k.x, row[0]).vectorize(row[0], lanes, tail);
    indices.vectorize(row[0], lanes, tail).update().unscheduled();
    return success();
  }
};

} // namespace

void registerSortLowerings(MLIRContext *context) { SortOp::attachInterface<SortLowering>(*context); }

} // namespace fovea
