// The heuristic: register tiles from the vector registers, tasks of some tens of microseconds.
#include "lib/kernels/schedule/Schedule.h"

#include "dialect/Shape.h"
#include "dialect/ops/RowSum.h"
#include "lib/kernels/schedule/Convolution.h"
#include "lib/kernels/schedule/Device.h"

#include "llvm/ADT/StringExtras.h"

#include <array>
#include <numeric>

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

static int64_t elementBits(RankedTensorType type) { return std::max<int64_t>(8, type.getElementTypeBitWidth()); }

//===-- Products --------------------------------------------------------------------------------------------------===//

/// Vectors of columns in a register tile: those that waste least of the last panel. A tile of three or two needs fewest
/// loads for each multiply-add; a single vector is bound by them.
static int64_t registerVectors(int64_t columns, int64_t lanes, const Target &target) {
  constexpr std::array<int64_t, 4> percent = {116, 105, 100, 100};
  int64_t best = 1, bestCost = INT64_MAX;
  for (int64_t vectors = 1; vectors <= (target.vectorRegisters == 32 ? 4 : 3); ++vectors) {
    int64_t cost = llvm::alignTo(columns, vectors * lanes) * percent[vectors - 1];
    if (cost < bestCost) best = vectors, bestCost = cost;
  }
  return best;
}

/// Accumulators fill the registers but for one row of b and one element of a.
static int64_t mostRows(int64_t vectors, const Target &target) {
  if (target.vectorRegisters == 32) return vectors == 4 ? 6 : vectors == 3 ? 8 : 12;
  return vectors == 3 ? 4 : vectors == 2 ? 6 : 8;
}

/// Few rows are cut into even tiles.
static int64_t registerRows(int64_t rows, int64_t vectors, const Target &target) {
  int64_t best = 1, bestCost = INT64_MAX;
  for (int64_t tile = mostRows(vectors, target); tile >= 1; --tile) {
    int64_t cost = llvm::divideCeil(rows, tile) * (tile + 1);
    if (cost < bestCost) best = tile, bestCost = cost;
  }
  return best;
}

int64_t panelColumns(int64_t columns, int64_t bits, const Target &target) {
  int64_t lanes = target.lanes(bits);
  return lanes * registerVectors(columns, lanes, target);
}

/// The width of the panels that b is stored in; 0 where it is not, or in such that no register tile has.
static int64_t storedColumns(MatmulOp op, int64_t lanes) {
  auto unpack = op.getB().getDefiningOp<UnpackOp>();
  if (!unpack || unpack.getPanels().getAxis() != (op.getTransposeB() ? 0 : 1)) return 0;
  int64_t size = unpack.getPanels().getSize();
  return size % lanes == 0 && size <= 4 * lanes ? size : 0;
}

/// The smallest sizes that a tensor can have.
static SmallVector<int64_t> leastSizes(RankedTensorType type) {
  llvm::StringMap<int64_t> ones;
  for (StringAttr name : dimsOf(type).getNames()) ones[name] = 1;
  return dimsOf(type).evaluate(ones);
}

/// b is copied as a whole, once for all tasks, where it has at most this many elements.
constexpr int64_t copiedElements = 1 << 18;
/// A longer sum is cut, and one whose length is symbolic: the panels of its terms stay in the second cache.
constexpr int64_t cutDepth = 512, longestSum = 2048;
/// For about this many tasks threads have even shares; each reads its panels of b anew, so more cost time. A task that
/// copies its panels makes use of them for some rows. Where the rows are symbolic, there are often this many.
constexpr int64_t fairTasks = 16, leastTaskRows = 64, leastCopyRows = 160, typicalRows = 768;
/// So many columns of a, whose sums are long, are a task.
constexpr int64_t leastColumns = 32;

/// Tiles to a task, so many at least, with which pairs of threads have the most even shares.
static int64_t evenTiles(int64_t tiles, int64_t groups, int64_t least) {
  int64_t best = least, bestCost = INT64_MAX;
  for (int64_t size = least; size <= 2 * least; ++size) {
    int64_t cost = llvm::alignTo(llvm::divideCeil(tiles, size) * groups, 2) * size;
    if (cost < bestCost) best = size, bestCost = cost;
  }
  return best;
}

