// The heuristic by kind of kernel; here, on a processor, those of rows and of single elements.
#include "lib/kernels/schedule/Schedule.h"

#include "dialect/ops/RowSum.h"
#include "lib/kernels/PointCost.h"
#include "lib/kernels/schedule/Device.h"
#include "lib/kernels/schedule/Host.h"

using namespace mlir;

namespace fovea {

int64_t sizeOr(RankedTensorType type, int64_t d, int64_t typical) {
  return type.isDynamicDim(d) ? typical : type.getDimSize(d);
}

ArrayRef<int64_t> reducedAxes(Operation *anchor) {
  if (auto sum = dyn_cast<SumOp>(anchor)) return sum.getAxes();
  if (auto prod = dyn_cast<ProdOp>(anchor)) return prod.getAxes();
  if (auto max = dyn_cast<MaxOp>(anchor)) return max.getAxes();
  return {};
}

static bool hasRowSums(KernelOp kernel) {
  return llvm::any_of(kernel.getBody().front(), [](Operation &op) { return isRowSum(&op); });
}

/// Whether a kernel reduces rows of its output.
static bool reducesRows(KernelOp kernel) {
  Operation *anchor = kernel.getAnchor();
  return (anchor && isRowAnchor(anchor)) || hasRowSums(kernel);
}

/// Loops over rows of the last dimension: a task takes about this many elements. Where rows are reduced, a few short
/// ones go together, so that one needs not wait for what another's lanes give; a longer one leaves enough to do. A
/// softmax waits twice for what is read but once. Elements alone that take long chains of operations are computed
/// several vectors at a time, so that the chains run beside each other.
static ScheduleAttr rowwise(KernelOp kernel, StringRef loops, RankedTensorType type, const Target &target) {
  constexpr int64_t taskElements = 1 << 14, most = 4, beside = 4;
  bool isSoftmax = isa_and_nonnull<SoftmaxOp>(kernel.getAnchor()) && !hasRowSums(kernel);
  int64_t shortElements = isSoftmax ? 1 << 9 : 1 << 8;
  int64_t lanes = target.lanes(elementBits(type)), width = type.getRank() ? sizeOr(type, type.getRank() - 1, 64) : 1;
  bool isCutEvenly = type.getRank() == 1 ? width >= beside * lanes : width % (beside * lanes) == 0;
  bool isElementwise = !kernel.getAnchor() && !hasRowSums(kernel) && type.getRank();
  if (isElementwise && longChains(kernel) && isCutEvenly && !ShapedType::isDynamic(type.getShape().back()))
    lanes *= beside;
  // One row is cut into runs of vectors.
  width = type.getRank() == 1 ? lanes : std::max<int64_t>(1, width);
  int64_t rows = type.getRank() > 1 && reducesRows(kernel) ? std::clamp<int64_t>(shortElements / width, 1, most) : 1;
  int64_t task = llvm::alignTo(std::max<int64_t>(1, taskElements / width), rows);
  return ScheduleAttr::get(type.getContext(), loops, rows, 1, lanes, task, 1);
}

/// Into how many parts a long sum of columns is cut.
constexpr int64_t chunks = 16;

/// Columns whose sizes are known are summed in chunks of rows, each by one task, then the chunks in order. Few rows,
/// such as a window's, are summed at once.
static bool reducesInChunks(Operation *anchor) {
  ArrayRef<int64_t> axes = reducedAxes(anchor);
  auto type = cast<RankedTensorType>(anchor->getOperand(0).getType());
  if (axes.empty() || sizeOr(type, axes[0], 64) < 2 * chunks) return false;
  // Rows are summed into few numbers: else there are rows enough for the threads.
  if (axes.back() == type.getRank() - 1) return axes.size() > 1 && (int64_t)axes.size() == type.getRank();
  return llvm::all_of(llvm::seq<int64_t>(type.getRank()),
                      [&](int64_t d) { return llvm::is_contained(axes, d) || !type.isDynamicDim(d); });
}

SmallVector<StringRef> loopOrders(KernelOp kernel, const Target &target) {
  return target.onDevice() ? deviceLoopOrders(kernel, target) : hostLoopOrders(kernel);
}

SmallVector<StringRef> hostLoopOrders(KernelOp kernel) {
  Operation *anchor = kernel.getAnchor();
  if (!anchor) return {"Rn"};
  if (isa<MatmulOp>(anchor)) return {"[b]MN[k][a][b]nmkn", "[b]NM[k][a][b]nmkn"};
  if (auto attention = dyn_cast<AttentionOp>(anchor)) {
    if (goesThroughAllKeys(attention)) return {"BIijd", "BIJijd", "BIijqd"};
    return {"BIijd", "BIJijd"};
  }
  if (isa<AttentionGradOp, AttentionMapOp>(anchor)) return {"BIijd"};
  if (auto flat = flatConvolution(anchor)) return {flat->groups == 1 ? "T[k]okf" : "Tokf"};
  if (isa<Conv2dWeightGradOp>(anchor)) return {"Cuwf"};
  if (reducesInChunks(anchor)) return {"Crn", "Rn"};
  return {"Rn"};
}

ScheduleAttr chooseSchedule(KernelOp kernel, const Target &target) {
  if (target.onDevice()) return chooseDeviceSchedule(kernel, target);
  StringRef loops = hostLoopOrders(kernel).front();
  Operation *anchor = kernel.getAnchor();
  if (!anchor) return rowwise(kernel, loops, cast<RankedTensorType>(kernel.getResultTypes()[0]), target);
  auto result = cast<RankedTensorType>(anchor->getResult(0).getType());
  auto operand = cast<RankedTensorType>(anchor->getOperand(0).getType());
  if (auto matmul = dyn_cast<MatmulOp>(anchor)) return productSchedule(matmul, target);
  if (isa<AttentionOp, AttentionGradOp, AttentionMapOp>(anchor)) return attentionSchedule(anchor, target);
  if (std::optional<FlatConvolution> flat = flatConvolution(anchor)) return convolutionSchedule(*flat, result, target);
  if (auto grad = dyn_cast<Conv2dWeightGradOp>(anchor)) return weightGradientSchedule(grad, target);
  if (reducesInChunks(anchor))
    return ScheduleAttr::get(kernel.getContext(), loops, 1, 1, target.lanes(elementBits(operand)), 1, chunks);
  return rowwise(kernel, loops, operand.getRank() ? operand : result, target);
}

} // namespace fovea
