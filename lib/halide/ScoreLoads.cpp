// Steps and ranges of the integers in score and mask functions.
#include "lib/halide/ScoreLoads.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using Halide::Expr;

namespace fovea {

std::vector<Expr> captureIndices(KernelLowering &kernel, Value capture, ValueRange indices) {
  std::vector<Expr> result;
  for (auto [d, index] : llvm::enumerate(indices)) {
    Expr at = kernel.load(index, {}), last = Halide::cast(at.type(), kernel.extent(capture, d) - 1);
    Expr inside = Halide::cast<int32_t>(clamp(at, Halide::Internal::make_zero(at.type()), last));
    if (kernel.checks)
      inside = Halide::require(at >= Halide::Internal::make_zero(at.type()) && at <= last, inside,
                               "a function of attention loads element", at, "of dimension", (int)d,
                               "of a tensor that has elements 0 to", last);
    result.push_back(inside);
  }
  return result;
}

bool dependsOn(Value value, Value argument) {
  llvm::SetVector<Value> all;
  all.insert(value);
  for (size_t at = 0; at < all.size(); ++at)
    if (Operation *op = all[at].getDefiningOp()) all.insert(op->operand_begin(), op->operand_end());
  return all.contains(argument);
}

//===-- Steps -----------------------------------------------------------------------------------------------------===//

std::optional<unsigned> ScoreIndices::place(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || argument.getArgNumber() < scores || argument.getArgNumber() >= scores + 4) return std::nullopt;
  return argument.getArgNumber() - scores;
}

std::optional<int64_t> ScoreIndices::constant(Value value) {
  auto op = value.getDefiningOp<ConstantOp>();
  auto elements = op ? dyn_cast<DenseIntElementsAttr>(op.getValue()) : DenseIntElementsAttr();
  if (!elements || elements.getNumElements() != 1) return std::nullopt;
  return (*elements.begin()).getSExtValue();
}

ScoreIndices::Step ScoreIndices::step(Value value) {
  if (auto found = steps.find(value); found != steps.end()) return found->second;
  Step result = stepOf(value);
  return steps[value] = result;
}

/// Whether it is a multiple of `lanes` at the first key of a vector, and grows with the keys.
bool ScoreIndices::startsVector(Value value) {
  if (place(value) == 3) return true;
  Operation *op = value.getDefiningOp();
  if (!isa_and_nonnull<AddOp, SubOp>(op)) return false;
  std::optional<int64_t> by = constant(op->getOperand(1));
  return by && *by % lanes == 0 && startsVector(op->getOperand(0));
}

ScoreIndices::Step ScoreIndices::stepOf(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return place(value) == 3 ? Step::one : argument.getArgNumber() < scores ? Step::any : Step::none;
  Operation *op = value.getDefiningOp();
  if (isa<FloorDivOp, RemainderOp>(op) && startsVector(op->getOperand(0))) {
    std::optional<int64_t> by = constant(op->getOperand(1));
    if (by && *by > 0 && *by % lanes == 0) return isa<FloorDivOp>(op) ? Step::none : Step::one;
  }
  SmallVector<Step> each;
  for (Value operand : op->getOperands()) each.push_back(step(operand));
  if (llvm::all_of(each, [](Step step) { return step == Step::none; })) return Step::none;
  if (isa<AddOp, SubOp>(op) && each[0] == Step::one && each[1] == Step::none) return Step::one;
  if (isa<AddOp>(op) && each[0] == Step::none && each[1] == Step::one) return Step::one;
  return Step::any;
}

//===-- Ranges ----------------------------------------------------------------------------------------------------===//

std::optional<ScoreIndices::Range> ScoreIndices::range(Value value) {
  if (auto found = ranges.find(value); found != ranges.end()) return found->second;
  std::optional<Range> result = rangeOf(value);
  if (result && (result->low < INT32_MIN || result->high > INT32_MAX)) result = std::nullopt; // it may wrap around
  return ranges[value] = result;
}

std::optional<ScoreIndices::Range> ScoreIndices::rangeOf(Value value) {
  if (std::optional<unsigned> which = place(value))
    return sizes[*which] ? std::optional(Range{0, *sizes[*which] - 1}) : std::nullopt;
  if (std::optional<int64_t> number = constant(value)) return Range{*number, *number};
  Operation *op = value.getDefiningOp();
  if (!isa_and_nonnull<AddOp, SubOp, NegOp, MinimumOp, MaximumOp, FloorDivOp, RemainderOp>(op)) return std::nullopt;
  std::optional<Range> a = range(op->getOperand(0));
  if (!a) return std::nullopt;
  if (isa<NegOp>(op)) return Range{-a->high, -a->low};
  std::optional<Range> b = range(op->getOperand(1));
  if (!b) return std::nullopt;
  if (isa<AddOp>(op)) return Range{a->low + b->low, a->high + b->high};
  if (isa<SubOp>(op)) return Range{a->low - b->high, a->high - b->low};
  if (isa<MinimumOp>(op)) return Range{std::min(a->low, b->low), std::min(a->high, b->high)};
  if (isa<MaximumOp>(op)) return Range{std::max(a->low, b->low), std::max(a->high, b->high)};
  if (b->low != b->high || b->low <= 0) return std::nullopt;
  if (isa<RemainderOp>(op)) return Range{0, b->low - 1};
  return Range{llvm::divideFloorSigned(a->low, b->low), llvm::divideFloorSigned(a->high, b->low)};
}

bool ScoreIndices::areNeighbours(Value capture, ValueRange indices) {
  auto type = cast<RankedTensorType>(capture.getType());
  if (indices.empty() || type.isDynamicDim(type.getRank() - 1) || step(indices.back()) != Step::one) return false;
  if (!getElementTypeOrSelf(indices.back().getType()).isSignlessInteger(32)) return false;
  std::optional<Range> last = range(indices.back());
  return last && last->low >= 0 && last->high < type.getDimSize(type.getRank() - 1) &&
         llvm::all_of(indices.drop_back(), [&](Value index) { return step(index) == Step::none; });
}

//===-- Marked loads ----------------------------------------------------------------------------------------------===//

using namespace Halide::Internal;

static const std::string whereName = "load_where", pureName = "load_pure ", unboundedName = "unbounded";

Expr MarkedLoads::where(const Expr &element, const Expr &condition) {
  return Call::make(element.type(), whereName, {element, condition}, Call::PureExtern);
}

Expr MarkedLoads::pure(const Halide::Func &func, const Expr &index, const Expr &around) {
  return Call::make(func.type(), pureName + func.name(), {index, around}, Call::PureExtern);
}

Expr MarkedLoads::unbounded(const Expr &value) {
  return Call::make(value.type(), unboundedName, {value}, Call::PureExtern);
}

Expr MarkedLoads::visit(const Call *call) {
  if (call->name == unboundedName) return mutate(call->args[0]);
  if (call->name.compare(0, pureName.size(), pureName) == 0)
    return Load::make(call->type, call->name.substr(pureName.size()), mutate(call->args[0]), Halide::Buffer<>(),
                      Halide::Parameter(), const_true(call->type.lanes()), ModulusRemainder());
  if (call->name != whereName) return IRMutator::visit(call);
  Expr around = condition;
  condition = mutate(call->args[1]);
  Expr result = mutate(call->args[0]);
  condition = around;
  return result;
}

Expr MarkedLoads::visit(const Load *load) {
  if (!condition.defined() || load->type.lanes() != condition.type().lanes() || load->type.is_scalar())
    return IRMutator::visit(load);
  return Load::make(load->type, load->name, load->index, load->image, load->param, condition, load->alignment);
}

} // namespace fovea