/// Panels for which a task reads its columns of a once, where that leaves enough tasks.
static int64_t sharedPanels(int64_t blocks, int64_t n, int64_t columns) {
  constexpr int64_t most = 4;
  for (int64_t panels = std::min<int64_t>(most, llvm::divideCeil(n, columns)); panels > 1; --panels)
    if (llvm::divideCeil(n, panels * columns) * blocks >= fairTasks) return panels;
  return 1;
}

static ScheduleAttr contraction(MatmulOp op, const Target &target) {
  RankedTensorType result = op.getType(), a = op.getA().getType(), b = op.getB().getType();
  int64_t bits = elementBits(result), lanes = target.lanes(bits);
  SmallVector<int64_t> least = leastSizes(result);
  bool unknownRows = result.isDynamicDim(result.getRank() - 2);
  int64_t n = least.back(), m = least[least.size() - 2], batches = 1;
  for (int64_t size : ArrayRef(least).drop_back(2)) batches *= size;
  int64_t sum = a.getRank() - (op.getTransposeA() ? 2 : 1), terms = leastSizes(a)[sum];

  int64_t stored = storedColumns(op, lanes);
  int64_t columns = stored ? stored : panelColumns(result.isDynamicDim(result.getRank() - 1) ? 256 : n, bits, target);
  int64_t rows = registerRows(unknownRows ? 1 << 20 : m, columns / lanes, target);
  if (unknownRows) m = std::max(m, typicalRows);

  // The columns of a weight's gradient: both operands lie as a tile reads them, term after term, and parts of the sum
  // stay near without copies; but a task of several panels copies its columns of a, of which each row is a cache line
  // far from the next.
  bool columnsOfA = op.getTransposeA(), fewRows = !unknownRows && m < (op.getTransposeB() ? rows + 1 : 4 * rows);
  bool copies = !stored && !fewRows && (!columnsOfA || op.getTransposeB());
  bool copiesWhole =
      copies && !columnsOfA && b.getRank() == 2 && b.hasStaticShape() && b.getNumElements() <= copiedElements;
  bool copiesB = copies && !copiesWhole;
  bool cuts = (copiesB || columnsOfA) && (a.isDynamicDim(sum) || terms > (columnsOfA ? cutDepth : longestSum));

  int64_t leastRows = columnsOfA ? leastColumns : copiesB ? leastCopyRows : leastTaskRows;
  int64_t width = columns * (columnsOfA && !op.getTransposeB() ? sharedPanels(m / leastRows * batches, n, columns) : 1);
  bool copiesA = width > columns;
  int64_t groups = llvm::divideCeil(n, width) * batches;
  int64_t blocks = std::clamp<int64_t>(fairTasks / groups, 1, std::max<int64_t>(1, m / leastRows));
  int64_t task = llvm::alignTo(llvm::divideCeil(m, blocks), rows);
  if (columnsOfA) task = rows * evenTiles(llvm::divideCeil(m, rows), groups, task / rows);
  std::string loops = copiesWhole ? "bMN" : "MN";
  if (cuts) loops += "k";
  if (copiesA) loops += "a";
  if (copiesB) loops += "b";
  loops += "nmkn";
  return ScheduleAttr::get(op.getContext(), loops, rows, columns, lanes, task, 1, width, cuts ? cutDepth : 1);
}

//===-- Other kernels ---------------------------------------------------------------------------------------------===//

/// Whether a kernel reduces rows of its output.
static bool reducesRows(KernelOp kernel) {
  Operation *anchor = kernel.getAnchor();
  return (anchor && isRowAnchor(anchor)) ||
         llvm::any_of(kernel.getBody().front(), [](Operation &op) { return isRowSum(&op); });
}

