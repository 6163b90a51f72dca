// The heuristic: register tiles from the vector registers, tasks of some tens of microseconds.
#include "lib/kernels/schedule/Schedule.h"

#include "dialect/Shape.h"

using namespace mlir;

namespace fovea {

/// A dimension's size, or a typical one where it is symbolic.
static int64_t sizeOr(RankedTensorType type, int64_t d, int64_t typical) {
  return type.isDynamicDim(d) ? typical : type.getDimSize(d);
}

static int64_t elementBits(RankedTensorType type) { return std::max<int64_t>(8, type.getElementTypeBitWidth()); }

/// Columns that waste least of the last panel, then the widest.
static int64_t registerColumns(int64_t columns, int64_t lanes, int64_t widest) {
  int64_t best = 1, bestCost = INT64_MAX;
  for (int64_t vectors = 1; vectors <= widest; ++vectors) {
    int64_t panel = vectors * lanes, padded = llvm::divideCeil(columns, panel) * panel;
    if (padded <= bestCost) best = vectors, bestCost = padded;
  }
  return best;
}

/// Accumulators fill the registers but for one row of b and one element of a.
static int64_t registerRows(int64_t vectors, const Target &target) {
  if (target.vectorRegisters == 32) return vectors == 4 ? 6 : vectors == 3 ? 8 : 12;
  return vectors == 3 ? 4 : vectors == 2 ? 6 : 8;
}

static ScheduleAttr contraction(MLIRContext *context, RankedTensorType result, const Target &target) {
  int64_t lanes = target.lanes(elementBits(result));
  int64_t vectors = registerColumns(sizeOr(result, result.getRank() - 1, 256), lanes, target.vectorRegisters == 32 ? 4 : 3);
  int64_t rows = std::min(registerRows(vectors, target), sizeOr(result, result.getRank() - 2, 64));
  return ScheduleAttr::get(context, "MNmkn", rows, vectors * lanes, lanes, llvm::alignTo(64, rows), 1);
}

/// Loops over rows of the last dimension: a task takes about this many elements.
static ScheduleAttr rowwise(MLIRContext *context, RankedTensorType type, const Target &target, StringRef loops) {
  constexpr int64_t taskElements = 1 << 14;
  int64_t lanes = target.lanes(elementBits(type)), width = type.getRank() ? sizeOr(type, type.getRank() - 1, 64) : 1;
  return ScheduleAttr::get(context, loops, 1, 1, lanes, std::max<int64_t>(1, taskElements / std::max<int64_t>(1, width)), 1);
}

static ScheduleAttr reduction(MLIRContext *context, RankedTensorType from, ArrayRef<int64_t> axes, const Target &target) {
  if (llvm::is_contained(axes, from.getRank() - 1)) return rowwise(context, from, target, "Rn");
  // Columns are summed in chunks of rows, each by one task, then the chunks in order.
  return ScheduleAttr::get(context, "Crn", 1, 1, target.lanes(elementBits(from)), 1, 16);
}

ScheduleAttr chooseSchedule(KernelOp kernel, const Target &target) {
  MLIRContext *context = kernel.getContext();
  Operation *anchor = kernel.getAnchor();
  if (!anchor) return rowwise(context, cast<RankedTensorType>(kernel.getResultTypes()[0]), target, "Rn");
  auto result = cast<RankedTensorType>(anchor->getResult(0).getType());
  auto operand = cast<RankedTensorType>(anchor->getOperand(0).getType());
  if (isa<MatmulOp>(anchor)) return contraction(context, result, target);
  if (auto sum = dyn_cast<SumOp>(anchor)) return reduction(context, operand, sum.getAxes(), target);
  if (auto max = dyn_cast<MaxOp>(anchor)) return reduction(context, operand, max.getAxes(), target);
  if (isa<AttentionOp, AttentionGradOp>(anchor)) {
    int64_t lanes = target.lanes(elementBits(operand)), queries = sizeOr(operand, 2, 64);
    return ScheduleAttr::get(context, "BIijd", std::min<int64_t>(target.vectorRegisters == 32 ? 8 : 4, queries), lanes, lanes,
                             std::min<int64_t>(32, queries), 1);
  }
  return rowwise(context, operand.getRank() ? operand : result, target, "Rn");
}

} // namespace fovea
