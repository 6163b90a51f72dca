// Elementwise ops: shape rules, folds and gradients.
#include "dialect/ops/Term.h"

#include <cmath>

using namespace mlir;

#define GET_OP_CLASSES
#include "dialect/ops/Elementwise.cpp.inc"

namespace fovea {

void registerElementwise(FoveaDialect &dialect) {
  dialect.addFamily<
#define GET_OP_LIST
#include "dialect/ops/Elementwise.cpp.inc"
      >();
}

//===-- Shape rules -----------------------------------------------------------------------------------------------===//

static Type elementOf(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }

/// The broadcast type of a binary op, or a diagnostic under the op's mnemonic.
static LogicalResult inferBinary(std::optional<Location> location, StringRef mnemonic, ValueRange operands,
                                 Type element, SmallVectorImpl<Type> &results) {
  FailureOr<RankedTensorType> type = inferBroadcast(location, mnemonic, operands, element);
  if (succeeded(type)) results.push_back(*type);
  return success(succeeded(type));
}
#define FOVEA_BINARY(OP)                                                                                               \
  LogicalResult OP::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor operands,                \
                                     SmallVectorImpl<Type> &results) {                                                 \
    return inferBinary(location, OP::getOperationName().drop_front(6), operands.getOperands(),                         \
                       elementOf(operands.getA()), results);                                                           \
  }
FOVEA_BINARY(AddOp)
FOVEA_BINARY(SubOp)
FOVEA_BINARY(MulOp)
FOVEA_BINARY(DivOp)
FOVEA_BINARY(PowOp)
FOVEA_BINARY(MaximumOp)
FOVEA_BINARY(MinimumOp)
FOVEA_BINARY(RemainderOp)
FOVEA_BINARY(FloorDivOp)
#undef FOVEA_BINARY

LogicalResult CompareOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location, Adaptor operands,
                                          SmallVectorImpl<Type> &results) {
  if (!llvm::is_contained({"eq", "ne", "lt", "le"}, operands.getRelation()))
    return emitOptionalError(location, "compare: relation '", operands.getRelation(),
                             "' is not known: it must be eq, ne, lt or le (c3)");
  return inferBinary(location, "compare", operands.getOperands(), IntegerType::get(context, 1), results);
}

LogicalResult SelectOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor operands,
                                         SmallVectorImpl<Type> &results) {
  Type a = elementOf(operands.getA()), b = elementOf(operands.getB());
  if (a != b) return emitOptionalError(location, "select: a is of ", a, " and b of ", b, ": cast one of them (c2)");
  return inferBinary(location, "select", operands.getOperands(), a, results);
}

LogicalResult CastOp::verify() {
  if (dimsOf(getX().getType()) != dimsOf(getType()))
    return emitOpError("keeps the shape (c1), but turns ")
           << shapeText(getX().getType()) << " into " << shapeText(getType());
  return success();
}

LogicalResult SizeOp::verify() {
  if (getDims().getSizes().size() != 1 || getType().getRank() != 0)
    return emitOpError("gives one size as a tensor of rank 0 (c1)");
  return success();
}

//===-- Folds -----------------------------------------------------------------------------------------------------===//

/// Whether an operand is a constant that has this value everywhere.
static bool isSplat(Attribute attribute, double value) {
  auto elements = dyn_cast_or_null<DenseElementsAttr>(attribute);
  if (!elements || !elements.isSplat()) return false;
  if (isa<FloatType>(elements.getElementType())) return elements.getSplatValue<APFloat>().convertToDouble() == value;
  return elements.getSplatValue<APInt>().getSExtValue() == (int64_t)value;
}

/// The constant that a value is everywhere or else null, also where it is given another shape.
static Attribute splatOf(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (auto constant = dyn_cast<ConstantOp>(op)) return constant.getValue();
    if (!isa<BroadcastOp, ReshapeOp>(op)) break;
    value = op->getOperand(0);
  }
  return nullptr;
}

/// `kept` if the result has its type and so can stand for it.
static OpFoldResult keep(Value kept, Type result) { return kept.getType() == result ? OpFoldResult(kept) : nullptr; }

/// Folds two rank-0 float constants, rounded in their own type.
template <typename Function> static OpFoldResult foldScalars(Attribute a, Attribute b, Function function) {
  auto left = dyn_cast_or_null<DenseElementsAttr>(a), right = dyn_cast_or_null<DenseElementsAttr>(b);
  if (!left || !right || left.getType() != right.getType() || left.getType().getRank() != 0) return nullptr;
  if (!isa<FloatType>(left.getElementType())) return nullptr;
  APFloat value = function(left.getSplatValue<APFloat>(), right.getSplatValue<APFloat>());
  return DenseElementsAttr::get(left.getType(), value);
}

