// Reverse mode: one walk back from the loss. Ops give vector-Jacobian products; sums and unbroadcasting happen here.
#include "dialect/Gradients.h"

#include "dialect/ops/Term.h"

using namespace mlir;

namespace fovea {

Value unbroadcast(OpBuilder &builder, Location location, Value cotangent, RankedTensorType type) {
  auto from = cast<RankedTensorType>(cotangent.getType());
  if (from == type) return cotangent;
  Shapes shapes(builder.getContext());
  auto wide = shapes.of(from), narrow = shapes.of(type);
  size_t extra = wide.size() > narrow.size() ? wide.size() - narrow.size() : 0;
  SmallVector<int64_t> axes;
  for (size_t d = 0; d < wide.size(); ++d)
    if (d < extra || wide[d] != narrow[d - extra]) axes.push_back(d);
  Value sum = axes.empty() ? cotangent : SumOp::create(builder, location, cotangent, axes, false).getResult();
  if (sum.getType() == type) return sum;
  // Where the cotangent is smaller than the value, every element has it; else dimensions of size 1 come back.
  if (wide.size() < narrow.size() || shapes.product(shapes.of(sum)) != shapes.product(narrow))
    return BroadcastOp::create(builder, location, type, sum);
  return ReshapeOp::create(builder, location, type, sum);
}

namespace {
class Reverse {
public:
  Reverse(OpBuilder &builder, Value loss, ArrayRef<Value> inputs) : builder(builder), loss(loss), inputs(inputs) {}

  FailureOr<SmallVector<Value>> run(Value seed) {
    findDependent();
    auto type = cast<RankedTensorType>(loss.getType());
    if (!seed)
      seed = ConstantOp::create(builder, loss.getLoc(),
                                DenseElementsAttr::get(type, FloatAttr::get(type.getElementType(), 1)));
    cotangents[loss] = seed;
    for (Operation *op : llvm::reverse(path))
      if (failed(visit(op))) return failure();
    SmallVector<Value> result;
    for (Value input : inputs)
      result.push_back(cotangents.count(input) ? cotangents[input] : filled(builder, input.getLoc(), typeOf(input), 0));
    return result;
  }

private:
  /// Values that depend on the inputs, and the ops from the inputs to the loss, in order.
  void findDependent() {
    for (Value input : inputs) dependent.insert(input);
    for (Operation &op : *loss.getParentBlock()) {
      if (llvm::any_of(op.getOperands(), [&](Value operand) { return dependent.contains(operand); })) {
        for (Value result : op.getResults()) dependent.insert(result);
        path.push_back(&op);
      }
      if (&op == loss.getDefiningOp()) break;
    }
  }

  LogicalResult visit(Operation *op) {
    SmallVector<Value> results;
    for (Value result : op->getResults()) results.push_back(cotangents.lookup(result));
    if (llvm::none_of(results, [](Value cotangent) { return bool(cotangent); })) return success();
    if (op->hasTrait<NotDifferentiable>()) return success();
    auto rule = dyn_cast<Differentiable>(op);
    SmallVector<bool> needed;
    for (Value operand : op->getOperands()) needed.push_back(dependent.contains(operand));
    SmallVector<Value> operands;
    if (rule) operands = rule.vjp(builder, results, needed);
    if (operands.empty())
      return op->emitOpError("has no gradient rule, but the loss depends on trained parameters through it: ")
             << (rule ? rule.withoutGradient() : "freeze them, or use another op");
    assert(operands.size() == op->getNumOperands() && "vjp gives one cotangent for each operand");
    for (auto [operand, cotangent, need] : llvm::zip(op->getOperands(), operands, needed))
      if (need && cotangent) accumulate(operand, cotangent);
    return success();
  }

  void accumulate(Value value, Value cotangent) {
    Location location = cotangent.getLoc();
    cotangent = unbroadcast(builder, location, cotangent, cast<RankedTensorType>(value.getType()));
    Value &sum = cotangents[value];
    sum = sum ? AddOp::create(builder, location, sum, cotangent).getResult() : cotangent;
  }

  OpBuilder &builder;
  Value loss;
  ArrayRef<Value> inputs;
  llvm::DenseSet<Value> dependent;
  SmallVector<Operation *> path;
  llvm::DenseMap<Value, Value> cotangents;
};
} // namespace

FailureOr<SmallVector<Value>> buildGradients(OpBuilder &builder, Value loss, ArrayRef<Value> inputs, Value seed) {
  return Reverse(builder, loss, inputs).run(seed);
}

} // namespace fovea
