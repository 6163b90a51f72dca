// Row ops: shape rules and gradients.
#include "dialect/ops/Term.h"

#include <limits>

using namespace mlir;

#define GET_OP_CLASSES
#include "dialect/ops/Rows.cpp.inc"

namespace fovea {

void registerRows(FoveaDialect &dialect) {
  dialect.addFamily<
#define GET_OP_LIST
#include "dialect/ops/Rows.cpp.inc"
      >();
}

/// x's type with a last dimension of size 1.
static RankedTensorType statisticOf(RankedTensorType x) {
  Shapes shapes(x.getContext());
  auto sizes = shapes.of(x);
  sizes.back() = shapes.one();
  return shapes.tensor(sizes, x.getElementType());
}

//===-- softmax ---------------------------------------------------------------------------------------------------===//

LogicalResult SoftmaxOp::verify() {
  if (getType().getRank() == 0) return emitOpError("needs a last dimension, but has rank 0 (c1)");
  return success();
}

SmallVector<Value> SoftmaxOp::vjp(OpBuilder &builder, ValueRange cotangents, ArrayRef<bool>) {
  Term g(builder, getLoc(), cotangents[0]), y(builder, getLoc(), getResult());
  return {y * (g - (g * y).sumLast())};
}

//===-- log_softmax, log_sum_exp ----------------------------------------------------------------------------------===//

LogicalResult LogSoftmaxOp::verify() {
  if (getType().getRank() == 0) return emitOpError("needs a last dimension, but has rank 0 (c1)");
  return success();
}

SmallVector<Value> LogSoftmaxOp::vjp(OpBuilder &builder, ValueRange cotangents, ArrayRef<bool>) {
  Term g(builder, getLoc(), cotangents[0]), y(builder, getLoc(), getResult());
  return {g - y.apply<ExpOp>() * g.sumLast()};
}

LogicalResult LogSumExpOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location, Adaptor operands,
                                            SmallVectorImpl<Type> &results) {
  RankedTensorType x = typeOf(operands.getX());
  if (x.getRank() == 0) return emitOptionalError(location, "log_sum_exp: needs a last dimension, but has rank 0 (c1)");
  Shapes shapes(context);
  auto sizes = shapes.of(x);
  sizes.pop_back();
  results.push_back(shapes.tensor(sizes, x.getElementType()));
  return success();
}

// exp(x - y). For a row of -inf, y is taken as the lowest number, so that x - y is -inf and not NaN.
SmallVector<Value> LogSumExpOp::vjp(OpBuilder &builder, ValueRange cotangents, ArrayRef<bool>) {
  RankedTensorType column = statisticOf(getX().getType());
  auto term = [&](Value value) { return Term(builder, getLoc(), ReshapeOp::create(builder, getLoc(), column, value)); };
  Term y = term(getResult());
  auto lowest = llvm::APFloat::getLargest(cast<FloatType>(column.getElementType()).getFloatSemantics(), true);
  y = y.make<MaximumOp>(y.value, y.constant(lowest.convertToDouble()).value);
  return {term(cotangents[0]) * (Term(builder, getLoc(), getX()) - y).apply<ExpOp>()};
}

//===-- cumsum ----------------------------------------------------------------------------------------------------===//

LogicalResult CumsumOp::verify() {
  if (getType().getRank() == 0 || getType().isDynamicDim(getType().getRank() - 1))
    return emitOpError("needs a last dimension of constant size, but works on ") << shapeText(getType()) << " (c1)";
  return success();
}

// Every element is in the sums after it.
SmallVector<Value> CumsumOp::vjp(OpBuilder &builder, ValueRange cotangents, ArrayRef<bool>) {
  return {CumsumOp::create(builder, getLoc(), getType(), cotangents[0], getExclusive(), !getReverse())};
}

//===-- layer_norm ------------------------------------------------------------------------------------------------===//

static bool isRowVector(RankedTensorType vector, RankedTensorType x) {
  return x.getRank() >= 1 && vector.getRank() == 1 && vector.hasStaticShape() &&
         vector.getDimSize(0) == x.getShape().back();
}

LogicalResult LayerNormOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location, Adaptor operands,
                                            SmallVectorImpl<Type> &results) {
  RankedTensorType x = typeOf(operands.getX()), scale = typeOf(operands.getScale()), bias = typeOf(operands.getBias());
  if (scale != bias || !isRowVector(scale, x))
    return emitOptionalError(location, "layer_norm: x ", shapeText(x), ", scale ", shapeText(scale), " and bias ",
                             shapeText(bias), ": scale and bias must be vectors of x's last, constant size (c1)");
  RankedTensorType row = statisticOf(x);
  results.assign({x, row, row});
  return success();
}

