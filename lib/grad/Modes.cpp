// Training and inference mode: what dropout becomes in each.
#include "lib/grad/Grad.h"

#include "dialect/ops/Term.h"

using namespace mlir;

namespace fovea {

void resolveInference(func::FuncOp function) {
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
  Value seed = LoadOp::create(builder, location, scalar, "seed"), draws = LoadOp::create(builder, location, scalar, "draws");
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