// x + 0 is not folded for float x: it turns -0.0 into 0.0.
OpFoldResult AddOp::fold(FoldAdaptor operands) {
  return foldScalars(operands.getA(), operands.getB(), [](APFloat a, APFloat b) { return a + b; });
}
OpFoldResult SubOp::fold(FoldAdaptor operands) {
  if (isSplat(operands.getB(), 0)) return keep(getA(), getType());
  return foldScalars(operands.getA(), operands.getB(), [](APFloat a, APFloat b) { return a - b; });
}
OpFoldResult MulOp::fold(FoldAdaptor operands) {
  if (isSplat(splatOf(getB()), 1))
    if (OpFoldResult kept = keep(getA(), getType())) return kept;
  if (isSplat(splatOf(getA()), 1))
    if (OpFoldResult kept = keep(getB(), getType())) return kept;
  return foldScalars(operands.getA(), operands.getB(), [](APFloat a, APFloat b) { return a * b; });
}
OpFoldResult DivOp::fold(FoldAdaptor operands) {
  if (isSplat(operands.getB(), 1))
    if (OpFoldResult kept = keep(getA(), getType())) return kept;
  return foldScalars(operands.getA(), operands.getB(), [](APFloat a, APFloat b) { return a / b; });
}
OpFoldResult CastOp::fold(FoldAdaptor operands) {
  if (OpFoldResult kept = keep(getX(), getType())) return kept;
  auto elements = dyn_cast_or_null<DenseFPElementsAttr>(operands.getX());
  auto to = dyn_cast<FloatType>(getType().getElementType());
  if (!elements || !to) return nullptr;
  return elements.mapValues(to, [&](const APFloat &value) {
    APFloat converted = value;
    bool loses;
    converted.convert(to.getFloatSemantics(), APFloat::rmNearestTiesToEven, &loses);
    return converted.bitcastToAPInt();
  });
}
OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }
OpFoldResult SizeOp::fold(FoldAdaptor) {
  std::optional<int64_t> size = constantSize(getDims().getSizes()[0]);
  if (!size) return nullptr;
  Type element = getType().getElementType();
  if (isa<FloatType>(element))
    return DenseElementsAttr::get(getType(), Attribute(FloatAttr::get(element, (double)*size)));
  return DenseElementsAttr::get(getType(), Attribute(IntegerAttr::get(element, *size)));
}

//===-- Gradients: g is the cotangent of the result, y the result -------------------------------------------------===//

#define FOVEA_VJP(OP) SmallVector<Value> OP::vjp(OpBuilder &builder, ValueRange cotangents, ArrayRef<bool> needed)
#define FOVEA_TERM(NAME, VALUE) Term NAME(builder, getLoc(), VALUE)
#define FOVEA_UNARY_VJP(OP, FORMULA)                                                                                   \
  FOVEA_VJP(OP) {                                                                                                      \
    FOVEA_TERM(g, cotangents[0]);                                                                                      \
    [[maybe_unused]] FOVEA_TERM(x, getX());                                                                            \
    [[maybe_unused]] FOVEA_TERM(y, getResult());                                                                       \
    return {FORMULA};                                                                                                  \
  }

FOVEA_VJP(AddOp) { return {cotangents[0], cotangents[0]}; }
FOVEA_VJP(SubOp) {
  FOVEA_TERM(g, cotangents[0]);
  return {g, needed[1] ? Value(-g) : Value()};
}
FOVEA_VJP(MulOp) {
  FOVEA_TERM(g, cotangents[0]);
  FOVEA_TERM(a, getA());
  FOVEA_TERM(b, getB());
  return {needed[0] ? Value(g * b) : Value(), needed[1] ? Value(g * a) : Value()};
}
FOVEA_VJP(DivOp) {
  FOVEA_TERM(g, cotangents[0]);
  FOVEA_TERM(b, getB());
  FOVEA_TERM(y, getResult());
  return {needed[0] ? Value(g / b) : Value(), needed[1] ? Value(-(g * y / b)) : Value()};
}
FOVEA_VJP(PowOp) {
  FOVEA_TERM(g, cotangents[0]);
  FOVEA_TERM(a, getA());
  FOVEA_TERM(b, getB());
  FOVEA_TERM(y, getResult());
  return {needed[0] ? Value(g * b * a.make<PowOp>(a.value, (b - 1.0).value)) : Value(),
          needed[1] ? Value(g * y * a.apply<LogOp>()) : Value()};
}

