// The heuristic: register tiles from the vector registers, tasks of some tens of microseconds.
#include "lib/kernels/schedule/Schedule.h"

#include "dialect/Shape.h"

#include "llvm/ADT/StringExtras.h"

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

/// b is copied into panels once for all tasks where it has at most this many elements.
constexpr int64_t packedElements = 1 << 20;

/// Accumulators fill the registers but for one row of b and one element of a.
static int64_t registerRows(int64_t vectors, const Target &target) {
  if (target.vectorRegisters == 32) return vectors == 4 ? 6 : vectors == 3 ? 8 : 12;
  return vectors == 3 ? 4 : vectors == 2 ? 6 : 8;
}

int64_t panelColumns(int64_t columns, int64_t bits, const Target &target) {
  int64_t lanes = target.lanes(bits);
  return lanes * registerColumns(columns, lanes, target.vectorRegisters == 32 ? 4 : 3);
}

/// The panels that b is stored in; null where it is not.
static PanelsAttr storedPanels(MatmulOp op) {
  auto unpack = op.getB().getDefiningOp<UnpackOp>();
  bool along = unpack && unpack.getPanels().getAxis() == (op.getTransposeB() ? 0 : 1);
  return along ? unpack.getPanels() : PanelsAttr();
}

/// Terms of a sum taken at a time: with them a panel of b stays in the first cache. A sum that is cut is cut evenly.
static int64_t sumDepth(int64_t terms, int64_t panelBytes, const Target &target) {
  int64_t most = std::max<int64_t>(64, target.firstCacheBytes * 3 / 4 / panelBytes);
  if (terms <= most * 3 / 2) return terms;
  return llvm::alignTo(llvm::divideCeil(terms, llvm::divideCeil(terms, most)), 8);
}

static ScheduleAttr contraction(MatmulOp op, const Target &target) {
  RankedTensorType result = op.getType(), a = op.getA().getType(), b = op.getB().getType();
  int64_t bits = elementBits(result), lanes = target.lanes(bits), rank = result.getRank();
  int64_t m = sizeOr(result, rank - 2, 1024), n = sizeOr(result, rank - 1, 256);
  int64_t sum = op.getTransposeA() ? a.getRank() - 2 : a.getRank() - 1, terms = sizeOr(a, sum, 1024);
  PanelsAttr stored = storedPanels(op);
  int64_t columns = stored ? stored.getSize() : panelColumns(n, bits, target);
  int64_t rows = std::min(registerRows(columns / lanes, target), m);
  int64_t depth = sumDepth(terms, columns * bits / 8, target);
  bool isCut = depth < terms || a.isDynamicDim(sum);

  // b is copied where many rows make use of it: as a whole where it is small and known, else by each task.
  bool copies = !stored && m >= 4 * rows, small = b.getRank() == 2 && b.hasStaticShape() && terms * n <= packedElements;
  int64_t task = llvm::alignTo(std::min<int64_t>(m, stored || small ? 64 : 512), rows);
  int64_t width = columns * (stored || small ? 1 : 2);
  std::string loops =
      std::string(copies && small ? "b" : "") + "MN" + (isCut ? "k" : "") + (copies && !small ? "b" : "") + "nmkn";
  return ScheduleAttr::get(result.getContext(), loops, rows, columns, lanes, task, 1, width, isCut ? depth : 1);
}

/// Loops over rows of the last dimension: a task takes about this many elements.
static ScheduleAttr rowwise(StringRef loops, RankedTensorType type, const Target &target) {
  constexpr int64_t taskElements = 1 << 14;
  int64_t lanes = target.lanes(elementBits(type)), width = type.getRank() ? sizeOr(type, type.getRank() - 1, 64) : 1;
  int64_t task = std::max<int64_t>(1, taskElements / std::max<int64_t>(1, width));
  return ScheduleAttr::get(type.getContext(), loops, 1, 1, lanes, task, 1);
}

static ScheduleAttr attention(StringRef loops, RankedTensorType query, const Target &target) {
  int64_t lanes = target.lanes(elementBits(query)), queries = sizeOr(query, 2, 64);
  int64_t rows = std::min<int64_t>(target.vectorRegisters == 32 ? 8 : 4, queries);
  return ScheduleAttr::get(query.getContext(), loops, rows, lanes, lanes, std::min<int64_t>(32, queries), 1);
}

/// Into how many parts a long sum of columns is cut.
constexpr int64_t chunks = 16;

/// Columns whose sizes are known are summed in chunks of rows, each by one task, then the chunks in order. Few rows,
/// such as a window's, are summed at once.
static bool reducesInChunks(Operation *anchor) {
  ArrayRef<int64_t> axes;
  if (auto sum = dyn_cast<SumOp>(anchor)) axes = sum.getAxes();
  if (auto prod = dyn_cast<ProdOp>(anchor)) axes = prod.getAxes();
  if (auto max = dyn_cast<MaxOp>(anchor)) axes = max.getAxes();
  auto type = cast<RankedTensorType>(anchor->getOperand(0).getType());
  if (axes.empty() || axes.back() == type.getRank() - 1 || sizeOr(type, axes[0], 64) < 2 * chunks) return false;
  return llvm::all_of(llvm::seq<int64_t>(type.getRank()),
                      [&](int64_t d) { return llvm::is_contained(axes, d) || !type.isDynamicDim(d); });
}

