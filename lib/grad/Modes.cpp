// Training and inference mode: what dropout and batch normalization become in each.
#include "lib/grad/Grad.h"

#include "dialect/ops/Term.h"

using namespace mlir;

namespace fovea {

namespace {
/// A batch_norm in the terms of its mode.
class BatchNorm {
public:
  explicit BatchNorm(BatchNormOp op) : op(op), builder(op), shapes(op.getContext()), x(term(op.getX())) {
    auto sizes = shapes.of(op.getX());
    for (auto [d, size] : llvm::enumerate(sizes))
      if (d != 1) {
        axes.push_back(d);
        count = count * size;
        size = shapes.one();
      }
    column = shapes.tensor(sizes, x.type().getElementType());
  }

  void inInference() {
    Term centred = x - asColumn(running(op.getRunningMeanAttr()));
    replace(centred, asColumn(running(op.getRunningVarianceAttr())));
  }

  void inTraining() {
    Term number = size(count), mean = sum(x) / number, centred = x - mean, squares = sum(centred * centred);
    // One value has no variance, not an infinite one.
    Term others = number.make<MaximumOp>((number - 1.0).value, number.constant(1).value);
    update(op.getRunningMeanAttr(), mean);
    update(op.getRunningVarianceAttr(), squares / others);
    replace(centred, squares / number);
  }

private:
  Term term(Value value) { return {builder, op.getLoc(), value}; }
  Term reshaped(RankedTensorType type, Value value) {
    return term(ReshapeOp::create(builder, op.getLoc(), type, value));
  }
  Term asColumn(Value vector) { return reshaped(column, vector); }
  Term sum(Term of) { return of.make<SumOp>(of.value, ArrayRef<int64_t>(axes), true); }
  Term size(AffineExpr size) {
    auto type = RankedTensorType::get({}, x.type().getElementType());
    return term(SizeOp::create(builder, op.getLoc(), type, shapes.dims({shapes.normal(size)})));
  }
  Term running(FlatSymbolRefAttr state) {
    return term(LoadOp::create(builder, op.getLoc(), op.getScale().getType(), state));
  }

  void update(FlatSymbolRefAttr state, Term value) {
    Term old = running(state), now = reshaped(op.getScale().getType(), value);
    StoreOp::create(builder, op.getLoc(), old + (now - old) * op.getMomentum().convertToDouble(), state);
  }

  void replace(Term centred, Term variance) {
    Term rstd = 1.0 / (variance + op.getEpsilon().convertToDouble()).apply<SqrtOp>();
    op.replaceAllUsesWith((centred * (rstd * asColumn(op.getScale())) + asColumn(op.getBias())).value);
    op.erase();
  }

  BatchNormOp op;
  OpBuilder builder;
  Shapes shapes;
  Term x;
  SmallVector<int64_t> axes;
  AffineExpr count = shapes.one();
  RankedTensorType column; // a value for each channel, as it broadcasts against x
};
} // namespace

void resolveRules(func::FuncOp function) {
  function.walk([](CustomVjpOp op) {
    op.replaceAllUsesWith(op.getValues());
    op.erase();
  });
}

void resolveInference(func::FuncOp function) {
  resolveRules(function);
  function.walk([](BatchNormOp norm) { BatchNorm(norm).inInference(); });
  function.walk([](DropoutOp dropout) {
    dropout.replaceAllUsesWith(dropout.getX());
    dropout.erase();
  });
  function.walk([](AttentionOp attention) { attention.setDropout(APFloat(0.0)); });
}

/// x / (1 - rate) where the draw is at least the rate, else 0.
static void applyDropout(DropoutOp dropout, Value key) {
  OpBuilder builder(dropout);
  double rate = dropout.getRate().convertToDouble();
  Term x(builder, dropout.getLoc(), dropout.getX());
  Term draw(builder, dropout.getLoc(), RandomUniformOp::create(builder, dropout.getLoc(), x.type(), key));
  Value dropped = CompareOp::create(builder, dropout.getLoc(), draw, x.constant(rate), "lt");
  Term mask = x.make<SelectOp>(dropped, x.constant(0).value, x.constant(1 / (1 - rate)).value);
  dropout.replaceAllUsesWith((x * mask).value);
  dropout.erase();
}

int64_t resolveTraining(func::FuncOp function) {
  function.walk([](BatchNormOp norm) { BatchNorm(norm).inTraining(); });
  SmallVector<Operation *> random;
  function.walk([&](Operation *op) {
    if (auto dropout = dyn_cast<DropoutOp>(op); dropout && dropout.getRate().isZero()) {
      dropout.replaceAllUsesWith(dropout.getX());
      dropout.erase();
    } else if (auto attention = dyn_cast<AttentionOp>(op); dropout || (attention && !attention.getDropout().isZero())) {
      random.push_back(op);
    }
  });
  if (random.empty()) return 0;
  OpBuilder builder = OpBuilder::atBlockBegin(&function.front());
  Location location = function.getLoc();
  auto scalar = RankedTensorType::get({}, builder.getI64Type());
  auto one = RankedTensorType::get({2}, builder.getI32Type());
  Value seed = LoadOp::create(builder, location, scalar, "seed"),
        draws = LoadOp::create(builder, location, scalar, "draws");
  auto type = RankedTensorType::get({(int64_t)random.size(), 2}, builder.getI32Type());
  Value keys = RandomKeysOp::create(builder, location, type, seed, draws);
  for (auto [index, op] : llvm::enumerate(random)) {
    Value row = SliceOp::create(builder, location, keys, 0, index, 1, 1);
    Value key = ReshapeOp::create(builder, location, one, row);
    if (auto dropout = dyn_cast<DropoutOp>(op))
      applyDropout(dropout, key);
    else
      cast<AttentionOp>(op).getRandomKeyMutable().assign(key);
  }
  return random.size();
}

} // namespace fovea
