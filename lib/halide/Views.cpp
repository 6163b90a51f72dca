// View ops as expressions: the operand at other coordinates.
#include "lib/halide/Families.h"
#include "lib/halide/Math.h"

using namespace mlir;
using Halide::Expr;

namespace fovea {
namespace {

struct BroadcastLowering : PointLowering::ExternalModel<BroadcastLowering, BroadcastOp> {
  Expr lowerPoint(Operation *op, KernelLowering &kernel, Coordinates at) const {
    return kernel.loadBroadcast(op->getOperand(0), at, cast<BroadcastOp>(op).getType());
  }
};

struct TransposeLowering : PointLowering::ExternalModel<TransposeLowering, TransposeOp> {
  Expr lowerPoint(Operation *op, KernelLowering &kernel, Coordinates at) const {
    auto transpose = cast<TransposeOp>(op);
    std::vector<Expr> from(at.size());
    for (auto [d, axis] : llvm::enumerate(transpose.getPermutation())) from[axis] = at[d];
    return kernel.load(transpose.getX(), from);
  }
};

struct SliceLowering : PointLowering::ExternalModel<SliceLowering, SliceOp> {
  Expr lowerPoint(Operation *op, KernelLowering &kernel, Coordinates at) const {
    auto slice = cast<SliceOp>(op);
    std::vector<Expr> from(at.begin(), at.end());
    from[slice.getAxis()] = from[slice.getAxis()] * (int)slice.getStep() + (int)slice.getStart();
    return kernel.load(slice.getX(), from);
  }
};

struct PadLowering : PointLowering::ExternalModel<PadLowering, PadOp> {
  Expr lowerPoint(Operation *op, KernelLowering &kernel, Coordinates at) const {
    auto pad = cast<PadOp>(op);
    int step = pad.getStep(), extent = pad.getX().getType().getDimSize(pad.getAxis());
    std::vector<Expr> from(at.begin(), at.end());
    Expr distance = at[pad.getAxis()] - (int)pad.getLow(), index = step == 1 ? distance : distance / step;
    from[pad.getAxis()] = clamp(index, 0, extent - 1);
    Expr inside = index >= 0 && index < extent;
    // Halide would take a vector apart by the step, and lanes that a tail turns off for zeros: also divisors.
    if (step != 1) inside = inside && math::opaque(distance) % step == 0;
    Expr element = kernel.load(pad.getX(), from);
    return select(inside, element, Halide::Internal::make_const(element.type(), pad.getValue().convertToDouble()));
  }
};

struct ConcatLowering : PointLowering::ExternalModel<ConcatLowering, ConcatOp> {
  Expr lowerPoint(Operation *op, KernelLowering &kernel, Coordinates at) const {
    auto concat = cast<ConcatOp>(op);
    int64_t axis = concat.getAxis(), start = 0;
    Expr result;
    for (Value input : concat.getInputs()) {
      int64_t extent = cast<RankedTensorType>(input.getType()).getDimSize(axis);
      std::vector<Expr> from(at.begin(), at.end());
      from[axis] = clamp(at[axis] - (int)start, 0, (int)extent - 1);
      Expr element = kernel.load(input, from);
      result = result.defined() ? select(at[axis] >= (int)start, element, result) : element;
      start += extent;
    }
    return result;
  }
};

struct PackLowering : PointLowering::ExternalModel<PackLowering, PackOp> {
  Expr lowerPoint(Operation *op, KernelLowering &kernel, Coordinates at) const {
    auto pack = cast<PackOp>(op);
    int64_t axis = pack.getPanels().getAxis(), size = pack.getPanels().getSize(),
            extent = pack.getX().getType().getDimSize(axis);
    Expr index = at.front() * (int)size + at.back();
    std::vector<Expr> from(at.begin() + 1, at.end() - 1);
    from.insert(from.begin() + axis, extent % size == 0 ? index : min(index, (int)extent - 1));
    return kernel.load(pack.getX(), from);
  }
};

struct UnpackLowering : PointLowering::ExternalModel<UnpackLowering, UnpackOp> {
  Expr lowerPoint(Operation *op, KernelLowering &kernel, Coordinates at) const {
    auto unpack = cast<UnpackOp>(op);
    int64_t axis = unpack.getPanels().getAxis();
    int size = (int)unpack.getPanels().getSize();
    std::vector<Expr> from(at.begin(), at.end());
    from.erase(from.begin() + axis);
    from.insert(from.begin(), at[axis] / size);
    from.push_back(at[axis] % size);
    return kernel.load(unpack.getX(), from);
  }
};

/// The operand's coordinates: runs of dimensions with equal products go together, so that most reshapes need no
/// division.
struct ReshapeLowering : PointLowering::ExternalModel<ReshapeLowering, ReshapeOp> {
  Expr lowerPoint(Operation *op, KernelLowering &kernel, Coordinates at) const {
    auto reshape = cast<ReshapeOp>(op);
    Shapes shapes(op->getContext());
    auto from = shapes.of(reshape.getX()), to = shapes.of(reshape.getType());
    auto fromExtents = kernel.extents(reshape.getX().getType()), toExtents = kernel.extents(reshape.getType());
    std::vector<Expr> result(from.size(), Expr(0));
    int64_t i = (int64_t)from.size() - 1, j = (int64_t)to.size() - 1;
    while (i >= 0) {
      // The shortest runs, from the innermost dimension outwards, whose products agree.
      int64_t first = i, last = j;
      AffineExpr left = from[i], right = j >= 0 ? to[j] : shapes.one();
      while (left != right) {
        bool growLeft = last <= 0 || (first > 0 && isLess(left, right));
        if (growLeft)
          left = shapes.product({left, from[--first]});
        else
          right = shapes.product({right, to[--last]});
      }
      split(result, fromExtents, first, i, flatten(at, toExtents, last, j));
      i = first - 1;
      j = last - 1;
    }
    return kernel.load(reshape.getX(), result);
  }

  /// Which side of two products to extend: constants by size; a symbolic product is never the smaller one.
  static bool isLess(AffineExpr left, AffineExpr right) {
    auto a = constantSize(left), b = constantSize(right);
    return a && (!b || *a < *b);
  }
  static Expr flatten(Coordinates at, ArrayRef<Expr> extents, int64_t first, int64_t last) {
    Expr flat = 0;
    for (int64_t d = std::max<int64_t>(first, 0); d <= last; ++d) flat = d == first ? at[d] : flat * extents[d] + at[d];
    return flat;
  }
  static void split(std::vector<Expr> &result, ArrayRef<Expr> extents, int64_t first, int64_t last, Expr flat) {
    for (int64_t d = last; d > first; --d) {
      result[d] = flat % extents[d];
      flat = flat / extents[d];
    }
    result[first] = flat;
  }
};

} // namespace

void registerViewsLowerings(MLIRContext *context) {
  BroadcastOp::attachInterface<BroadcastLowering>(*context);
  ReshapeOp::attachInterface<ReshapeLowering>(*context);
  TransposeOp::attachInterface<TransposeLowering>(*context);
  SliceOp::attachInterface<SliceLowering>(*context);
  PadOp::attachInterface<PadLowering>(*context);
  ConcatOp::attachInterface<ConcatLowering>(*context);
  PackOp::attachInterface<PackLowering>(*context);
  UnpackOp::attachInterface<UnpackLowering>(*context);
}

} // namespace fovea
