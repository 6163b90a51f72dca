// Views as strides: which chains of transposes, slices, reshapes and broadcasts need no kernel, only other strides.
#pragma once

#include "dialect/Ops.h"
#include "dialect/Shape.h"

namespace fovea {

/// Elements of `base` at offset + sum of index * stride, for indices below `sizes`; in elements, over one Shapes.
struct StridedView {
  Value base;
  SmallVector<AffineExpr> sizes, strides;
  AffineExpr offset;
};

class StridedViews {
public:
  /// `layout` gives the strides of a stored value that is not row-major, or null; `stored` tells views that have a
  /// buffer of their own, where a chain begins anew.
  StridedViews(mlir::MLIRContext *context, std::function<DimsAttr(Value)> layout, std::function<bool(Value)> stored)
      : shapes(context), layout(std::move(layout)), stored(std::move(stored)) {}

  /// Where a chain of views begins.
  Value root(Value value) const;

  /// The view that `value` is of the value where its chain of view ops begins (itself, without any); nullopt if some
  /// view of the chain has no strides.
  std::optional<StridedView> of(Value value);

  Shapes shapes;

private:
  bool apply(mlir::Operation *op, StridedView &view);
  bool reshape(StridedView &view, ArrayRef<AffineExpr> sizes);
  std::function<DimsAttr(Value)> layout;
  std::function<bool(Value)> stored;
};

} // namespace fovea
