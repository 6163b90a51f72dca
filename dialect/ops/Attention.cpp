// Attention: shape rule, verifier and gradient.
#include "dialect/ops/ScoreFunction.h"
#include "dialect/ops/Term.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

#define GET_OP_CLASSES
#include "dialect/ops/Attention.cpp.inc"

namespace fovea {

void registerAttention(FoveaDialect &dialect) {
  dialect.addFamily<
#define GET_OP_LIST
#include "dialect/ops/Attention.cpp.inc"
      >();
}

static LogicalResult inferAttention(std::optional<Location> location, RankedTensorType q, RankedTensorType k,
                                    RankedTensorType v, SmallVectorImpl<Type> &results) {
  std::string facts = "attention: query " + shapeText(q) + ", key " + shapeText(k) + " and value " + shapeText(v);
  if (q.getRank() != 4 || k.getRank() != 4 || v.getRank() != 4 || q.getElementType() != k.getElementType() ||
      q.getElementType() != v.getElementType())
    return emitOptionalError(location, facts,
                             ": all need rank 4, (batch, heads, length, head size), and one element type (c1)");
  Shapes shapes(q.getContext());
  auto qs = shapes.of(q), ks = shapes.of(k), vs = shapes.of(v);
  if (qs[0] != ks[0] || ks[0] != vs[0] || ks[1] != vs[1] || ks[2] != vs[2] || qs[3] != ks[3])
    return emitOptionalError(location, facts,
                             ": batches, the heads and lengths of key and value, and the head sizes of "
                             "query and key must be equal (c2)");
  if (q.isDynamicDim(1) || k.isDynamicDim(1) || k.getDimSize(1) < 1 || q.getDimSize(1) % k.getDimSize(1))
    return emitOptionalError(location, facts, ": ", k.getDimSize(1), " key heads do not divide ", q.getDimSize(1),
                             " query heads (c3)");
  results.push_back(shapes.tensor({qs[0], qs[1], qs[2], vs[3]}, q.getElementType()));
  results.push_back(shapes.tensor({qs[0], qs[1], qs[2]}, q.getElementType()));
  return success();
}

LogicalResult AttentionOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor operands,
                                            SmallVectorImpl<Type> &results) {
  return inferAttention(location, typeOf(operands.getQuery()), typeOf(operands.getKey()), typeOf(operands.getValue()),
                        results);
}

LogicalResult AttentionGradOp::verify() {
  SmallVector<Type> forward;
  if (failed(inferAttention(getLoc(), getQuery().getType(), getKey().getType(), getValue().getType(), forward)))
    return failure();
  if (getResults().take_front(3).getTypes() != getOperands().take_front(3).getTypes() ||
      getCotangent().getType() != forward[0] || getLogSumExp().getType() != forward[1] ||
      getDelta().getType() != forward[1])
    return emitOpError("needs a cotangent ")
           << shapeText(cast<RankedTensorType>(forward[0])) << ", log_sum_exp and delta "
           << shapeText(cast<RankedTensorType>(forward[1])) << ", and results as query, key and value (c1)";
  return success();
}

/// kv_lengths, where there are some.
template <typename Op> static LogicalResult verifyLengths(Op op) {
  Value lengths = op.getKvLengths();
  RankedTensorType query = op.getQuery().getType();
  if (!lengths || dimsOf(typeOf(lengths)).getSizes() == dimsOf(query).getSizes().take_front(1)) return success();
  return op.emitOpError("kv_lengths ") << shapeText(typeOf(lengths))
                                       << " must hold one length for each of the batch of " << shapeText(query)
                                       << " (c4)";
}

/// The score and mask regions.
template <typename Op> static LogicalResult verifyFunctions(Op op) {
  Type element = op.getQuery().getType().getElementType();
  return success(succeeded(verifyScoreFunction(op, op.getScore(), "score", 1, op.getCaptures(), element, false)) &&
                 succeeded(verifyScoreFunction(op, op.getMask(), "mask", 0, op.getCaptures(), element, true)));
}

LogicalResult AttentionOp::verify() {
  if (failed(verifyLengths(*this))) return failure();
  double dropout = getDropout().convertToDouble();
  if (!(dropout >= 0 && dropout < 1) || (dropout == 0 && getRandomKey()))
    return emitOpError("drops weights with probability ")
           << dropout << (getRandomKey() ? " by a random key" : "")
           << ": it must be below 1, and positive where there is a key (c5)";
  return success();
}

LogicalResult AttentionOp::verifyRegions() { return verifyFunctions(*this); }