// With h = (x - mean) rstd, u = g scale and n elements in a row:
// dx = rstd (u - avg(u) - h avg(u h)) + (g_mean - g_rstd rstd^2 h) / n, dscale = sum g h, dbias = sum g.
SmallVector<Value> LayerNormOp::vjp(OpBuilder &builder, ValueRange cotangents, ArrayRef<bool> needed) {
  Term x(builder, getLoc(), getX()), mean(builder, getLoc(), getMean()), rstd(builder, getLoc(), getRstd());
  Term scale(builder, getLoc(), getScale());
  double share = 1.0 / (double)x.type().getShape().back();
  Term h = (x - mean) * rstd;
  SmallVector<Value> result(3);
  auto addToInput = [&](Term term) {
    result[0] = result[0] ? Value(Term(builder, getLoc(), result[0]) + term) : Value(term);
  };
  if (cotangents[0]) {
    Term g(builder, getLoc(), cotangents[0]);
    if (needed[0]) {
      Term u = g * scale;
      addToInput(rstd * (u - (u.sumLast() + h * (u * h).sumLast()) * share));
    }
    if (needed[1]) result[1] = g * h;
    result[2] = g;
  }
  if (cotangents[1])
    addToInput(
        {builder, getLoc(),
         BroadcastOp::create(builder, getLoc(), getX().getType(), Term(builder, getLoc(), cotangents[1]) * share)});
  if (cotangents[2]) addToInput(-(Term(builder, getLoc(), cotangents[2]) * rstd * rstd * h) * share);
  return result;
}

//===-- rms_norm --------------------------------------------------------------------------------------------------===//

LogicalResult RmsNormOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location, Adaptor operands,
                                          SmallVectorImpl<Type> &results) {
  RankedTensorType x = typeOf(operands.getX()), scale = typeOf(operands.getScale());
  if (!isRowVector(scale, x))
    return emitOptionalError(location, "rms_norm: x ", shapeText(x), " and scale ", shapeText(scale),
                             ": scale must be a vector of x's last, constant size (c1)");
  results.assign({x, statisticOf(x)});
  return success();
}

// With h = x rstd, u = g scale and n elements in a row: dx = rstd (u - h avg(u h)) - g_rstd rstd^2 h / n, dscale = sum
// g h.
SmallVector<Value> RmsNormOp::vjp(OpBuilder &builder, ValueRange cotangents, ArrayRef<bool> needed) {
  Term rstd(builder, getLoc(), getRstd()), h = Term(builder, getLoc(), getX()) * rstd;
  double share = 1.0 / (double)getX().getType().getShape().back();
  SmallVector<Value> result(2);
  std::optional<Term> dx;
  if (cotangents[0]) {
    Term g(builder, getLoc(), cotangents[0]), u = g * Term(builder, getLoc(), getScale());
    if (needed[0]) dx = rstd * (u - h * ((u * h).sumLast() * share));
    if (needed[1]) result[1] = g * h;
  }
  if (cotangents[1] && needed[0]) {
    Term moved = Term(builder, getLoc(), cotangents[1]) * rstd * rstd * h * share;
    dx = dx ? *dx - moved : -moved;
  }
  if (dx) result[0] = *dx;
  return result;
}

//===-- cross_entropy ---------------------------------------------------------------------------------------------===//

LogicalResult CrossEntropyOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location, Adaptor operands,
                                               SmallVectorImpl<Type> &results) {
  RankedTensorType logits = typeOf(operands.getLogits()), labels = typeOf(operands.getLabels());
  Shapes shapes(context);
  auto rows = shapes.of(logits), of = shapes.of(labels);
  if (rows.size() != 2 || of.size() != 1 || rows[0] != of[0] || logits.isDynamicDim(1))
    return emitOptionalError(location, "cross_entropy: logits ", shapeText(logits), " and labels ", shapeText(labels),
                             ": they must be (rows, classes) and (rows), with a constant number of classes (c1)");
  RankedTensorType row = shapes.tensor(of, logits.getElementType());
  results.assign({row, row});
  return success();
}

// d loss / d logits = softmax - one_hot(label), d log_sum_exp / d logits = softmax.
SmallVector<Value> CrossEntropyOp::vjp(OpBuilder &builder, ValueRange cotangents, ArrayRef<bool> needed) {
  if (!needed[0]) return {Value(), Value()};
  RankedTensorType logits = typeOf(getLogits()), row = typeOf(getLoss());
  Shapes shapes(builder.getContext());
  RankedTensorType column = shapes.tensor({shapes.of(row)[0], shapes.one()}, row.getElementType());
  auto term = [&](Value value) { return Term(builder, getLoc(), ReshapeOp::create(builder, getLoc(), column, value)); };
  Term probability = (Term(builder, getLoc(), getLogits()) - term(getLogSumExp())).apply<ExpOp>();
  if (!cotangents[0]) return {term(cotangents[1]) * probability, Value()};
  Term label(builder, getLoc(), OneHotOp::create(builder, getLoc(), logits, getLabels()));
  Term result = term(cotangents[0]) * (probability - label);
  if (cotangents[1]) result = result + term(cotangents[1]) * probability;
  return {result, Value()};
}

} // namespace fovea
