// Sliding windows: shape rules and gradients, which are each other.
#include "dialect/ops/Term.h"

using namespace mlir;

#define GET_OP_CLASSES
#include "dialect/ops/Windows.cpp.inc"

namespace fovea {

void registerWindows(FoveaDialect &dialect) {
  dialect.addFamily<
#define GET_OP_LIST
#include "dialect/ops/Windows.cpp.inc"
      >();
}

template <typename Op>
static LogicalResult inferUnfold(std::optional<Location> location, StringRef name, RankedTensorType x, Op op,
                                 SmallVectorImpl<Type> &results) {
  ArrayRef<int64_t> axes = op.getAxes(), size = op.getSize(), stride = op.getStride(), dilation = op.getDilation();
  bool rise = !axes.empty() && axes[0] >= 0 && axes.back() < x.getRank();
  for (size_t i = 1; i < axes.size(); ++i) rise &= axes[i - 1] < axes[i];
  if (!rise)
    return emitOptionalError(location, name, ": axes [", axes, "] of ", shapeText(x),
                             ": there must be some, within the rank, which rise (c1)");
  for (int64_t axis : axes)
    if (x.isDynamicDim(axis))
      return emitOptionalError(location, name, ": axis ", axis, " of ", shapeText(x),
                               " must have a constant size (c2)");
  auto valid = [&](ArrayRef<int64_t> values) {
    return values.size() == axes.size() && llvm::all_of(values, [](int64_t v) { return v >= 1 && v <= maxElements; });
  };
  if (!valid(size) || !valid(stride) || !valid(dilation))
    return emitOptionalError(location, name, ": size [", size, "], stride [", stride, "] and dilation [", dilation,
                             "]: each has a number of at least 1 for every axis (c3)");
  Shapes shapes(x.getContext());
  auto sizes = shapes.of(x);
  SmallVector<AffineExpr> within;
  for (auto [axis, size, stride, dilation] : llvm::zip(axes, size, stride, dilation)) {
    int64_t extent = x.getDimSize(axis), steps = extent - 1;
    if (extent < 1 || size - 1 > steps / dilation)
      return emitOptionalError(location, name, ": a window of ", size, " with dilation ", dilation,
                               " does not fit into axis ", axis, " of ", shapeText(x), " (c4)");
    sizes[axis] = shapes.constant((steps - (size - 1) * dilation) / stride + 1);
    within.push_back(shapes.constant(size));
  }
  sizes.insert(sizes.begin() + axes[0], within.begin(), within.end());
  results.push_back(shapes.tensor(sizes, x.getElementType()));
  return success();
}

LogicalResult UnfoldOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor operands,
                                         SmallVectorImpl<Type> &results) {
  return inferUnfold(location, "unfold", typeOf(operands.getX()), operands, results);
}

LogicalResult FoldOp::verify() {
  SmallVector<Type> windows;
  if (failed(inferUnfold(getLoc(), "fold", getType(), *this, windows))) return failure();
  if (getWindows().getType() == windows[0]) return success();
  return emitOpError("adds up windows ") << shapeText(getWindows().getType()) << " into " << shapeText(getType())
                                         << ", whose windows are " << shapeText(cast<RankedTensorType>(windows[0]))
                                         << ": they must be equal (c1)";
}

SmallVector<Value> UnfoldOp::vjp(OpBuilder &builder, ValueRange cotangents, ArrayRef<bool>) {
  return {FoldOp::create(builder, getLoc(), getX().getType(), cotangents[0], getAxes(), getSize(), getStride(),
                         getDilation())};
}

SmallVector<Value> FoldOp::vjp(OpBuilder &builder, ValueRange cotangents, ArrayRef<bool>) {
  return {UnfoldOp::create(builder, getLoc(), cotangents[0], getAxes(), getSize(), getStride(), getDilation())};
}

} // namespace fovea