LogicalResult AttentionGradOp::verifyRegions() {
  Type element = getQuery().getType().getElementType();
  if (failed(verifyFunctions(*this)) ||
      failed(verifyScoreFunction(*this, getGradient(), "gradient", 2, getCaptures(), element, false)))
    return failure();
  SmallVector<Type> types;
  for (const CaptureGradient &each : captureGradients(getGradient(), getQuery().getType(), getCaptures()))
    types.push_back(each.sums(getQuery().getType(), typeOf(getCaptures()[each.capture])));
  if (getScore().empty() != getGradient().empty() || getDCaptures().getTypes() != TypeRange(types))
    return emitOpError("needs a gradient region exactly where it has a score region, and ")
           << types.size() << " results for captures" << (types.empty() ? "" : ", the first ")
           << (types.empty() ? "" : shapeText(cast<RankedTensorType>(types[0]))) << " (c8)";
  return success();
}

SmallVector<Value> AttentionOp::vjp(OpBuilder &builder, ValueRange cotangents, ArrayRef<bool> needed) {
  RankedTensorType rows = typeOf(getLogSumExp());
  Value g = cotangents[0];
  if (!g) {
    Term zero = Term(builder, getLoc(), getResult()).constant(0);
    g = BroadcastOp::create(builder, getLoc(), getResult().getType(), zero);
  }
  Term product = Term(builder, getLoc(), g) * Term(builder, getLoc(), getResult());
  Term delta(builder, getLoc(), SumOp::create(builder, getLoc(), product, ArrayRef<int64_t>{3}, false));
  if (cotangents[1]) delta = delta - Term(builder, getLoc(), cotangents[1]);
  assert(delta.type() == rows);
  auto [firstCapture, captures] = getODSOperandIndexAndLength(5);
  Region gradient;
  if (!getScore().empty() && failed(differentiateScore(getScore(), gradient, needed.slice(firstCapture, captures))))
    return {};
  RankedTensorType query = getQuery().getType();
  SmallVector<CaptureGradient> captured = captureGradients(gradient, query, getCaptures());
  SmallVector<Type> types;
  for (const CaptureGradient &each : captured) types.push_back(each.sums(query, typeOf(getCaptures()[each.capture])));
  auto grad =
      AttentionGradOp::create(builder, getLoc(), query, getKey().getType(), getValue().getType(), types, getQuery(),
                              getKey(), getValue(), g, getLogSumExp(), delta, getKvLengths(), getRandomKey(),
                              getCaptures(), getScale(), getWindowLeft(), getWindowRight(), getOffset(), getDropout());
  IRMapping mapping;
  getScore().cloneInto(&grad.getScore(), mapping);
  getMask().cloneInto(&grad.getMask(), mapping);
  grad.getGradient().takeBody(gradient);
  SmallVector<Value> result(getNumOperands());
  llvm::copy(grad.getResults().take_front(3), result.begin());
  for (auto [each, sums] : llvm::zip(captured, grad.getDCaptures()))
    result[firstCapture + each.capture] = each.total(builder, sums, typeOf(getCaptures()[each.capture]));
  return result;
}

//===-- Maps ------------------------------------------------------------------------------------------------------===//

LogicalResult AttentionMapOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor operands,
                                               SmallVectorImpl<Type> &results) {
  RankedTensorType q = typeOf(operands.getQuery()), k = typeOf(operands.getKey());
  SmallVector<Type> attended;
  if (failed(inferAttention(location, q, k, k, attended))) return failure();
  Shapes shapes(q.getContext());
  auto qs = shapes.of(q), ks = shapes.of(k);
  SmallVector<AffineExpr> sizes{qs[0], qs[1], qs[2], ks[2]};
  if (operands.getOver() == "heads") sizes.erase(sizes.begin() + 1);
  if (operands.getOver() == "entropy") sizes.pop_back();
  results.push_back(shapes.tensor(sizes, q.getElementType()));
  return success();
}

LogicalResult AttentionMapOp::verify() {
  SmallVector<Type> attended;
  Value value = getValue() ? getValue() : getKey();
  if (failed(inferAttention(getLoc(), getQuery().getType(), getKey().getType(), typeOf(value), attended)))
    return failure();
  if (!llvm::is_contained({"raw", "score", "masked", "weight"}, getGive()) ||
      (getGive() == "weight") != bool(getLogSumExp()) || (getLogSumExp() && getLogSumExp().getType() != attended[1]))
    return emitOpError("gives '") << getGive()
                                  << "': it must be raw, score, masked, or weight, which alone takes a log_sum_exp, "
                                  << shapeText(cast<RankedTensorType>(attended[1])) << " (c9)";
  if (!llvm::is_contained({"none", "heads", "entropy"}, getOver()) || (getOver() == "entropy" && getGive() != "weight"))
    return emitOpError("is over '") << getOver()
                                    << "': it must be none, heads, or entropy, which is that of weights (c10)";
  if (bool(getCotangent()) != bool(getValue()) || (getValue() && (getGive() != "weight" || getOver() == "entropy")) ||
      (getCotangent() && getCotangent().getType() != attended[0]))
    return emitOpError(
        "needs a cotangent, as attention's result, exactly where it has a value, and weights, but no entropy, "
        "to multiply with (c11)");
  return verifyLengths(*this);
}

LogicalResult AttentionMapOp::verifyRegions() { return verifyFunctions(*this); }

} // namespace fovea
