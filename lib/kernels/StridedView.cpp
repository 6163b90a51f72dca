// Strides of view chains.
#include "lib/kernels/StridedView.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;

namespace fovea {

Value StridedViews::root(Value value) const {
  while (Operation *op = value.getDefiningOp()) {
    if (!op->hasTrait<View>() || op->getNumOperands() != 1 || stored(value)) break;
    value = op->getOperand(0);
  }
  return value;
}

std::optional<StridedView> StridedViews::of(Value value) {
  Operation *op = value.getDefiningOp();
  if (op && op->hasTrait<View>() && op->getNumOperands() == 1 && !stored(value)) {
    std::optional<StridedView> view = of(op->getOperand(0));
    if (!view || !apply(op, *view)) return std::nullopt;
    return view;
  }
  DimsAttr strides = layout(value);
  auto type = cast<RankedTensorType>(value.getType());
  return StridedView{value, shapes.of(type), shapes.of(strides ? strides : rowMajorStrides(type)), shapes.constant(0)};
}

bool StridedViews::apply(Operation *op, StridedView &view) {
  if (auto transpose = dyn_cast<TransposeOp>(op)) {
    applyPermutationToVector(view.sizes, transpose.getPermutation());
    applyPermutationToVector(view.strides, transpose.getPermutation());
    return true;
  }
  if (auto slice = dyn_cast<SliceOp>(op)) {
    AffineExpr &stride = view.strides[slice.getAxis()];
    view.offset = shapes.normal(view.offset + stride * slice.getStart());
    stride = shapes.normal(stride * slice.getStep());
    view.sizes[slice.getAxis()] = shapes.constant(slice.getSize());
    return true;
  }
  if (auto broadcast = dyn_cast<BroadcastOp>(op)) {
    auto sizes = shapes.of(broadcast.getType());
    SmallVector<AffineExpr> strides(sizes.size(), shapes.constant(0));
    size_t shift = sizes.size() - view.sizes.size();
    for (size_t d = 0; d < view.sizes.size(); ++d)
      if (view.sizes[d] == sizes[d + shift]) strides[d + shift] = view.strides[d];
    view.sizes = sizes;
    view.strides = strides;
    return true;
  }
  if (auto reshape = dyn_cast<ReshapeOp>(op)) return this->reshape(view, shapes.of(reshape.getType()));
  return false;
}

/// Merges dimensions that lie one after another into blocks, then cuts each block into the new sizes, innermost first.
bool StridedViews::reshape(StridedView &view, ArrayRef<AffineExpr> sizes) {
  struct Block {
    AffineExpr size, stride;
  };
  SmallVector<Block> blocks; // innermost first
  for (int64_t d = (int64_t)view.sizes.size() - 1; d >= 0; --d) {
    if (isSize(view.sizes[d], 1)) continue;
    if (!blocks.empty() && view.strides[d] == shapes.product({blocks.back().size, blocks.back().stride}))
      blocks.back().size = shapes.product({blocks.back().size, view.sizes[d]});
    else
      blocks.push_back({view.sizes[d], view.strides[d]});
  }
  SmallVector<AffineExpr> strides(sizes.size(), shapes.one());
  size_t block = 0;
  AffineExpr taken = shapes.one();
  for (int64_t d = (int64_t)sizes.size() - 1; d >= 0; --d) {
    if (isSize(sizes[d], 1)) continue;
    if (block == blocks.size()) return false;
    strides[d] = shapes.product({blocks[block].stride, taken});
    taken = shapes.product({taken, sizes[d]});
    std::optional<int64_t> now = constantSize(taken), whole = constantSize(blocks[block].size);
    if (taken == blocks[block].size) {
      ++block;
      taken = shapes.one();
    } else if (whole && (!now || *whole % *now)) {
      return false;
    }
  }
  view.sizes.assign(sizes.begin(), sizes.end());
  view.strides = strides;
  return block == blocks.size() && isSize(taken, 1);
}

} // namespace fovea
