// Attention on a processor: tiles of queries by keys, and chunks of keys where the tasks would be few.
#include "lib/kernels/schedule/Host.h"
#include "lib/kernels/schedule/Schedule.h"

using namespace mlir;

namespace fovea {

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

bool goesThroughAllKeys(AttentionOp op) {
  return (int64_t)op.getWindowLeft() < 0 && (int64_t)op.getWindowRight() < 0 && op.getMask().empty() &&
         !op.getKvLengths();
}

int64_t resultVectors(int64_t vectors, const Target &target) {
  int64_t most = target.vectorRegisters == 32 ? 4 : 2;
  while (vectors % most) --most;
  return most;
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
  int64_t lanes = schedule.getVector(), size = value.getDimSize(3);
  while (size % lanes) lanes /= 2;
  int64_t rows = mostRows(resultVectors(size / lanes, target), target);
  while (task % rows) --rows;
  std::string loops = schedule.getLoops().drop_back().str() + "qd";
  return ScheduleAttr::get(op.getContext(), loops, schedule.getRows(), schedule.getColumns(), schedule.getVector(),
                           task, 1, rows);
}

/// Tiles of queries by keys in registers, of the shape that wastes least of the last panel of keys and loads least for
/// a product; blocks of queries of a whole number of tiles.
ScheduleAttr attentionSchedule(Operation *op, const Target &target) {
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
      // As much as the products themselves costs all else that is done with the scores. The gradient has twice as many
      // products of scores, and sums of only a panel's terms.
      int64_t loads = products * (vectors + rows) / (vectors * rows);
      int64_t cost = 2 * products + (gradient ? 2 * loads : loads / 8);
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

} // namespace fovea
