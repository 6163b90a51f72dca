// Shapes as expressions: conversion, products, broadcasting, text.
#include "dialect/Shape.h"

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/AffineMap.h"

using namespace mlir;

namespace fovea {

std::optional<int64_t> constantSize(AffineExpr size) {
  if (auto constant = dyn_cast<AffineConstantExpr>(size)) return constant.getValue();
  return std::nullopt;
}

SmallVector<AffineExpr> Shapes::of(DimsAttr dims) {
  SmallVector<AffineExpr> symbols;
  for (StringAttr name : dims.getNames()) {
    auto at = llvm::find(names, name);
    symbols.push_back(getAffineSymbolExpr(at - names.begin(), context));
    if (at == names.end()) names.push_back(name);
  }
  SmallVector<AffineExpr> sizes;
  for (AffineExpr size : dims.getSizes()) sizes.push_back(normal(size.replaceSymbols(symbols)));
  return sizes;
}

SmallVector<AffineExpr> Shapes::of(RankedTensorType type) { return of(dimsOf(type)); }

AffineExpr Shapes::constant(int64_t value) const { return getAffineConstantExpr(value, context); }

AffineExpr Shapes::normal(AffineExpr size) const {
  return isa<AffineConstantExpr>(size) ? size : simplifyAffineExpr(size, 0, names.size());
}

AffineExpr Shapes::product(ArrayRef<AffineExpr> sizes) const {
  AffineExpr result = one();
  for (AffineExpr size : sizes) result = result * size;
  return normal(result);
}

DimsAttr Shapes::dims(ArrayRef<AffineExpr> sizes) const { return DimsAttr::get(context, names, sizes); }

RankedTensorType Shapes::tensor(ArrayRef<AffineExpr> sizes, Type element) const {
  return tensorOf(dims(sizes), element);
}

RankedTensorType tensorOf(DimsAttr dims, Type element) {
  SmallVector<int64_t> shape;
  for (AffineExpr size : dims.getSizes()) shape.push_back(constantSize(size).value_or(ShapedType::kDynamic));
  return RankedTensorType::get(shape, element, dims.getNames().empty() ? Attribute() : Attribute(dims));
}

DimsAttr dimsOf(RankedTensorType type) {
  if (auto dims = dyn_cast_or_null<DimsAttr>(type.getEncoding())) return dims;
  SmallVector<AffineExpr> sizes;
  for (int64_t extent : type.getShape()) sizes.push_back(getAffineConstantExpr(extent, type.getContext()));
  return DimsAttr::get(type.getContext(), ArrayRef<StringAttr>(), sizes);
}

std::string Shapes::text(ArrayRef<AffineExpr> sizes) const {
  std::string result = "(";
  for (auto [index, size] : llvm::enumerate(sizes)) result += (index ? ", " : "") + text(size);
  return result + ")";
}

std::string shapeText(RankedTensorType type) {
  Shapes shapes(type.getContext());
  auto sizes = shapes.of(type);
  return shapes.text(sizes);
}

DimsAttr rowMajorStrides(RankedTensorType type) {
  Shapes shapes(type.getContext());
  auto sizes = shapes.of(type);
  SmallVector<AffineExpr> strides(sizes.size(), shapes.one());
  for (int64_t d = (int64_t)sizes.size() - 2; d >= 0; --d) strides[d] = shapes.product({strides[d + 1], sizes[d + 1]});
  return shapes.dims(strides);
}

RankedTensorType broadcastTypes(ArrayRef<RankedTensorType> types, Type element) {
  Shapes shapes(element.getContext());
  SmallVector<AffineExpr> result;
  for (RankedTensorType type : types) {
    auto sizes = shapes.of(type);
    while (result.size() < sizes.size()) result.insert(result.begin(), shapes.one());
    size_t shift = result.size() - sizes.size();
    for (auto [index, size] : llvm::enumerate(sizes)) {
      AffineExpr &known = result[index + shift];
      if (isSize(known, 1))
        known = size;
      else if (!isSize(size, 1) && size != known)
        return {};
    }
  }
  return shapes.tensor(result, element);
}

FailureOr<RankedTensorType> inferBroadcast(std::optional<Location> location, StringRef op, ValueRange operands,
                                           Type element) {
  SmallVector<RankedTensorType> types;
  for (Value operand : operands) types.push_back(cast<RankedTensorType>(operand.getType()));
  if (RankedTensorType result = broadcastTypes(types, element)) return result;
  std::string text;
  for (auto [index, type] : llvm::enumerate(types))
    text += (index ? (index + 1 == types.size() ? " and " : ", ") : "") + shapeText(type);
  return emitOptionalError(location, op, ": shapes ", text,
                           " do not broadcast: aligned at the last dimension, sizes must be equal or 1");
}

} // namespace fovea
