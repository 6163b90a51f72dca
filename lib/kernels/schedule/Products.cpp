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
  if (vectors > 4) return (target.vectorRegisters - 1 - vectors) / vectors;
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
/// A longer sum is cut, and one whose length is symbolic: the panels of its terms stay in the second cache, and in a
/// weight's gradient, where each is read by few tiles, in the first. No power of two there, or what is copied of a for
/// one tile would take the place of that for another.
constexpr int64_t cutDepth = 256, longestSum = 2048, gradientDepth = 112;
/// A task reads its panels of b anew; one that copies them makes use of them for some rows. Where the rows are
/// symbolic, there are often this many.
constexpr int64_t leastTaskRows = 64, leastCopyRows = 160, typicalRows = 768;
/// Of a's rows so much, at most, stays in the third cache from one panel of b to the next.
constexpr int64_t blockBytes = 1 << 22;
/// Least multiply-adds of a task that has all columns.
constexpr int64_t leastWork = 1 << 21;
/// So many of its tiles, at least, go through a panel and share in fetching the next one.
constexpr int64_t leastTiles = 3;
/// Symbolic rows of so many tiles, at least, are often enough for all threads.
constexpr int64_t leastSymbolicTiles = 2;
/// A task of a weight's gradient gives at least so many elements of it. Each reads its columns of a and b from far, so
/// that fewer tasks cost less.
constexpr int64_t leastElements = 1 << 11, gradientTasks = 8;

/// The smallest sizes that a tensor can have.
static SmallVector<int64_t> leastSizes(RankedTensorType type) {
  llvm::StringMap<int64_t> ones;
  for (StringAttr name : dimsOf(type).getNames()) ones[name] = 1;
  return dimsOf(type).evaluate(ones);
}

namespace {
/// The sizes of a product; those that are symbolic may be as small as this, and the rows as few as `leastRows`.
struct ProductSizes {
  int64_t batches = 1, rows, leastRows, columns, terms;
  bool knowsRows, knowsColumns, knowsTerms;
};
} // namespace

static ProductSizes sizesOf(MatmulOp op) {
  RankedTensorType result = op.getType(), a = op.getA().getType();
  int64_t rank = result.getRank(), sum = a.getRank() - (op.getTransposeA() ? 2 : 1);
  SmallVector<int64_t> least = leastSizes(result);
  ProductSizes sizes;
  for (int64_t size : ArrayRef(least).drop_back(2)) sizes.batches *= size;
  sizes.leastRows = least[rank - 2], sizes.columns = least[rank - 1], sizes.terms = leastSizes(a)[sum];
  sizes.knowsRows = !result.isDynamicDim(rank - 2), sizes.knowsColumns = !result.isDynamicDim(rank - 1);
  sizes.knowsTerms = !a.isDynamicDim(sum);
  sizes.rows = sizes.knowsRows ? sizes.leastRows : std::max(sizes.leastRows, typicalRows);
  return sizes;
}

namespace {
/// Where b is copied into panels, as the letters of the loops that do so; both empty where it is not.
struct Copies {
  StringRef whole, inTask;
};
} // namespace

/// Whether b lies in memory as its only panel would.
static bool isPanel(MatmulOp op, const ProductSizes &sizes, int64_t columns) {
  auto argument = dyn_cast<BlockArgument>(op.getB());
  if (!argument || op.getTransposeB() || !sizes.knowsColumns || sizes.columns != columns) return false;
  auto kernel = cast<KernelOp>(op->getParentOp());
  return kernel.argumentStrides(argument.getArgNumber()) == rowMajorStrides(op.getB().getType());
}

/// Blocks of a's rows that stay in the third cache.
static int64_t blocksOfRows(MatmulOp op, const ProductSizes &sizes) {
  if (!sizes.knowsRows || !sizes.knowsTerms) return 1;
  return llvm::divideCeil(sizes.rows * sizes.terms * elementBits(op.getA().getType()) / 8, blockBytes);
}

/// Few rows make no use of a copy. Many narrow panels read a so often that blocks of its rows share a copy of much,
/// too.
static Copies copiesOfB(MatmulOp op, const ProductSizes &sizes, int64_t tileRows, int64_t columns) {
  constexpr int64_t manyRows = 64; // to a column of a panel
  bool fewRows = sizes.knowsRows && sizes.rows < (op.getTransposeB() ? tileRows + 1 : 4 * tileRows);
  if (fewRows) return {};
  RankedTensorType b = op.getB().getType();
  if (op.getTransposeA() || b.getRank() != 2 || !b.hasStaticShape()) return {"", "b"};
  bool inBlocks = blocksOfRows(op, sizes) > 1 && sizes.rows >= manyRows * columns && sizes.terms <= longestSum;
  return inBlocks || b.getNumElements() <= copiedElements ? Copies{"b", ""} : Copies{"", "b"};
}

namespace {
/// What a task computes.
struct Task {
  int64_t tiles, width; // tiles of rows, and columns
};
} // namespace

