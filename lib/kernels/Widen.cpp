// Low precision is for storage: what computes with f16 or bf16 computes in f32, between casts that kernels take in.
#include "lib/kernels/Widen.h"
#include "lib/Passes.h"

#include "dialect/ops/ScoreFunction.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace fovea {

#define GEN_PASS_DEF_WIDENPASS
#include "lib/Passes.h.inc"

namespace {

bool isLow(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && isLowPrecision(type.getElementType());
}

RankedTensorType wide(RankedTensorType type) { return type.clone(Float32Type::get(type.getContext())); }

class Widening {
public:
  explicit Widening(func::FuncOp function) : function(function), builder(function) {}

  void run() {
    SmallVector<Operation *> ops;
    for (Operation &op : function.front())
      if (computes(op)) ops.push_back(&op);
    for (Operation *op : ops) widen(op);
  }

private:
  /// Whether an op works on low precision, and does more than to move, hold or convert it.
  static bool computes(Operation &op) {
    if (!isa_and_nonnull<FoveaDialect>(op.getDialect()) || op.hasTrait<View>() || op.hasTrait<Structural>() ||
        isa<CastOp, ConstantOp>(op))
      return false;
    return llvm::any_of(op.getOperands(), isLow) || llvm::any_of(op.getResults(), isLow);
  }

  /// Whether this is, or is a view of, what a gradient keeps.
  bool isKept(Value value) const {
    Operation *op = value.getDefiningOp();
    if (op && op->hasTrait<View>() && op->getNumOperands() == 1) return isKept(op->getOperand(0));
    return op && kept.contains(op);
  }

  /// The value in f32.
  Value up(Value value) {
    if (Value cast = known.lookup(value)) return cast;
    Operation *op = value.getDefiningOp();
    Value result;
    if (!isKept(value)) {
      result = builder.createOrFold<CastOp>(value.getLoc(), wide(typeOf(value)), value);
    } else if (auto down = dyn_cast<CastOp>(op)) {
      result = down.getX();
    } else {
      IRMapping mapping;
      mapping.map(op->getOperand(0), up(op->getOperand(0)));
      result = builder.clone(*op, mapping)->getResult(0);
      result.setType(wide(typeOf(value)));
    }
    return known[value] = result;
  }

  void widen(Operation *op) {
    builder.setInsertionPoint(op);
    IRMapping mapping;
    for (Value operand : op->getOperands())
      if (isLow(operand)) mapping.map(operand, up(operand));
    Operation *computed = builder.clone(*op, mapping);
    if (auto attention = dyn_cast<AttentionOp>(computed)) retypeCaptures(computed, attention.getCaptures());
    if (auto map = dyn_cast<AttentionMapOp>(computed)) retypeCaptures(computed, map.getCaptures());
    if (auto gradient = dyn_cast<AttentionGradOp>(computed)) retypeCaptures(computed, gradient.getCaptures());
    for (auto [old, result] : llvm::zip(op->getResults(), computed->getResults())) {
      if (!isLow(old)) {
        old.replaceAllUsesWith(result);
        continue;
      }
      result.setType(wide(typeOf(old)));
      auto down = CastOp::create(builder, op->getLoc(), old.getType(), result);
      if (result.getResultNumber() > 0 || isa<LogSumExpOp>(op)) kept.insert(down);
      old.replaceAllUsesWith(down);
    }
    op->erase();
  }

  func::FuncOp function;
  OpBuilder builder;
  llvm::DenseMap<Value, Value> known; // the values in f32
  /// Casts of results beside the first, and of log_sum_exp: gradients take exponentials of them.
  llvm::DenseSet<Operation *> kept;
};

struct WidenPass : impl::WidenPassBase<WidenPass> {
  void runOnOperation() override {
    for (func::FuncOp function : getOperation().getOps<func::FuncOp>())
      if (!function.isDeclaration()) Widening(function).run();
  }
};

} // namespace

void dropRoundings(KernelOp kernel) {
  for (CastOp cast : llvm::make_early_inc_range(kernel.getOps<CastOp>())) {
    auto down = cast.getX().getDefiningOp<CastOp>();
    if (!down || !isLow(cast.getX()) || !down->hasOneUse() || down.getX().getType() != cast.getType()) continue;
    cast.replaceAllUsesWith(down.getX());
    cast.erase();
    down.erase();
  }
}

} // namespace fovea