/// Loops over rows of the last dimension: a task takes about this many elements. Where rows are reduced, a few go
/// together, so that one needs not wait for what another's lanes give.
static ScheduleAttr rowwise(KernelOp kernel, StringRef loops, RankedTensorType type, const Target &target) {
  constexpr int64_t taskElements = 1 << 14, nearElements = 1 << 10, most = 4;
  int64_t lanes = target.lanes(elementBits(type)), width = type.getRank() ? sizeOr(type, type.getRank() - 1, 64) : 1;
  // One row is cut into runs of vectors.
  width = type.getRank() == 1 ? lanes : std::max<int64_t>(1, width);
  int64_t rows = type.getRank() > 1 && reducesRows(kernel) ? std::clamp<int64_t>(nearElements / width, 1, most) : 1;
  int64_t task = llvm::alignTo(std::max<int64_t>(1, taskElements / width), rows);
  return ScheduleAttr::get(type.getContext(), loops, rows, 1, lanes, task, 1);
}

/// Attention's loops, of which threads share the outermost of a capital with several tasks, and the number of chunks.
/// Where heads of keys are few, its gradient cuts the queries. Forward, the keys are cut where a block's scores would
/// not stay near, and where heads and blocks of queries are few; a symbolic batch may be 1.
static std::pair<std::string, int64_t> attentionLoops(Operation *op, int64_t task) {
  constexpr int64_t leastTasks = 8, leastKeys = 256, mostBytes = 1 << 20, chunkBytes = 1 << 18;
  if (isa<AttentionMapOp>(op)) return {"BIijd", 1};
  auto query = cast<RankedTensorType>(op->getOperand(0).getType());
  auto key = cast<RankedTensorType>(op->getOperand(1).getType());
  int64_t blocks = llvm::divideCeil(sizeOr(query, 2, 64), std::max<int64_t>(1, task)), keys = sizeOr(key, 2, 64);
  auto attention = dyn_cast<AttentionOp>(op);
  if (!attention) {
    int64_t heads = std::max<int64_t>(1, sizeOr(key, 0, leastTasks) * key.getDimSize(1));
    if (heads >= leastTasks / 2) return {"Biijd", 1};
    return {"bIijd", std::clamp<int64_t>(leastTasks / heads, 1, std::max<int64_t>(1, blocks))};
  }
  int64_t left = attention.getWindowLeft(), right = attention.getWindowRight();
  if (left >= 0 && right >= 0) keys = std::min(keys, task + left + right);
  int64_t bytes = task * keys * elementBits(query) / 8;
  int64_t chunks = bytes > mostBytes ? llvm::divideCeil(bytes, chunkBytes) : 1,
          heads = sizeOr(query, 0, 1) * query.getDimSize(1);
  bool symbolic = query.isDynamicDim(0), few = heads * blocks < leastTasks;
  if (few) chunks = std::max(chunks, std::min(leastTasks, keys / leastKeys));
  bool sharesChunks = few && chunks > 1,
       sharesHeads = symbolic || (!sharesChunks && (heads >= leastTasks || heads > blocks));
  std::string loops = sharesHeads ? "B" : "b";
  loops += symbolic || !sharesChunks ? "I" : "i";
  if (chunks > 1) loops += sharesChunks ? "J" : "j";
  return {loops + "ijd", chunks};
}

/// Whether every query may see every key.
static bool goesThroughAllKeys(AttentionOp op) {
  return (int64_t)op.getWindowLeft() < 0 && (int64_t)op.getWindowRight() < 0 && op.getMask().empty() &&
         !op.getKvLengths();
}

