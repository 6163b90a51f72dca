// Attention on a processor: tiles of queries by keys, and chunks of keys where the tasks would be few.
#include "lib/kernels/schedule/Host.h"
#include "lib/kernels/schedule/Schedule.h"

using namespace mlir;

namespace fovea {

/// Attention's loops, of which threads share the outermost of a capital with several tasks, and the number of chunks.
/// Where heads of keys are few, its gradient cuts the queries. Forward, the keys are cut where a block's scores would
/// not stay near, and where heads and blocks of queries are few; a symbolic batch may be 1.
static std::pair<std::string, int64_t> attentionLoops(Operation *op, int64_t task, const Target &target) {
  constexpr int64_t leastTasks = 8, leastKeys = 256, chunkBytes = 1 << 18;
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
  int64_t chunks = bytes > target.secondCacheBytes ? llvm::divideCeil(bytes, chunkBytes) : 1,
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

bool goesThroughAllKeys(AttentionOp op) {
  return (int64_t)op.getWindowLeft() < 0 && (int64_t)op.getWindowRight() < 0 && op.getMask().empty() &&
         !op.getKvLengths();
}

int64_t resultVectors(int64_t vectors, const Target &target) {
  bool many = target.vectorRegisters == 32;
  int64_t most = many ? 4 : 2, mostUncut = many ? 7 : 5;
  while (vectors % most) --most;
  return most > 1 || vectors > mostUncut ? most : vectors;
}

/// For the products of so many pairs, the multiply-adds that the time would do. Fewer sums than are in flight wait for
/// each other; with few registers, operands are loaded apart, as many in a cycle as are multiplied.
static int64_t productCost(int64_t pairs, int64_t rows, int64_t vectors, const Target &target) {
  constexpr int64_t inFlight = 8;
  int64_t steps = std::max(vectors * rows, inFlight);
  if (target.vectorRegisters < 32) steps = std::max(steps, vectors + rows);
  return pairs * steps / (vectors * rows);
}

/// Whether every query sees all of not many keys: then the weights of a few for all keys stay near, and their result in
/// registers.
static bool fitsInTiles(Operation *op) {
  constexpr int64_t mostKeys = 1024;
  auto attention = dyn_cast<AttentionOp>(op);
  if (!attention || !goesThroughAllKeys(attention)) return false;
  RankedTensorType value = attention.getValue().getType();
  return !value.isDynamicDim(2) && !value.isDynamicDim(3) && value.getDimSize(2) <= mostKeys;
}

namespace {
/// Of the queries: a task, and a tile's in registers, of scores and of the result.
struct Block {
  int64_t rows, task, width = 1;
};
} // namespace

/// A block of whole tiles, in turn of those of the result, that wastes least of the last one.
static Block blockInTiles(AttentionOp op, int64_t queries, int64_t lanes, Block block, const Target &target) {
  int64_t size = op.getValue().getType().getDimSize(3), most = block.task;
  while (size % lanes) lanes /= 2;
  int64_t vectors = resultVectors(size / lanes, target), best = INT64_MAX;
  for (int64_t task = most; task > 0; task -= block.rows) {
    int64_t width = mostRows(vectors, target);
    while (task % width) --width;
    int64_t cost = productCost(llvm::alignTo(queries, task), width, vectors, target);
    if (cost < best) best = cost, block.task = task, block.width = width;
  }
  return block;
}

/// Tiles of queries by keys in registers, of the shape that wastes least of the last panel of keys and loads least for
/// a product; blocks of queries of a whole number of tiles.
ScheduleAttr attentionSchedule(Operation *op, const Target &target) {
  constexpr int64_t fewQueries = 512, shortBlock = 48, longBlock = 96;
  const int64_t narrowRows = target.vectorRegisters == 32 ? 20 : 8; // of a tile of one vector
  bool gradient = isa<AttentionGradOp>(op), inTiles = fitsInTiles(op);
  auto query = cast<RankedTensorType>(op->getOperand(0).getType());
  auto key = cast<RankedTensorType>(op->getOperand(1).getType());
  int64_t lanes = target.lanes(elementBits(query)), queries = sizeOr(query, 2, 64), keys = sizeOr(key, 2, 64);
  int64_t most = std::min(gradient && queries >= fewQueries ? longBlock : shortBlock, queries);
  int64_t bestVectors = 1, best = INT64_MAX;
  Block block;
  for (int64_t vectors = 1; vectors <= (target.vectorRegisters == 32 ? 4 : 3); ++vectors) {
    int64_t columns = vectors * lanes, mostOfTile = vectors == 1 ? narrowRows : mostRows(vectors, target);
    for (int64_t rows = 1; rows <= std::min(mostOfTile, queries); ++rows) {
      Block one{rows, (int64_t)llvm::alignTo(most, rows)};
      if (inTiles) one = blockInTiles(cast<AttentionOp>(op), queries, lanes, one, target);
      int64_t pairs = llvm::alignTo(queries, rows) * llvm::alignTo(keys, columns);
      // As much as the products themselves costs all else that is done with the scores. The gradient has twice as many
      // products of scores, and sums of only a panel's terms.
      int64_t loads = pairs * (vectors + rows) / (vectors * rows);
      int64_t cost = productCost(pairs, rows, vectors, target) + pairs + (gradient ? 2 * loads : loads / 8);
      if (cost <= best) best = cost, bestVectors = vectors, block = one;
    }
  }
  auto [loops, chunks] = attentionLoops(op, block.task, target);
  if (inTiles && chunks == 1)
    loops = StringRef(loops).drop_back().str() + "qd";
  else
    block.width = 1;
  return ScheduleAttr::get(query.getContext(), loops, block.rows, bestVectors * lanes, lanes, block.task, chunks,
                           block.width);
}

} // namespace fovea