/// Panels for which a task reads its columns of a once, where that leaves enough tasks, and even ones.
static int64_t sharedPanels(int64_t blocks, int64_t n, int64_t columns) {
  constexpr int64_t most = 4;
  int64_t all = llvm::divideCeil(n, columns);
  for (int64_t panels = std::min(most, all); panels > 1; --panels)
    if (all % panels == 0 && all / panels * blocks >= gradientTasks) return panels;
  return 1;
}

/// Of a weight's gradient. Its tiles are so many, at least, with which pairs of threads have the most even shares.
static Task taskOfGradient(MatmulOp op, const ProductSizes &sizes, int64_t columns, int64_t rows) {
  int64_t blocks = std::max<int64_t>(1, sizes.rows * columns / leastElements),
          tiles = llvm::divideCeil(sizes.rows, rows);
  int64_t panels = op.getTransposeB() ? 1 : sharedPanels(blocks * sizes.batches, sizes.columns, columns);
  int64_t groups = llvm::divideCeil(sizes.columns, panels * columns) * sizes.batches;
  blocks = std::clamp<int64_t>(gradientTasks / groups, 1, blocks);
  int64_t least = llvm::divideCeil(llvm::divideCeil(sizes.rows, blocks), rows), best = least, bestCost = INT64_MAX;
  for (int64_t size = least; size <= 2 * least; ++size) {
    int64_t cost = llvm::alignTo(llvm::divideCeil(tiles, size) * groups, 2) * size;
    if (cost < bestCost) best = size, bestCost = cost;
  }
  return {best, panels * columns};
}

/// A task that has all columns, so that what it reads and writes of a row lies side by side; none where the panels of b
/// do not stay in the second cache, or there are too few rows for all threads.
static std::optional<Task> taskOfWholeRows(const ProductSizes &sizes, int64_t columns, int64_t rows, int64_t bits,
                                           const Target &target) {
  if (!sizes.knowsColumns || !sizes.knowsTerms || sizes.batches != 1) return std::nullopt;
  int64_t width = llvm::alignTo(sizes.columns, columns), elements = width * sizes.terms;
  if (elements * bits / 8 > target.secondCacheBytes / 4 * 3) return std::nullopt;
  int64_t fair = sizes.leastRows / (rows * fairTasks);
  if (sizes.knowsRows ? fair < 1 : width == columns || sizes.leastRows < leastSymbolicTiles * rows) return std::nullopt;
  int64_t tiles = std::max<int64_t>(leastTiles, llvm::divideCeil(leastWork, rows * elements));
  return Task{sizes.knowsRows ? std::min(fair, tiles) : tiles, width};
}

/// A panel of b, and some rows: those of a block where the panel is not the task's own.
static Task taskOfPanel(MatmulOp op, const ProductSizes &sizes, int64_t columns, int64_t rows, bool copies) {
  int64_t groups = llvm::divideCeil(sizes.columns, columns) * sizes.batches;
  int64_t most = std::max<int64_t>(1, sizes.rows / (copies ? leastCopyRows : leastTaskRows));
  int64_t blocks = std::clamp<int64_t>(fairTasks / groups, 1, most);
  if (!copies) blocks = std::max(blocks, blocksOfRows(op, sizes));
  return {(int64_t)llvm::divideCeil(llvm::divideCeil(sizes.rows, blocks), rows), columns};
}

ScheduleAttr productSchedule(MatmulOp op, const Target &target) {
  int64_t bits = elementBits(op.getType()), lanes = target.lanes(bits), stored = storedColumns(op, lanes);
  ProductSizes sizes = sizesOf(op);
  int64_t columns = stored ? stored : panelColumns(sizes.knowsColumns ? sizes.columns : 256, bits, target);
  int64_t rows = registerRows(sizes.knowsRows ? sizes.rows : 1 << 20, columns / lanes, target);
  bool isGradient = op.getTransposeA();
  Copies copies =
      stored || (isGradient && isPanel(op, sizes, columns)) ? Copies{} : copiesOfB(op, sizes, rows, columns);
  bool copiesInTask = !copies.inTask.empty();

  Task task;
  if (isGradient)
    task = taskOfGradient(op, sizes, columns, rows);
  else if (auto whole = taskOfWholeRows(sizes, columns, rows, bits, target); whole && !copiesInTask)
    task = *whole;
  else
    task = taskOfPanel(op, sizes, columns, rows, copiesInTask);

  // A gradient's columns of a lie apart, row by row: a task of several panels copies them.
  bool copiesA = isGradient && task.width > columns;
  bool cuts =
      (isGradient || copiesInTask) && (!sizes.knowsTerms || sizes.terms > (isGradient ? gradientDepth : longestSum));
  int64_t depth = !cuts ? 1 : isGradient ? gradientDepth : cutDepth;
  // What a thread has copied of b it reads without the others, which read a.
  bool byPanels = !copies.whole.empty() && task.width < sizes.columns && sizes.knowsRows &&
                  sizes.rows <= sizes.columns && blocksOfRows(op, sizes) == 1;
  std::string loops =
      (copies.whole + (byPanels ? "NM" : "MN") + (cuts ? "k" : "") + (copiesA ? "a" : "") + copies.inTask + "nmkn")
          .str();
  return ScheduleAttr::get(op.getContext(), loops, rows, columns, lanes, task.tiles * rows, 1, task.width, depth);
}

} // namespace fovea
