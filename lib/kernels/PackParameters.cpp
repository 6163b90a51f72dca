// Parameters that products multiply by are kept in the panels that the products' kernels read.
#include "lib/Passes.h"
#include "lib/kernels/schedule/Schedule.h"

#include "dialect/Shape.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace fovea {

#define GEN_PASS_DEF_PACKPARAMETERSPASS
#include "lib/Passes.h.inc"

namespace {

/// The op over other operands and of another shape.
Value rebuild(PatternRewriter &rewriter, Operation *op, ArrayRef<Value> operands, RankedTensorType shape) {
  Type result = shape.clone(typeOf(op->getResult(0)).getElementType());
  return rewriter.create(OperationState(op->getLoc(), op->getName(), operands, result, op->getAttrs()))->getResult(0);
}

/// op(unpack(a), unpack(b), scalar) = unpack(op(a, b, scalar))
struct SinkUnpack : RewritePattern {
  explicit SinkUnpack(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!op->hasTrait<Elementwise>()) return failure();
    UnpackOp first;
    SmallVector<Value> operands;
    DimsAttr whole = dimsOf(typeOf(op->getResult(0)));
    for (Value operand : op->getOperands()) {
      auto unpack = operand.getDefiningOp<UnpackOp>();
      if (!unpack && typeOf(operand).getRank() != 0) return failure();
      if (unpack && (dimsOf(unpack.getType()) != whole || (first && unpack.getPanels() != first.getPanels())))
        return failure();
      if (unpack) first = unpack;
      operands.push_back(unpack ? unpack.getX() : operand);
    }
    if (!first) return failure();
    Value packed = rebuild(rewriter, op, operands, typeOf(first.getX()));
    rewriter.replaceOpWithNewOp<UnpackOp>(op, op->getResult(0).getType(), packed, first.getPanels());
    return success();
  }
};

/// pack(op(a, b, scalar)) = op(pack(a), pack(b), scalar)
struct HoistPack : OpRewritePattern<PackOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PackOp pack, PatternRewriter &rewriter) const override {
    Operation *op = pack.getX().getDefiningOp();
    if (!op || !op->hasTrait<Elementwise>()) return failure();
    RankedTensorType whole = pack.getX().getType();
    for (Value operand : op->getOperands())
      if (typeOf(operand).getRank() != 0 && dimsOf(typeOf(operand)) != dimsOf(whole)) return failure();
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(typeOf(operand).getRank() == 0
                             ? operand
                             : PackOp::create(rewriter, pack.getLoc(), operand, pack.getPanels()).getResult());
    rewriter.replaceOp(pack, rebuild(rewriter, op, operands, pack.getType()));
    return success();
  }
};

/// A number everywhere is the same packed.
struct HoistPackOfScalar : OpRewritePattern<PackOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PackOp pack, PatternRewriter &rewriter) const override {
    auto broadcast = pack.getX().getDefiningOp<BroadcastOp>();
    if (!broadcast || broadcast.getX().getType().getRank() != 0) return failure();
    rewriter.replaceOpWithNewOp<BroadcastOp>(pack, pack.getType(), broadcast.getX());
    return success();
  }
};

/// Merging the axes behind that of the panels is the same packed: the weight of a convolution seen as a matrix.
struct SinkUnpackBelowReshape : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp reshape, PatternRewriter &rewriter) const override {
    auto unpack = reshape.getX().getDefiningOp<UnpackOp>();
    if (!unpack || unpack.getPanels().getAxis() != 0 || reshape.getType().getRank() != 2 ||
        reshape.getType().getDimSize(0) != unpack.getType().getDimSize(0))
      return failure();
    Value packed =
        ReshapeOp::create(rewriter, reshape.getLoc(), unpack.getPanels().pack(reshape.getType()), unpack.getX());
    rewriter.replaceOpWithNewOp<UnpackOp>(reshape, reshape.getType(), packed, unpack.getPanels());
    return success();
  }
};

/// A sum or maximum over all of a tensor whose panels are full.
template <typename Op> struct ReducePacked : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op reduce, PatternRewriter &rewriter) const override {
    auto unpack = reduce.getX().template getDefiningOp<UnpackOp>();
    if (!unpack || reduce.getType().getRank() != 0 ||
        unpack.getX().getType().getNumElements() != unpack.getType().getNumElements())
      return failure();
    auto axes = llvm::to_vector(llvm::seq<int64_t>(0, unpack.getX().getType().getRank()));
    rewriter.replaceOpWithNewOp<Op>(reduce, unpack.getX(), axes, false);
    return success();
  }
};