/// Where every query sees all of not many keys, the weights of a few for all keys stay near, and their result in
/// registers; a block is of tiles of queries that waste least of the last block.
static ScheduleAttr attentionInTiles(AttentionOp op, ScheduleAttr schedule, const Target &target) {
  constexpr int64_t mostKeys = 1024;
  RankedTensorType query = op.getQuery().getType(), value = op.getValue().getType();
  if (!goesThroughAllKeys(op) || schedule.getChunks() > 1 || value.isDynamicDim(2) || value.isDynamicDim(3) ||
      value.getDimSize(2) > mostKeys)
    return schedule;
  int64_t queries = sizeOr(query, 2, 64), task = schedule.getTask();
  for (int64_t less = task; less > 0; less -= schedule.getRows())
    if (llvm::alignTo(queries, less) < llvm::alignTo(queries, task)) task = less;
  int64_t lanes = schedule.getVector(), size = value.getDimSize(3), vectors = target.vectorRegisters == 32 ? 4 : 2;
  while (size % lanes) lanes /= 2;
  while (size / lanes % vectors) --vectors;
  int64_t rows = mostRows(vectors, target);
  while (task % rows) --rows;
  std::string loops = schedule.getLoops().drop_back().str() + "qd";
  return ScheduleAttr::get(op.getContext(), loops, schedule.getRows(), schedule.getColumns(), schedule.getVector(),
                           task, 1, rows);
}

/// Tiles of queries by keys in registers, of the shape that wastes least of the last panel of keys and loads least for
/// a product; blocks of queries of a whole number of tiles.
static ScheduleAttr attention(Operation *op, const Target &target) {
  constexpr int64_t fewQueries = 512, shortBlock = 48, longBlock = 96;
  const int64_t narrowRows = target.vectorRegisters == 32 ? 20 : 8; // of a tile of one vector
  bool gradient = isa<AttentionGradOp>(op);
  auto query = cast<RankedTensorType>(op->getOperand(0).getType());
  auto key = cast<RankedTensorType>(op->getOperand(1).getType());
  int64_t lanes = target.lanes(elementBits(query)), queries = sizeOr(query, 2, 64), keys = sizeOr(key, 2, 64);
  int64_t bestVectors = 1, bestRows = 1, best = INT64_MAX;
  for (int64_t vectors = 1; vectors <= (target.vectorRegisters == 32 ? 4 : 3); ++vectors) {
    int64_t columns = vectors * lanes, most = vectors == 1 ? narrowRows : mostRows(vectors, target);
    for (int64_t rows = 1; rows <= std::min(most, queries); ++rows) {
      int64_t products = llvm::alignTo(queries, rows) * llvm::alignTo(keys, columns);
      // As much as the products themselves costs all else that is done with the scores.
      int64_t cost = 2 * products + products * (vectors + rows) / (8 * vectors * rows);
      if (cost <= best) best = cost, bestVectors = vectors, bestRows = rows;
    }
  }
  int64_t block = gradient && queries >= fewQueries ? longBlock : shortBlock;
  int64_t task = llvm::alignTo(std::min(block, queries), bestRows);
  auto [loops, chunks] = attentionLoops(op, task);
  auto schedule = ScheduleAttr::get(query.getContext(), loops, bestRows, bestVectors * lanes, lanes, task, chunks);
  auto forward = dyn_cast<AttentionOp>(op);
  return forward ? attentionInTiles(forward, schedule, target) : schedule;
}

