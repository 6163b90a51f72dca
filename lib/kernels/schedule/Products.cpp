// Products on a processor: register tiles, copies of operands into panels, and tasks.
#include "lib/kernels/schedule/Host.h"
#include "lib/kernels/schedule/Schedule.h"

#include "dialect/Shape.h"

#include <array>

using namespace mlir;

namespace fovea {

//===-- Register tiles --------------------------------------------------------------------------------------------===//

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

int64_t mostRows(int64_t vectors, const Target &target) {
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

//===-- Copies and tasks ------------------------------------------------------------------------------------------===//

/// b is copied as a whole, once for all tasks, where it has at most this many elements.
constexpr int64_t copiedElements = 1 << 18;
/// A longer sum is cut, and one whose length is symbolic: the panels of its terms stay in the second cache.
constexpr int64_t cutDepth = 256, longestSum = 2048;
/// For about this many tasks threads have even shares; each reads its panels of b anew, so more cost time. A task that
/// copies its panels makes use of them for some rows. Where the rows are symbolic, there are often this many.
constexpr int64_t fairTasks = 16, leastTaskRows = 64, leastCopyRows = 160, typicalRows = 768;
/// Least multiply-adds of a task that has all columns.
constexpr int64_t leastWork = 1 << 21;
/// So many columns of a, whose sums are long, are a task.
constexpr int64_t leastColumns = 32;

/// The smallest sizes that a tensor can have.
static SmallVector<int64_t> leastSizes(RankedTensorType type) {
  llvm::StringMap<int64_t> ones;
  for (StringAttr name : dimsOf(type).getNames()) ones[name] = 1;
  return dimsOf(type).evaluate(ones);
}

namespace {
/// The sizes of a product; those that are symbolic may be as small as this.
struct ProductSizes {
  int64_t batches = 1, rows, columns, terms;
  bool knowsRows, knowsColumns, knowsTerms;
};
} // namespace

static ProductSizes sizesOf(MatmulOp op) {
  RankedTensorType result = op.getType(), a = op.getA().getType();
  int64_t rank = result.getRank(), sum = a.getRank() - (op.getTransposeA() ? 2 : 1);
  SmallVector<int64_t> least = leastSizes(result);
  ProductSizes sizes;
  for (int64_t size : ArrayRef(least).drop_back(2)) sizes.batches *= size;
  sizes.rows = least[rank - 2], sizes.columns = least[rank - 1], sizes.terms = leastSizes(a)[sum];
  sizes.knowsRows = !result.isDynamicDim(rank - 2), sizes.knowsColumns = !result.isDynamicDim(rank - 1);
  sizes.knowsTerms = !a.isDynamicDim(sum);
  return sizes;
}

namespace {
/// Where b is copied into panels, as the letters of the loops that do so; both empty where it is not.
struct Copies {
  StringRef whole, inTask;
};
} // namespace

/// Few rows make no use of a copy. In a weight's gradient both operands lie as a tile reads them, term after term.
static Copies copiesOfB(MatmulOp op, const ProductSizes &sizes, int64_t tileRows) {
  bool fewRows = sizes.knowsRows && sizes.rows < (op.getTransposeB() ? tileRows + 1 : 4 * tileRows);
  if (fewRows || (op.getTransposeA() && !op.getTransposeB())) return {};
  RankedTensorType b = op.getB().getType();
  bool whole = !op.getTransposeA() && b.getRank() == 2 && b.hasStaticShape() && b.getNumElements() <= copiedElements;
  return whole ? Copies{"b", ""} : Copies{"", "b"};
}

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

/// Tiles of a task that has all columns, so that what it reads and writes of a row lies side by side; 0 where the panels
/// of b do not stay in the second cache, or there are too few rows for all threads.
static int64_t tilesOfWholeRows(const ProductSizes &sizes, int64_t columns, int64_t rows, int64_t bits,
                                const Target &target) {
  if (!sizes.knowsColumns || !sizes.knowsTerms || sizes.batches != 1) return 0;
  int64_t elements = llvm::alignTo(sizes.columns, columns) * sizes.terms;
  if (elements * bits / 8 > target.secondCacheBytes / 4 * 3) return 0;
  return std::min<int64_t>(sizes.rows / (rows * fairTasks), llvm::divideCeil(leastWork, rows * elements));
}

ScheduleAttr productSchedule(MatmulOp op, const Target &target) {
  int64_t bits = elementBits(op.getType()), lanes = target.lanes(bits), stored = storedColumns(op, lanes);
  ProductSizes sizes = sizesOf(op);
  int64_t columns = stored ? stored : panelColumns(sizes.knowsColumns ? sizes.columns : 256, bits, target);
  int64_t rows = registerRows(sizes.knowsRows ? sizes.rows : 1 << 20, columns / lanes, target);
  int64_t tilesOfRows = tilesOfWholeRows(sizes, columns, rows, bits, target);
  if (!sizes.knowsRows) sizes.rows = std::max(sizes.rows, typicalRows);

  // The columns of a weight's gradient are a's: parts of the sum stay near without copies of b, but a task of several
  // panels copies its columns of a, of which each row is a cache line far from the next.
  bool columnsOfA = op.getTransposeA();
  Copies copies = stored ? Copies{} : copiesOfB(op, sizes, rows);
  bool copiesInTask = !copies.inTask.empty();
  bool cuts = (copiesInTask || columnsOfA) && (!sizes.knowsTerms || sizes.terms > (columnsOfA ? cutDepth : longestSum));

  int64_t least = columnsOfA ? leastColumns : copiesInTask ? leastCopyRows : leastTaskRows, panels = 1;
  if (columnsOfA && !op.getTransposeB())
    panels = sharedPanels(sizes.rows / least * sizes.batches, sizes.columns, columns);
  int64_t width = panels * columns, groups = llvm::divideCeil(sizes.columns, width) * sizes.batches;
  int64_t blocks = std::clamp<int64_t>(fairTasks / groups, 1, std::max<int64_t>(1, sizes.rows / least));
  int64_t tiles = llvm::divideCeil(llvm::divideCeil(sizes.rows, blocks), rows);
  if (columnsOfA) tiles = evenTiles(llvm::divideCeil(sizes.rows, rows), groups, tiles);
  if (tilesOfRows && !columnsOfA && !copiesInTask) tiles = tilesOfRows, width = llvm::alignTo(sizes.columns, columns);

  std::string loops =
      (copies.whole + "MN" + (cuts ? "k" : "") + (panels > 1 ? "a" : "") + copies.inTask + "nmkn").str();
  return ScheduleAttr::get(op.getContext(), loops, rows, columns, lanes, tiles * rows, 1, width, cuts ? cutDepth : 1);
}

} // namespace fovea
