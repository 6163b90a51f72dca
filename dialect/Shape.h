// Shapes as expressions over named symbols: what shape rules, the plan and the lowerings compute with.
#pragma once

#include "dialect/Fovea.h"

namespace fovea {

/// Brings shapes of several types into one space of symbols, so that their sizes can be compared and combined.
/// Equal sizes are equal AffineExprs.
class Shapes {
public:
  explicit Shapes(mlir::MLIRContext *context) : context(context) {}

  /// The sizes of a tensor type, of a #fovea.dims, or of constants.
  SmallVector<AffineExpr> of(RankedTensorType type);
  SmallVector<AffineExpr> of(Value value);
  SmallVector<AffineExpr> of(DimsAttr dims);
  AffineExpr constant(int64_t value) const;
  AffineExpr one() const { return constant(1); }
  AffineExpr product(ArrayRef<AffineExpr> sizes) const;
  AffineExpr normal(AffineExpr size) const;

  /// Back: a tensor type or a #fovea.dims with these sizes.
  RankedTensorType tensor(ArrayRef<AffineExpr> sizes, mlir::Type element) const;
  DimsAttr dims(ArrayRef<AffineExpr> sizes) const;

  /// `batch * 16`, with the symbols' names.
  std::string text(AffineExpr size) const;
  std::string text(ArrayRef<AffineExpr> sizes) const;

  ArrayRef<mlir::StringAttr> symbols() const { return names; }

private:
  mlir::MLIRContext *context;
  SmallVector<mlir::StringAttr> names;
};

std::optional<int64_t> constantSize(AffineExpr size);
inline bool isSize(AffineExpr size, int64_t value) { return constantSize(size) == value; }

inline RankedTensorType typeOf(Value value) { return mlir::cast<RankedTensorType>(value.getType()); }

/// `(batch, 3, 224, 224)`.
std::string shapeText(RankedTensorType type);

inline SmallVector<AffineExpr> Shapes::of(Value value) { return of(typeOf(value)); }

/// The sizes of a type as one #fovea.dims, constants included.
DimsAttr dimsOf(RankedTensorType type);
/// A static type, or one whose sizes are `dims`.
RankedTensorType tensorOf(DimsAttr dims, mlir::Type element);

/// Row-major strides, in elements.
DimsAttr rowMajorStrides(RankedTensorType type);

/// numpy broadcasting, aligned at the last dimension; a symbol broadcasts only to itself. Null where sizes conflict.
RankedTensorType broadcastTypes(ArrayRef<RankedTensorType> types, mlir::Type element);
/// broadcastTypes, with a diagnostic that names both shapes.
mlir::FailureOr<RankedTensorType> inferBroadcast(std::optional<mlir::Location> location, StringRef op,
                                                 ValueRange operands, mlir::Type element);

} // namespace fovea
