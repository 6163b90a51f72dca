// Sliding windows: a window's element is one of x; what lies in several windows is summed where it is.
#include "lib/halide/Families.h"

using namespace mlir;
using Halide::Expr;
using Halide::RDom;
using Halide::Var;

namespace fovea {
namespace {

struct UnfoldLowering : PointLowering::ExternalModel<UnfoldLowering, UnfoldOp> {
  Expr lowerPoint(Operation *op, KernelLowering &kernel, Coordinates at) const {
    auto unfold = cast<UnfoldOp>(op);
    ArrayRef<int64_t> axes = unfold.getAxes();
    std::vector<Expr> from(at.begin(), at.end());
    from.erase(from.begin() + axes[0], from.begin() + axes[0] + axes.size());
    for (auto [i, axis] : llvm::enumerate(axes))
      from[axis] = from[axis] * (int)unfold.getStride()[i] + at[axes[0] + i] * (int)unfold.getDilation()[i];
    return kernel.load(unfold.getX(), from);
  }
};

struct FoldLowering : AnchorLowering::ExternalModel<FoldLowering, FoldOp> {
  LogicalResult lowerAnchor(Operation *op, KernelLowering &kernel) const {
    auto fold = cast<FoldOp>(op);
    ArrayRef<int64_t> axes = fold.getAxes(), size = fold.getSize();
    RankedTensorType windows = fold.getWindows().getType();
    std::vector<Var> v = kernel.variables(fold.getType().getRank());
    RDom r = kernel.reduction("r", std::vector<Expr>(size.begin(), size.end()));
    std::vector<Expr> within, at(v.begin(), v.end());
    Expr reached = Halide::Internal::const_true();
    for (auto [i, axis] : llvm::enumerate(axes)) {
      // The window at `index` reaches element e with its own element r where index * stride + r * dilation = e.
      int stride = (int)fold.getStride()[i], count = (int)windows.getDimSize(axis + (int64_t)axes.size());
      Expr distance = v[axis] - r[i] * (int)fold.getDilation()[i], index = distance / stride;
      reached = reached && distance % stride == 0 && index >= 0 && index < count;
      at[axis] = clamp(index, 0, count - 1);
      within.push_back(r[i]);
    }
    at.insert(at.begin() + axes[0], within.begin(), within.end());
    Expr element = kernel.load(fold.getWindows(), at);
    sumInto(kernel, fold.getResult(), "fold", select(reached, element, Halide::Internal::make_zero(element.type())));
    return success();
  }
};

} // namespace

void registerWindowsLowerings(MLIRContext *context) {
  UnfoldOp::attachInterface<UnfoldLowering>(*context);
  FoldOp::attachInterface<FoldLowering>(*context);
}

} // namespace fovea