/// Runs of pixels and tiles of outputs in registers; as many rows of the grid to a task as waste few pixels between
/// rows and keep the flat image near.
static ScheduleAttr convolution(const FlatConvolution &flat, RankedTensorType result, const Target &target) {
  constexpr int64_t nearBytes = 1 << 18, tasks = 8, blocks = 4, fewPixels = 256;
  int64_t lanes = target.lanes(elementBits(result)), best = INT64_MAX, height = flat.grid()[0];
  int64_t bestRows = 1, bestVectors = 1, bestTile = 1;
  for (int64_t vectors = 1; vectors <= (target.vectorRegisters == 32 ? 4 : 3); ++vectors)
    for (int64_t rows = 1; rows <= height; ++rows) {
      int64_t pixels = llvm::alignTo(flat.pixels(rows), vectors * lanes), tile = mostRows(vectors, target);
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
  int64_t outputs = flat.groups * flat.outputs, parallel = sizeOr(result, 0, 1) * llvm::divideCeil(height, bestRows);
  // Each part of the outputs makes the flat image anew.
  int64_t parts =
      std::min(llvm::divideCeil(tasks, std::max<int64_t>(1, parallel)), llvm::divideCeil(outputs, 2 * bestTile));
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
  bool inGroups = flat.groups > 1; // then pixels are in lanes
  int64_t vectors = !inGroups && flat.outputs > lanes ? 2 : 1, columns = vectors * lanes, rows = 1;
  while (rows < flat.size[0] && flat.pixels(rows + 1) * columns * bytes <= blockBytes) ++rows;
  int64_t chunks = std::clamp<int64_t>(chunkBytes / (weight.getNumElements() * bytes), 1, 16);
  return ScheduleAttr::get(weight.getContext(), "Cuwf", inGroups ? 1 : mostRows(vectors, target), columns, lanes, rows,
                           chunks);
}

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
  ArrayRef<int64_t> axes = reducedAxes(anchor);
  auto type = cast<RankedTensorType>(anchor->getOperand(0).getType());
  if (axes.empty() || sizeOr(type, axes[0], 64) < 2 * chunks) return false;
  // Rows are summed into few numbers: else there are rows enough for the threads.
  if (axes.back() == type.getRank() - 1) return axes.size() > 1 && (int64_t)axes.size() == type.getRank();
  return llvm::all_of(llvm::seq<int64_t>(type.getRank()),
                      [&](int64_t d) { return llvm::is_contained(axes, d) || !type.isDynamicDim(d); });
}

static SmallVector<StringRef> hostLoopOrders(KernelOp kernel);

SmallVector<StringRef> loopOrders(KernelOp kernel, const Target &target) {
  return target.onDevice() ? deviceLoopOrders(kernel, target) : hostLoopOrders(kernel);
}

static SmallVector<StringRef> hostLoopOrders(KernelOp kernel) {
  Operation *anchor = kernel.getAnchor();
  if (!anchor) return {"Rn"};
  if (isa<MatmulOp>(anchor)) return {"[b]MN[k][a][b]nmkn", "[b]NM[k][a][b]nmkn"};
  if (auto attention = dyn_cast<AttentionOp>(anchor)) {
    if (goesThroughAllKeys(attention)) return {"BIijd", "BIJijd", "BIijqd"};
    return {"BIijd", "BIJijd"};
  }
  if (isa<AttentionGradOp, AttentionMapOp>(anchor)) return {"BIijd"};
  if (flatConvolution(anchor)) return {"Tokf"};
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
  if (auto matmul = dyn_cast<MatmulOp>(anchor)) return contraction(matmul, target);
  if (isa<AttentionOp, AttentionGradOp, AttentionMapOp>(anchor)) return attention(anchor, target);
  if (std::optional<FlatConvolution> flat = flatConvolution(anchor)) return convolution(*flat, result, target);
  if (auto grad = dyn_cast<Conv2dWeightGradOp>(anchor)) return weightGradient(grad, target);
  if (reducesInChunks(anchor))
    return ScheduleAttr::get(kernel.getContext(), loops, 1, 1, target.lanes(elementBits(operand)), 1, chunks);
  return rowwise(kernel, loops, operand.getRank() ? operand : result, target);
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
  if (schedule.getWidth() % schedule.getColumns())
    return error() << "width = " << schedule.getWidth() << " and columns = " << schedule.getColumns()
                   << ": width must be a multiple of columns";
  if (loops.count('b') > 1) return error() << "loops \"" << loops << "\", which copy b twice: take one b away";
  if (loops.starts_with("b") && (b.getRank() > 2 || !b.hasStaticShape()))
    return error() << "loops \"" << loops << "\", which copy the whole of b, but b is " << shapeText(b)
                   << ": only a constant matrix is copied as a whole; put the b in front of \"nmkn\"";
  bool copiesInTask = loops.contains('a') || loops.ends_with("bnmkn");
  if (copiesInTask && loops.count('k') == 1 && a.isDynamicDim(a.getRank() - (op.getTransposeA() ? 2 : 1)))
    return error() << "loops \"" << loops << "\", which copy all terms of a sum at once, but a is " << shapeText(a)
                   << ": put \"k\" in front of the copies";
  for (PackOp pack : kernel.getOps<PackOp>()) {
    if (pack.getX() != op.getResult()) continue;
    if (pack.getPanels().getSize() % schedule.getColumns())
      return error() << "columns = " << schedule.getColumns() << " but stores its product in " << pack.getPanels()
                     << ": columns must divide the panels' size";
    if (schedule.getWidth() % pack.getPanels().getSize())
      return error() << "width = " << schedule.getWidth() << " but stores its product in " << pack.getPanels()
                     << ": width must be a multiple of the panels' size";
  }
  return success();
}

