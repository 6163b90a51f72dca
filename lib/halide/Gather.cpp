// Lookups by index, and updates by index.
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

/// Where the indices at `index` point to.
struct Place {
  std::vector<Expr> at; // within x, for each of the axes
  Expr inside = Halide::Internal::const_true();

  Place(KernelLowering &kernel, ValueRange indices, Coordinates index, Value x, int64_t axis) {
    for (auto [d, each] : llvm::enumerate(indices)) {
      Expr position = kernel.load(each, index), extent = kernel.extent(x, axis + (int64_t)d);
      inside = inside && position >= 0 && position < Halide::cast(position.type(), extent);
      at.push_back(clamp(Halide::cast<int32_t>(position), 0, extent - 1));
    }
  }
};

struct GatherLowering : PointLowering::ExternalModel<GatherLowering, GatherOp> {
  Expr lowerPoint(Operation *op, KernelLowering &kernel, Coordinates at) const {
    auto gather = cast<GatherOp>(op);
    int64_t axis = gather.getAxis(), batch = gather.getBatch(), count = gather.getIndices().size(),
            own = cast<RankedTensorType>(gather.getIndices()[0].getType()).getRank() - batch;
    std::vector<Expr> index(at.begin(), at.begin() + batch), from(at.begin(), at.begin() + axis);
    index.insert(index.end(), at.begin() + axis, at.begin() + axis + own);
    Place place(kernel, gather.getIndices(), index, gather.getX(), axis);
    from.insert(from.end(), place.at.begin(), place.at.begin() + count);
    from.insert(from.end(), at.begin() + axis + own, at.end());
    Expr element = kernel.load(gather.getX(), from);
    Halide::Type type = element.type();
    bool none = type.is_float() && !gather.getZeroOutside();
    return select(place.inside, element, none ? math::nan(type) : Halide::Internal::make_zero(type));
  }
};

struct OneHotLowering : PointLowering::ExternalModel<OneHotLowering, OneHotOp> {
  Expr lowerPoint(Operation *op, KernelLowering &kernel, Coordinates at) const {
    auto oneHot = cast<OneHotOp>(op);
    Expr index = kernel.load(oneHot.getIndices(), at.drop_back());
    return math::convert(kernel.type(oneHot.getType().getElementType()), index == Halide::cast(index.type(), at.back()),
                         kernel.onDevice());
  }
};

/// The updates one after another, for all elements that share their index in vectors and among threads.
class Scatter {
public:
  Scatter(ScatterOp op, KernelLowering &kernel)
      : op(op), kernel(kernel), axis(op.getAxis()), count(op.getIndices().size()),
        vars(kernel.variables(op.getType().getRank())) {}

  void lower() {
    Func result = kernel.func("scatter");
    std::vector<Expr> own(vars.begin(), vars.end());
    result(kernel.reversed(vars)) = kernel.load(op.getX(), own);
    auto shape = kernel.extents(cast<RankedTensorType>(op.getIndices()[0].getType()));
    // Row-major: the last index is the innermost loop.
    std::vector<Expr> extents(shape.begin() + op.getBatch(), shape.end());
    std::reverse(extents.begin(), extents.end());
    if (extents.empty()) extents.push_back(1);
    int segments = kernel.onDevice() ? (int)kernel.schedule().getChunks() : 1;
    size_t dimensions = extents.size();
    if (segments > 1) extents.push_back(segments);
    RDom r = kernel.reduction("r", extents);
    std::vector<Expr> index(own.begin(), own.begin() + op.getBatch()), from(own.begin(), own.begin() + axis);
    for (size_t d = shape.size() - op.getBatch(); d-- > 0;) {
      index.push_back(r[d]);
      from.push_back(r[d]);
    }
    from.insert(from.end(), own.begin() + axis + count, own.end());
    Place place(kernel, op.getIndices(), index, op.getX(), axis);
    if (segments > 1) { // each of its own places
      Expr flat = 0;
      for (auto [d, at] : llvm::enumerate(place.at)) flat = flat * kernel.extent(op.getX(), axis + (int64_t)d) + at;
      r.where(flat % segments == r[dimensions]);
    }
    std::vector<Expr> to = own;
    std::copy(place.at.begin(), place.at.end(), to.begin() + axis);
    to = kernel.reversed(to);
    Expr old = result(to), update = kernel.load(op.getUpdates(), from);
    result(to) = atEach(r, select(place.inside, combined(old, update), old));
    kernel.yieldDirectly(op.getResult(), result);
    schedule(result, r);
  }

private:
  Expr combined(const Expr &old, const Expr &update) {
    StringRef reduction = op.getReduction();
    if (reduction == "assign") return update;
    if (reduction == "add") return old + update;
    if (reduction == "multiply") return old * update;
    return reduction == "maximum" ? math::maximum(old, update) : math::minimum(old, update);
  }

