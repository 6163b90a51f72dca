// The heuristic: register tiles from the vector registers, tasks of some tens of microseconds.
#include "lib/kernels/schedule/Schedule.h"

#include "dialect/Shape.h"
#include "lib/kernels/schedule/Convolution.h"

#include "llvm/ADT/StringExtras.h"

#include <numeric>

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

int64_t panelColumns(int64_t columns, int64_t bits, const Target &target) {
  int64_t lanes = target.lanes(bits);
  return lanes * registerColumns(columns, lanes, target.vectorRegisters == 32 ? 4 : 3);
}

static ScheduleAttr contraction(StringRef loops, RankedTensorType result, const Target &target) {
  int64_t lanes = target.lanes(elementBits(result));
  int64_t vectors = panelColumns(sizeOr(result, result.getRank() - 1, 256), elementBits(result), target) / lanes;
  int64_t rows = std::min(registerRows(vectors, target), sizeOr(result, result.getRank() - 2, 64));
  return ScheduleAttr::get(result.getContext(), loops, rows, vectors * lanes, lanes, llvm::alignTo(64, rows), 1);
}

/// Loops over rows of the last dimension: a task takes about this many elements.
static ScheduleAttr rowwise(StringRef loops, RankedTensorType type, const Target &target) {
  constexpr int64_t taskElements = 1 << 14;
  int64_t lanes = target.lanes(elementBits(type)), width = type.getRank() ? sizeOr(type, type.getRank() - 1, 64) : 1;
  int64_t task = std::max<int64_t>(1, taskElements / std::max<int64_t>(1, width));
  return ScheduleAttr::get(type.getContext(), loops, 1, 1, lanes, task, 1);
}

/// Tiles of queries by keys in registers, of the shape that wastes least of the last panel of keys and loads least for
/// a product; blocks of queries of a whole number of tiles.
static ScheduleAttr attention(StringRef loops, RankedTensorType query, RankedTensorType key, const Target &target) {
  constexpr int64_t blockQueries = 48;
  int64_t lanes = target.lanes(elementBits(query)), queries = sizeOr(query, 2, 64), keys = sizeOr(key, 2, 64);
  int64_t bestVectors = 1, bestRows = 1, best = INT64_MAX;
  for (int64_t vectors = 1; vectors <= (target.vectorRegisters == 32 ? 4 : 3); ++vectors) {
    int64_t rows = std::min(registerRows(vectors, target), queries), columns = vectors * lanes;
    int64_t products = llvm::alignTo(queries, rows) * llvm::alignTo(keys, columns);
    // As much as the products themselves costs all else that is done with the scores.
    int64_t cost = 2 * products + products * (vectors + rows) / (2 * vectors * rows);
    if (cost <= best) best = cost, bestVectors = vectors, bestRows = rows;
  }
  int64_t task = llvm::alignTo(std::min(blockQueries, queries), bestRows);
  return ScheduleAttr::get(query.getContext(), loops, bestRows, bestVectors * lanes, lanes, task, 1);
}

/// Runs of pixels and tiles of outputs in registers; as many rows of the grid to a task as waste few pixels between
/// rows and keep the flat image near.
static ScheduleAttr convolution(const FlatConvolution &flat, RankedTensorType result, const Target &target) {
  constexpr int64_t nearBytes = 1 << 18, tasks = 8, blocks = 4, fewPixels = 256;
  int64_t lanes = target.lanes(elementBits(result)), best = INT64_MAX, height = flat.grid()[0];
  int64_t bestRows = 1, bestVectors = 1, bestTile = 1;
  for (int64_t vectors = 1; vectors <= (target.vectorRegisters == 32 ? 4 : 3); ++vectors)
    for (int64_t rows = 1; rows <= height; ++rows) {
      int64_t pixels = llvm::alignTo(flat.pixels(rows), vectors * lanes), tile = registerRows(vectors, target);
      int64_t bytes = (rows + flat.span[0]) * flat.pitch() * flat.step[0] * flat.step[1] * flat.channels *
                      (int64_t)elementBits(result) / 8;
      if (rows > 1 && (bytes > nearBytes || (rows * blocks > height && pixels > fewPixels))) break;
      if (flat.groups > 1) tile = std::gcd(tile, flat.outputs);
      tile = std::min(tile, flat.outputs);
      // In registers, a load serves `tile` or `vectors` products.
      int64_t products = llvm::divideCeil(height, rows) * pixels * llvm::alignTo(flat.outputs, tile);
      int64_t cost = products + products * (vectors + tile) / (2 * vectors * tile);
      if (cost <= best) best = cost, bestRows = rows, bestVectors = vectors, bestTile = tile;
    }
  int64_t outputs = flat.groups * flat.outputs, parallel = llvm::divideCeil(height, bestRows);
  int64_t parts = std::min(llvm::divideCeil(tasks, parallel), llvm::divideCeil(outputs, 2 * bestTile));
  return ScheduleAttr::get(result.getContext(), "Tokf", bestTile, bestVectors * lanes, lanes, bestRows,
                           std::max<int64_t>(1, parts));
}