LogicalResult checkSchedule(KernelOp kernel, const Target &target) {
  std::optional<ScheduleAttr> schedule = kernel.getSchedule();
  if (!schedule)
    return kernel.emitError() << "@" << kernel.getSymName()
                              << " has no schedule: give it one, or compile it anew from an earlier stage";
  SmallVector<StringRef> orders = loopOrders(kernel, target);
  StringRef loops = schedule->getLoops();
  auto matmul = dyn_cast_or_null<MatmulOp>(kernel.getAnchor());
  if (target.onDevice() ? !llvm::is_contained(orders, loops)
                        : llvm::none_of(orders, [&](StringRef order) { return follows(loops, order); }))
    return kernel.emitError() << "@" << kernel.getSymName() << " has loops \"" << loops << "\", but can have only \""
                              << llvm::join(orders, "\" or \"") << "\""
                              << (!target.onDevice() ? ", whose capitals may be small: only the loop of a capital is "
                                                       "shared among threads"
                                  : loops == "Rl"    ? whyNotLanes
                                                     : "")
                              << (matmul && !target.onDevice() ? "; what stands in brackets may be left out" : "");
  if (loops == "Rl" && schedule->getVector() != warpLanes)
    return kernel.emitError() << "@" << kernel.getSymName()
                              << " has loops \"Rl\" and vector = " << schedule->getVector() << ": a row has all "
                              << warpLanes << " lanes of a warp";
  constexpr int64_t mostOnHost = 4096; // they are added by name
  if (!target.onDevice() && schedule->getChunks() > mostOnHost)
    return kernel.emitError() << "@" << kernel.getSymName() << " has chunks = " << schedule->getChunks()
                              << ": a processor takes at most " << mostOnHost;
  if (loops == "Crt" && schedule->getChunks() % schedule->getDepth())
    return kernel.emitError() << "@" << kernel.getSymName() << " has chunks = " << schedule->getChunks()
                              << " and depth = " << schedule->getDepth() << ": chunks must be a multiple of depth";
  Operation *anchor = kernel.getAnchor();
  bool tiles = matmul || (anchor && (flatConvolution(anchor) ||
                                     isa<Conv2dWeightGradOp, AttentionOp, AttentionGradOp, AttentionMapOp>(anchor)));
  if (tiles && schedule->getColumns() % schedule->getVector())
    return kernel.emitError() << "@" << kernel.getSymName() << " has columns = " << schedule->getColumns()
                              << " and vector = " << schedule->getVector() << ": columns must be a multiple of vector";
  if (int64_t block = llvm::alignTo(schedule->getTask(), schedule->getRows());
      loops.contains('q') && block % schedule->getWidth())
    return kernel.emitError() << "@" << kernel.getSymName() << " has width = " << schedule->getWidth()
                              << " and blocks of " << block << " queries: width must divide them";
  if (matmul) return checkProduct(kernel, matmul, *schedule);
  return success();
}

LogicalResult checkSchedules(ModuleOp module) {
  auto cut = module->getAttrOfType<StringAttr>("fovea.target"); // what it was cut into kernels for
  FailureOr<Target> target = targetOf(module, cut ? cut.getValue() : "host");
  if (failed(target)) return failure();
  bool allFollow = true;
  for (KernelOp kernel : module.getOps<KernelOp>()) allFollow &= succeeded(checkSchedule(kernel, *target));
  return success(allFollow);
}

} // namespace fovea
