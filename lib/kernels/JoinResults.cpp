// Which launches only join results, as the gradients of queries, keys and values are to that of their product.
#include "lib/kernels/JoinResults.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;

namespace fovea {
namespace {

/// Follows a value through reshapes and transposes to where it comes from; `moves` are these, the last first.
Value sourceOf(Value value, SmallVectorImpl<Operation *> &moves) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<ReshapeOp, TransposeOp>(op)) break;
    moves.push_back(op);
    value = op->getOperand(0);
  }
  return value;
}

/// The source's elements in a value that has those of the last move's result.
Value undo(OpBuilder &builder, ArrayRef<Operation *> moves, Value value) {
  for (Operation *move : moves)
    if (auto transpose = dyn_cast<TransposeOp>(move))
      value = TransposeOp::create(builder, move->getLoc(), value, invertPermutationVector(transpose.getPermutation()));
    else
      value = ReshapeOp::create(builder, move->getLoc(), move->getOperand(0).getType(), value);
  return value;
}

class Joining {
public:
  Joining(LaunchOp join, StridedViews &views, llvm::function_ref<KernelOp(LaunchOp)> kernelOf)
      : join(join), views(views), kernelOf(kernelOf), builder(join->getContext()) {}

  SmallVector<JoinedPart> parts() {
    auto yield = cast<YieldOp>(kernelOf(join).getBody().front().getTerminator());
    SmallVector<Operation *> moves;
    auto concat =
        yield.getNumOperands() == 1 ? sourceOf(yield.getOperand(0), moves).getDefiningOp<ConcatOp>() : ConcatOp();
    if (!concat) return {};
    // Views of the whole, as ops, for as long as it takes to find their strides.
    builder.setInsertionPointAfter(join);
    Block::iterator after = builder.getInsertionPoint();
    Value whole = undo(builder, moves, join.getResult(0));
    SmallVector<JoinedPart> parts;
    int64_t start = 0, axis = concat.getAxis();
    for (Value input : concat.getInputs()) {
      int64_t size = typeOf(input).getDimSize(axis);
      Value place = SliceOp::create(builder, join.getLoc(), whole, axis, start, size, 1);
      std::optional<JoinedPart> part = partOf(input, place);
      if (!part) break;
      parts.push_back(*part);
      start += size;
    }
    while (join->getNextNode() != &*after) std::prev(after)->erase();
    if (parts.size() != concat.getInputs().size()) parts.clear();
    return parts;
  }

private:
  /// The result that an operand of the concatenation is, which has `place` in the whole.
  std::optional<JoinedPart> partOf(Value input, Value place) {
    SmallVector<Operation *> inside, outside;
    auto argument = dyn_cast<BlockArgument>(sourceOf(input, inside));
    if (!argument || !argument.hasOneUse()) return std::nullopt;
    auto result = dyn_cast<OpResult>(sourceOf(join.getInputs()[argument.getArgNumber()], outside));
    bool isRead = llvm::all_of(outside, [](Operation *move) { return move->hasOneUse(); });
    if (!result || !result.hasOneUse() || !isRead || !takesLayout(result)) return std::nullopt;
    std::optional<StridedView> view = views.of(undo(builder, outside, undo(builder, inside, place)));
    return view ? std::optional<JoinedPart>({result, *view}) : std::nullopt;
  }

  /// Providers write what attention gives by any strides.
  bool takesLayout(OpResult result) {
    auto launch = dyn_cast<LaunchOp>(result.getOwner());
    if (!launch) return false;
    auto yield = cast<YieldOp>(kernelOf(launch).getBody().front().getTerminator());
    return isa_and_nonnull<AttentionOp, AttentionGradOp>(yield.getOperand(result.getResultNumber()).getDefiningOp());
  }

  LaunchOp join;
  StridedViews &views;
  llvm::function_ref<KernelOp(LaunchOp)> kernelOf;
  OpBuilder builder;
};

} // namespace

SmallVector<JoinedPart> joinedParts(LaunchOp join, StridedViews &views,
                                    llvm::function_ref<KernelOp(LaunchOp)> kernelOf) {
  return Joining(join, views, kernelOf).parts();
}

} // namespace fovea