/// Tiles of the weight in registers; so many rows to a block that what a tile reads of the cotangent stays near; few
/// enough chunks to keep their sums near too.
static ScheduleAttr weightGradient(Conv2dWeightGradOp grad, const Target &target) {
  constexpr int64_t blockBytes = 1 << 15, chunkBytes = 1 << 22;
  RankedTensorType weight = grad.getType(), cotangent = grad.getCotangent().getType();
  FlatConvolution flat = FlatConvolution::forward(grad, weight, cotangent);
  int64_t lanes = target.lanes(elementBits(weight)), bytes = (int64_t)elementBits(weight) / 8;
  int64_t vectors = flat.outputs > lanes ? 2 : 1, columns = vectors * lanes, rows = 1;
  while (rows < flat.size[0] && flat.pixels(rows + 1) * columns * bytes <= blockBytes) ++rows;
  int64_t chunks = std::clamp<int64_t>(chunkBytes / (weight.getNumElements() * bytes), 1, 16);
  return ScheduleAttr::get(weight.getContext(), "Cuwf", registerRows(vectors, target), columns, lanes, rows, chunks);
}

static bool isFlat(Conv2dWeightGradOp grad) { return grad && grad.getGroups() == 1; }

/// How a convolution over flat images goes, for the anchors that have one.
static std::optional<FlatConvolution> flatConvolution(Operation *anchor) {
  if (auto conv = dyn_cast<Conv2dOp>(anchor))
    return FlatConvolution::forward(conv, conv.getWeight().getType(), conv.getType());
  if (auto grad = dyn_cast<Conv2dInputGradOp>(anchor)) return FlatConvolution::backward(grad);
  return std::nullopt;
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
  if (isa<MatmulOp>(anchor)) return {"MNmkn", "NMmkn"};
  if (isa<AttentionOp, AttentionGradOp>(anchor)) return {"Biijd"};
  if (flatConvolution(anchor)) return {"Tokf"};
  if (isFlat(dyn_cast<Conv2dWeightGradOp>(anchor))) return {"Cuwf"};
  if (reducesInChunks(anchor)) return {"Crn", "Rn"};
  return {"Rn"};
}

ScheduleAttr chooseSchedule(KernelOp kernel, const Target &target) {
  StringRef loops = loopOrders(kernel).front();
  Operation *anchor = kernel.getAnchor();
  if (!anchor) return rowwise(loops, cast<RankedTensorType>(kernel.getResultTypes()[0]), target);
  auto result = cast<RankedTensorType>(anchor->getResult(0).getType());
  auto operand = cast<RankedTensorType>(anchor->getOperand(0).getType());
  if (isa<MatmulOp>(anchor)) return contraction(loops, result, target);
  if (isa<AttentionOp, AttentionGradOp>(anchor))
    return attention(loops, operand, cast<RankedTensorType>(anchor->getOperand(1).getType()), target);
  if (std::optional<FlatConvolution> flat = flatConvolution(anchor)) return convolution(*flat, result, target);
  if (auto grad = dyn_cast<Conv2dWeightGradOp>(anchor); isFlat(grad)) return weightGradient(grad, target);
  if (reducesInChunks(anchor))
    return ScheduleAttr::get(kernel.getContext(), loops, 1, 1, target.lanes(elementBits(operand)), 1, chunks);
  return rowwise(loops, operand.getRank() ? operand : result, target);
}

//===-- Edited schedules ------------------------------------------------------------------------------------------===//

/// Whether the letters are those of the order, capitals also small.
static bool follows(StringRef loops, StringRef order) {
  return loops.size() == order.size() && llvm::all_of(llvm::zip_equal(loops, order), [](auto letters) {
           auto [letter, known] = letters;
           return letter == known || letter == llvm::toLower(known);
         });
}

static LogicalResult checkSchedule(KernelOp kernel) {
  std::optional<ScheduleAttr> schedule = kernel.getSchedule();
  if (!schedule)
    return kernel.emitError() << "@" << kernel.getSymName()
                              << " has no schedule: give it one, or compile it anew from an earlier stage";
  SmallVector<StringRef> orders = loopOrders(kernel);
  StringRef loops = schedule->getLoops();
  if (llvm::none_of(orders, [&](StringRef order) { return follows(loops, order); }))
    return kernel.emitError() << "@" << kernel.getSymName() << " has loops \"" << loops << "\", but can have only \""
                              << llvm::join(orders, "\" or \"")
                              << "\", whose capitals may be small: only the loop of a capital is shared among threads";
  Operation *anchor = kernel.getAnchor();
  bool tiles =
      anchor && (isa<MatmulOp>(anchor) || flatConvolution(anchor) || isFlat(dyn_cast<Conv2dWeightGradOp>(anchor)));
  if (tiles && schedule->getColumns() % schedule->getVector())
    return kernel.emitError() << "@" << kernel.getSymName() << " has columns = " << schedule->getColumns()
                              << " and vector = " << schedule->getVector() << ": columns must be a multiple of vector";
  for (PackOp pack : kernel.getOps<PackOp>())
    if (pack.getX().getDefiningOp<MatmulOp>() && pack.getPanels().getSize() % schedule->getColumns())
      return kernel.emitError() << "@" << kernel.getSymName() << " has columns = " << schedule->getColumns()
                                << " but stores its product in " << pack.getPanels()
                                << ": columns must divide the panels' size";
  return success();
}

LogicalResult checkSchedules(ModuleOp module) {
  bool allFollow = true;
  for (KernelOp kernel : module.getOps<KernelOp>()) allFollow &= succeeded(checkSchedule(kernel));
  return success(allFollow);
}

} // namespace fovea