SmallVector<StringRef> loopOrders(KernelOp kernel) {
  Operation *anchor = kernel.getAnchor();
  if (!anchor) return {"Rn"};
  if (isa<MatmulOp>(anchor)) return {"[b]MN[k][b]nmkn", "[b]NM[k][b]nmkn"};
  if (isa<AttentionOp, AttentionGradOp>(anchor)) return {"Biijd"};
  if (reducesInChunks(anchor)) return {"Crn", "Rn"};
  return {"Rn"};
}

ScheduleAttr chooseSchedule(KernelOp kernel, const Target &target) {
  StringRef loops = loopOrders(kernel).front();
  Operation *anchor = kernel.getAnchor();
  if (!anchor) return rowwise(loops, cast<RankedTensorType>(kernel.getResultTypes()[0]), target);
  auto result = cast<RankedTensorType>(anchor->getResult(0).getType());
  auto operand = cast<RankedTensorType>(anchor->getOperand(0).getType());
  if (auto matmul = dyn_cast<MatmulOp>(anchor)) return contraction(matmul, target);
  if (isa<AttentionOp, AttentionGradOp>(anchor)) return attention(loops, operand, target);
  if (reducesInChunks(anchor))
    return ScheduleAttr::get(kernel.getContext(), loops, 1, 1, target.lanes(elementBits(operand)), 1, chunks);
  return rowwise(loops, operand.getRank() ? operand : result, target);
}

//===-- Edited schedules ------------------------------------------------------------------------------------------===//

/// Whether the letters are those of the order, capitals also small, and without some of the parts in brackets.
static bool follows(StringRef loops, StringRef order) {
  if (order.consume_front("[")) {
    auto [part, rest] = order.split(']');
    return follows(loops, rest) || (loops.starts_with(part) && follows(loops.drop_front(part.size()), rest));
  }
  if (order.empty() || loops.empty()) return order.empty() && loops.empty();
  return (loops[0] == order[0] || loops[0] == llvm::toLower(order[0])) &&
         follows(loops.drop_front(), order.drop_front());
}

/// What the sizes of a product's schedule must be to each other and to the operands.
static LogicalResult checkProduct(KernelOp kernel, MatmulOp op, ScheduleAttr schedule) {
  auto error = [&] { return kernel.emitError() << "@" << kernel.getSymName() << " has "; };
  RankedTensorType a = op.getA().getType(), b = op.getB().getType();
  StringRef loops = schedule.getLoops();
  if (schedule.getColumns() % schedule.getVector())
    return error() << "columns = " << schedule.getColumns() << " and vector = " << schedule.getVector()
                   << ": columns must be a multiple of vector";
  if (schedule.getWidth() % schedule.getColumns())
    return error() << "width = " << schedule.getWidth() << " and columns = " << schedule.getColumns()
                   << ": width must be a multiple of columns";
  if (loops.count('b') > 1) return error() << "loops \"" << loops << "\", which copy b twice: take one b away";
  if (loops.starts_with("b") && (b.getRank() > 2 || !b.hasStaticShape()))
    return error() << "loops \"" << loops << "\", which copy the whole of b, but b is " << shapeText(b)
                   << ": only a constant matrix is copied as a whole; put the b in front of \"nmkn\"";
  if (loops.ends_with("bnmkn") && loops.count('k') == 1 && a.isDynamicDim(a.getRank() - (op.getTransposeA() ? 2 : 1)))
    return error() << "loops \"" << loops << "\", which copy all terms of a sum at once, but a is " << shapeText(a)
                   << ": put \"k\" in front of \"bnmkn\"";
  for (PackOp pack : kernel.getOps<PackOp>())
    if (pack.getX() == op.getResult() && pack.getPanels().getSize() % schedule.getColumns())
      return error() << "columns = " << schedule.getColumns() << " but stores its product in " << pack.getPanels()
                     << ": columns must divide the panels' size";
  return success();
}

static LogicalResult checkSchedule(KernelOp kernel) {
  std::optional<ScheduleAttr> schedule = kernel.getSchedule();
  if (!schedule)
    return kernel.emitError() << "@" << kernel.getSymName()
                              << " has no schedule: give it one, or compile it anew from an earlier stage";
  SmallVector<StringRef> orders = loopOrders(kernel);
  StringRef loops = schedule->getLoops();
  auto matmul = dyn_cast_or_null<MatmulOp>(kernel.getAnchor());
  if (llvm::none_of(orders, [&](StringRef order) { return follows(loops, order); }))
    return kernel.emitError() << "@" << kernel.getSymName() << " has loops \"" << loops << "\", but can have only \""
                              << llvm::join(orders, "\" or \"")
                              << "\", whose capitals may be small: only the loop of a capital is shared among threads"
                              << (matmul ? "; what stands in brackets may be left out" : "");
  if (matmul) return checkProduct(kernel, matmul, *schedule);
  return success();
}

LogicalResult checkSchedules(ModuleOp module) {
  bool allFollow = true;
  for (KernelOp kernel : module.getOps<KernelOp>()) allFollow &= succeeded(checkSchedule(kernel));
  return success(allFollow);
}

} // namespace fovea