/// The cotangents of maximum and minimum: g goes to a where `a relation b`... and to b elsewhere.
static SmallVector<Value> chosen(Term g, Value lower, Value upper, Value a, Value b) {
  Value first = CompareOp::create(*g.builder, g.location, lower, upper, "le");
  Term zero = g.constant(0);
  return {a ? Value(g.make<SelectOp>(first, g.value, zero.value)) : Value(),
          b ? Value(g.make<SelectOp>(first, zero.value, g.value)) : Value()};
}
FOVEA_VJP(MaximumOp) {
  return chosen({builder, getLoc(), cotangents[0]}, getB(), getA(), needed[0] ? getA() : Value(),
                needed[1] ? getB() : Value());
}
FOVEA_VJP(MinimumOp) {
  return chosen({builder, getLoc(), cotangents[0]}, getA(), getB(), needed[0] ? getA() : Value(),
                needed[1] ? getB() : Value());
}

// Away from its jumps the remainder is a - k b with a whole k.
FOVEA_VJP(RemainderOp) {
  FOVEA_TERM(g, cotangents[0]);
  FOVEA_TERM(a, getA());
  FOVEA_TERM(b, getB());
  FOVEA_TERM(y, getResult());
  return {g, needed[1] ? Value(-(g * ((a - y) / b).apply<RoundOp>())) : Value()};
}

/// Where x > 0.
static Value positive(Term x) { return CompareOp::create(*x.builder, x.location, x.constant(0), x, "lt"); }

FOVEA_UNARY_VJP(NegOp, -g)
FOVEA_UNARY_VJP(AbsOp, g.make<SelectOp>(positive(x), g.value,
                                        g.make<SelectOp>(positive(-x), (-g).value, g.constant(0).value).value))
FOVEA_UNARY_VJP(ExpOp, g *y)
FOVEA_UNARY_VJP(LogOp, g / x)
FOVEA_UNARY_VJP(SqrtOp, g * 0.5 / y)
FOVEA_UNARY_VJP(SinOp, g *x.apply<CosOp>())
FOVEA_UNARY_VJP(CosOp, -(g *x.apply<SinOp>()))
FOVEA_UNARY_VJP(TanhOp, g *(1.0 - y * y))
FOVEA_UNARY_VJP(ErfOp, g *(-(x *x)).apply<ExpOp>() * M_2_SQRTPI)
FOVEA_UNARY_VJP(SigmoidOp, g *(y *(1.0 - y)))
FOVEA_UNARY_VJP(ReluOp, g.make<SelectOp>(positive(x), g.value, g.constant(0).value))
FOVEA_UNARY_VJP(SoftplusOp, g *x.apply<SigmoidOp>())
FOVEA_UNARY_VJP(GeluOp, g *x.apply<GeluSlopeOp>())
// gelu'' = (2 - x^2) phi(x).
FOVEA_UNARY_VJP(GeluSlopeOp, g *(2.0 - x * x) * (x * x * -0.5).apply<ExpOp>() * (M_2_SQRTPI * M_SQRT1_2 * 0.5))

// With v = 2 sqrt(2 / pi) (x + 0.044715 x^3), gelu_tanh = x s(v) for the sigmoid s. Its slope s + x s (1 - s) v' is 0
// or 1 beyond 10, where x^2 may overflow.
FOVEA_VJP(GeluTanhOp) {
  FOVEA_TERM(g, cotangents[0]);
  FOVEA_TERM(x, getX());
  x = x.make<MinimumOp>(x.make<MaximumOp>(x.value, x.constant(-10).value).value, x.constant(10).value);
  double scale = 2 * M_SQRT2 / std::sqrt(M_PI), cubic = 0.044715;
  Term s = ((x + x * x * x * cubic) * scale).apply<SigmoidOp>();
  return {g * (s + x * s * (1.0 - s) * (x * x * (3 * cubic * scale) + scale))};
}

FOVEA_VJP(SelectOp) {
  FOVEA_TERM(g, cotangents[0]);
  Term zero = g.constant(0);
  return {Value(), needed[1] ? Value(g.make<SelectOp>(getCondition(), g.value, zero.value)) : Value(),
          needed[2] ? Value(g.make<SelectOp>(getCondition(), zero.value, g.value)) : Value()};
}
FOVEA_VJP(CastOp) {
  if (!isFloat(elementOf(getX())) || !isFloat(getType().getElementType())) return {Value()};
  return {CastOp::create(builder, getLoc(), getX().getType(), cotangents[0])};
}

} // namespace fovea