  void schedule(Func result, const RDom &r) {
    int lanes = kernel.schedule().getVector();
    auto tail = Halide::TailStrategy::GuardWithIf;
    bool parallel = kernel.schedule().getLoops().starts_with("R");
    for (auto [var, extent] : llvm::zip_equal(vars, kernel.extents(op.getType()))) result.bound(var, 0, extent);
    if (kernel.onDevice()) {
      elementPerThread(result);
      kernel.schedule().getChunks() > 1 ? scheduleSegments(result.update(), r[r.dimensions() - 1])
                                        : void(elementPerThread(result.update()));
      return;
    }
    if (!vars.empty()) result.vectorize(vars.back(), lanes, tail);
    if (vars.size() > 1 && parallel) result.parallel(vars.front());
    // From the inside out: elements of a row in lanes, the updates, and what else they have in common.
    Halide::Stage update = result.update();
    std::vector<Halide::VarOrRVar> loops;
    std::vector<Var> common;
    if (axis + count < (int64_t)vars.size()) {
      Var run("run");
      update.split(vars.back(), run, vars.back(), lanes, tail).vectorize(vars.back());
      loops.push_back(vars.back());
      common.push_back(run);
    }
    for (int d = 0; d < r.dimensions(); ++d) loops.push_back(r[d]);
    for (auto d = (int64_t)vars.size() - 2; d >= 0; --d)
      if (d < axis || d >= axis + count) common.push_back(vars[d]);
    if (common.empty()) {
      update.unscheduled();
      return;
    }
    loops.insert(loops.end(), common.begin(), common.end());
    update.reorder(loops);
    if (parallel) update.parallel(common.back());
  }

  /// Of which no two have a place in common.
  void scheduleSegments(Halide::Stage update, const Halide::RVar &segment) {
    update.allow_race_conditions();
    if (axis || axis + count < (int64_t)vars.size()) {
      Var thread = elementPerThread(update), block("device_block");
      update.reorder(thread, block, segment).gpu_blocks(segment);
      return;
    }
    Halide::RVar block("segments_block"), thread("segments_thread");
    update.split(segment, block, thread, 64).gpu_blocks(block).gpu_threads(thread);
  }

  ScatterOp op;
  KernelLowering &kernel;
  int64_t axis, count;
  std::vector<Var> vars;
};

struct ScatterLowering : AnchorLowering::ExternalModel<ScatterLowering, ScatterOp> {
  LogicalResult lowerAnchor(Operation *op, KernelLowering &kernel) const {
    Scatter(cast<ScatterOp>(op), kernel).lower();
    return success();
  }
};

} // namespace

void registerGatherLowerings(MLIRContext *context) {
  GatherOp::attachInterface<GatherLowering>(*context);
  OneHotOp::attachInterface<OneHotLowering>(*context);
  ScatterOp::attachInterface<ScatterLowering>(*context);
}

} // namespace fovea
