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