struct PackParametersPass : impl::PackParametersPassBase<PackParametersPass> {
  using PackParametersPassBase::PackParametersPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<Target> best = targetOf(module, target);
    if (failed(best)) return signalPassFailure();
    if (best->onDevice()) return; // a block of threads stages what it reads
    llvm::StringMap<PanelsAttr> parameters;
    for (StateOp state : module.getOps<StateOp>())
      if (PanelsAttr panels = panelsFor(module, state, *best)) parameters[state.getSymName()] = panels;
    for (StateOp state : module.getOps<StateOp>()) choose(state, parameters);
    SymbolTable symbols(module);
    for (func::FuncOp function : module.getOps<func::FuncOp>())
      if (!function.isDeclaration() && failed(rewrite(symbols, function))) return signalPassFailure();
  }

  /// The panels in which the first function that loads a parameter multiplies by it; null if it does not.
  PanelsAttr panelsFor(ModuleOp module, StateOp state, const Target &target) {
    if (state.getRole() != "parameter" || state.getPanels()) return {};
    for (func::FuncOp function : module.getOps<func::FuncOp>()) {
      bool loaded = false;
      for (LoadOp load : function.getOps<LoadOp>()) {
        if (load.getState() != state.getSymName()) continue;
        loaded = true;
        for (Operation *user : load->getUsers())
          if (PanelsAttr panels = panelsOf(user, load, target)) return panels;
      }
      if (loaded) return {};
    }
    return {};
  }

  PanelsAttr panelsOf(Operation *user, Value weight, const Target &target) {
    while (isa<CastOp>(user) && user->hasOneUse()) {
      weight = user->getResult(0);
      user = *user->user_begin();
    }
    if (auto reshape = dyn_cast<ReshapeOp>(user))
      if (reshape.getType().getRank() == 2 && reshape->hasOneUse() &&
          reshape.getType().getDimSize(0) == typeOf(weight).getDimSize(0)) {
        weight = reshape;
        user = *reshape->user_begin();
      }
    auto matmul = dyn_cast<MatmulOp>(user);
    int64_t axis = matmul && matmul.getTransposeB() ? 0 : 1;
    if (!matmul || matmul.getB() != weight || typeOf(weight).getRank() != 2 ||
        (axis == 1 && weight.getDefiningOp<ReshapeOp>()))
      return {};
    int64_t columns = typeOf(weight).getDimSize(axis);
    int64_t size = panelColumns(columns, typeOf(weight).getElementTypeBitWidth(), target);
    // A narrow matrix is not worth the room of a whole panel.
    if ((int64_t)llvm::alignTo(columns, size) > 2 * columns) return {};
    return PanelsAttr::get(&getContext(), axis, size);
  }

  /// What belongs to a parameter is named KIND/PARAMETER. Gradients come out of products in panels of columns only.
  void choose(StateOp state, const llvm::StringMap<PanelsAttr> &parameters) {
    bool own = state.getRole() == "parameter";
    PanelsAttr panels = parameters.lookup(own ? state.getSymName() : state.getSymName().split('/').second);
    if (!panels || (state.getRole() == "gradient" && panels.getAxis() != 1)) return;
    state.setPanelsAttr(panels);
  }

  LogicalResult rewrite(const SymbolTable &symbols, func::FuncOp function) {
    OpBuilder builder(&getContext());
    for (LoadOp load : llvm::to_vector(function.getOps<LoadOp>())) {
      auto state = symbols.lookup<StateOp>(load.getState());
      if (!state.getPanels() || load.getType() == state.getStorage()) continue;
      builder.setInsertionPointAfter(load);
      auto unpack = UnpackOp::create(builder, load.getLoc(), load.getType(), load, *state.getPanels());
      load.getResult().replaceAllUsesExcept(unpack, unpack);
      load.getResult().setType(state.getStorage());
    }
    for (StoreOp store : function.getOps<StoreOp>()) {
      auto state = symbols.lookup<StateOp>(store.getState());
      if (!state.getPanels() || store.getValue().getType() == state.getStorage()) continue;
      builder.setInsertionPoint(store);
      store.getValueMutable().assign(PackOp::create(builder, store.getLoc(), store.getValue(), *state.getPanels()));
    }
    RewritePatternSet patterns(&getContext());
    patterns.add<SinkUnpack, HoistPack, HoistPackOfScalar, SinkUnpackBelowReshape, ReducePacked<SumOp>,
                 ReducePacked<MaxOp>>(&getContext());
    if (failed(applyPatternsGreedily(function, std::move(patterns)))) return failure();
    IRRewriter rewriter(&getContext());
    DominanceInfo dominance(function);
    eliminateCommonSubExpressions(rewriter, dominance, function);
    return success();
  }
};

} // namespace
} // namespace fovea
