// Values with operators, so that a gradient rule reads like its formula.
#pragma once

#include "dialect/Ops.h"
#include "dialect/Shape.h"

#include <cmath>

namespace fovea {

/// A float tensor value and where to build from it. `builder` must outlive the terms.
struct Term {
  mlir::OpBuilder *builder;
  mlir::Location location;
  Value value;

  Term(mlir::OpBuilder &builder, mlir::Location location, Value value)
      : builder(&builder), location(location), value(value) {}
  operator Value() const { return value; }
  RankedTensorType type() const { return mlir::cast<RankedTensorType>(value.getType()); }

  /// A rank-0 constant of this term's element type.
  Term constant(double number) const {
    auto type = RankedTensorType::get({}, this->type().getElementType());
    auto attribute = mlir::DenseElementsAttr::get(type, mlir::FloatAttr::get(type.getElementType(), number));
    return {*builder, location, ConstantOp::create(*builder, location, attribute)};
  }
  template <typename Op, typename... Operands> Term make(Operands... operands) const {
    return {*builder, location, Op::create(*builder, location, operands...)->getResult(0)};
  }
  template <typename Op> Term apply() const { return make<Op>(value); }
  /// Sum over the last dimension, which stays with size 1.
  Term sumLast() const { return make<SumOp>(value, llvm::ArrayRef<int64_t>{type().getRank() - 1}, true); }
};

#define FOVEA_TERM_OPERATOR(SIGN, OP)                                                                                  \
  inline Term operator SIGN(const Term &a, const Term &b) { return a.make<OP>(a.value, b.value); }                     \
  inline Term operator SIGN(const Term &a, double b) { return a SIGN a.constant(b); }                                  \
  inline Term operator SIGN(double a, const Term &b) { return b.constant(a) SIGN b; }
FOVEA_TERM_OPERATOR(+, AddOp)
FOVEA_TERM_OPERATOR(-, SubOp)
FOVEA_TERM_OPERATOR(*, MulOp)
FOVEA_TERM_OPERATOR(/, DivOp)
#undef FOVEA_TERM_OPERATOR
inline Term operator-(const Term &a) { return a.apply<NegOp>(); }

/// A tensor of this type that holds one number everywhere; -inf stands for the lowest integer.
inline Value filled(mlir::OpBuilder &builder, mlir::Location location, RankedTensorType type, double number) {
  mlir::Type element = type.getElementType();
  mlir::Attribute value;
  if (isFloat(element))
    value = mlir::FloatAttr::get(element, number);
  else if (std::isinf(number))
    value = mlir::IntegerAttr::get(element, llvm::APInt::getSignedMinValue(element.getIntOrFloatBitWidth()));
  else
    value = mlir::IntegerAttr::get(element, (int64_t)number);
  auto scalar = RankedTensorType::get({}, element);
  Value constant = ConstantOp::create(builder, location, mlir::DenseElementsAttr::get(scalar, value));
  return BroadcastOp::create(builder, location, type, constant);
}

} // namespace fovea
