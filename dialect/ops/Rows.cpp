// Row ops: shape rules and gradients.
#include "dialect/ops/Term.h"

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

//===-- softmax ---------------------------------------------------------------------------------------------------===//

LogicalResult SoftmaxOp::verify() {
  if (getType().getRank() == 0) return emitOpError("needs a last dimension, but has rank 0 (c1)");
  return success();
}

SmallVector<Value> SoftmaxOp::vjp(OpBuilder &builder, ValueRange cotangents, ArrayRef<bool>) {
  Term g(builder, getLoc(), cotangents[0]), y(builder, getLoc(), getResult());
  return {y * (g - (g * y).sumLast())};
}

//===-- layer_norm ------------------------------------------------------------------------------------------------===//

LogicalResult LayerNormOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location, Adaptor operands,
                                            SmallVectorImpl<Type> &results) {
  RankedTensorType x = typeOf(operands.getX()), scale = typeOf(operands.getScale()), bias = typeOf(operands.getBias());
  bool fits = x.getRank() >= 1 && scale == bias && scale.getRank() == 1 && scale.getDimSize(0) == x.getShape().back() &&
              scale.hasStaticShape();
  if (!fits)
    return emitOptionalError(location, "layer_norm: x ", shapeText(x), ", scale ", shapeText(scale), " and bias ", shapeText(bias),
                             ": scale and bias must be vectors of x's last, constant size (c1)");
  Shapes shapes(context);
  auto sizes = shapes.of(x);
  sizes.back() = shapes.one();
  RankedTensorType row = shapes.tensor(sizes, x.getElementType());
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
  auto addToInput = [&](Term term) { result[0] = result[0] ? Value(Term(builder, getLoc(), result[0]) + term) : Value(term); };
  if (cotangents[0]) {
    Term g(builder, getLoc(), cotangents[0]);
    if (needed[0]) {
      Term u = g * scale;
      addToInput(rstd * (u - (u.sumLast() + h * (u * h).sumLast()) * share));
    }
    if (needed[1]) result[1] = g * h;
    result[2] = g;
  }
  if (cotangents[1]) addToInput({builder, getLoc(), BroadcastOp::create(builder, getLoc(), getX().getType(),
                                                                        Term(builder, getLoc(), cotangents[1]) * share)});
  if (cotangents[2]) addToInput(-(Term(builder, getLoc(), cotangents[2]) * rstd * rstd * h) * share);
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
