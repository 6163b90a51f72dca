// The heuristic for devices: tiles so large that a device of some hundred processors still has a block for each.
#include "lib/kernels/schedule/Device.h"

#include "dialect/Shape.h"
#include "dialect/ops/RowSum.h"
#include "lib/kernels/schedule/Schedule.h"

using namespace mlir;

namespace fovea {

/// A size that is symbolic counts as this.
constexpr int64_t typicalBatch = 64, typicalTerms = 1 << 14;

static int64_t elementsOf(RankedTensorType type) {
  int64_t count = 1;
  for (int64_t d = 0; d < type.getRank(); ++d) count *= sizeOr(type, d, typicalBatch);
  return count;
}

/// A convolution of few channels to a group is none: each thread sums an element of its own.
bool isProduct(Operation *anchor) {
  constexpr int64_t leastChannels = 4;
  if (isa_and_nonnull<Conv2dOp, Conv2dInputGradOp>(anchor)) {
    auto channels = cast<RankedTensorType>(anchor->getResult(0).getType()).getDimSize(1);
    int64_t groups = anchor->getAttrOfType<IntegerAttr>("groups").getInt();
    return groups == 1 || channels / groups >= leastChannels;
  }
  return isa_and_nonnull<MatmulOp, Conv2dWeightGradOp>(anchor);
}

//===-- Products --------------------------------------------------------------------------------------------------===//

namespace {
/// How large a product is: of matrices of rows by terms and terms by columns, `count` of them.
struct ProductSize {
  int64_t rows, columns, terms, count;
  bool mayCut;       // whether the result's size is constant
  bool knowsColumns; // whether their number is
};
} // namespace

static ProductSize sizeOf(Operation *anchor) {
  auto result = cast<RankedTensorType>(anchor->getResult(0).getType());
  int64_t rank = result.getRank(), all = elementsOf(result);
  if (auto op = dyn_cast<MatmulOp>(anchor)) {
    RankedTensorType a = op.getA().getType();
    int64_t sum = a.getRank() - (op.getTransposeA() ? 2 : 1), rows = sizeOr(result, rank - 2, typicalTerms),
            columns = sizeOr(result, rank - 1, typicalTerms);
    return {rows,
            columns,
            sizeOr(a, sum, typicalTerms),
            std::max<int64_t>(1, all / std::max<int64_t>(1, rows * columns)),
            result.hasStaticShape(),
            !result.isDynamicDim(rank - 1)};
  }
  int64_t groups = anchor->getAttrOfType<IntegerAttr>("groups").getInt();
  if (auto op = dyn_cast<Conv2dWeightGradOp>(anchor)) {
    RankedTensorType g = op.getCotangent().getType();
    int64_t rows = result.getDimSize(0) / groups;
    return {rows, all / result.getDimSize(0), elementsOf(g) / g.getDimSize(1), groups, true, true};
  }
  auto weight = cast<RankedTensorType>(anchor->getOperand(1).getType());
  int64_t rows = result.getDimSize(1) / groups, pixels = result.getDimSize(2) * result.getDimSize(3);
  return {rows, pixels, weight.getNumElements() / weight.getDimSize(0), all / (rows * pixels), false, true};
}

static ScheduleAttr product(Operation *anchor, const Target &target) {
  struct Tile {
    int64_t side, perThread;
  };
  constexpr Tile large[] = {{128, 8}, {64, 4}, {32, 2}}, small[] = {{16, 2}};
  constexpr int64_t processors = 128, mostChunks = 64, leastTerms = 256, depthOfStep = 16;
  auto result = cast<RankedTensorType>(anchor->getResult(0).getType());
  bool wide = result.getElementTypeBitWidth() == 64;
  ProductSize size = sizeOf(anchor);
  auto blocksOf = [&](const Tile &tile) {
    return llvm::divideCeil(size.rows, tile.side) * llvm::divideCeil(size.columns, tile.side) * size.count;
  };
  Tile best = target.device == Device::opencl ? small[0] : large[2];
  if (target.device != Device::opencl)
    for (const Tile &tile : large) {
      // Accumulators of two registers; operands of one step, which are loaded at once.
      if ((wide || size.terms <= depthOfStep) && tile.perThread > 4) continue;
      int64_t used = size.rows * size.columns * size.count * 2, covered = blocksOf(tile) * tile.side * tile.side;
      if (blocksOf(tile) >= processors && used >= covered) {
        best = tile;
        break;
      }
    }
  int64_t blocks = blocksOf(best), depth = target.device == Device::opencl ? 8 : 16, chunks = 1;
  if (size.mayCut && blocks < processors)
    chunks = std::clamp<int64_t>(std::min<int64_t>(llvm::divideCeil(processors, blocks), size.terms / leastTerms), 1,
                                 mostChunks);
  // Groups of columns of which none is a part: LLVM 21 fails on elements of vectors that it finds by a variable.
  int64_t vector = wide || !size.knowsColumns ? 1 : std::min<int64_t>(best.perThread, 4);
  while (size.columns % vector) vector /= 2;
  return ScheduleAttr::get(anchor->getContext(), "MNkmn", best.perThread, best.perThread, vector, best.side, chunks,
                           best.side, depth);
}

//===-- Other kernels ---------------------------------------------------------------------------------------------===//

/// Threads to a block.
constexpr int64_t blockThreads = 256;

static bool reducesRows(KernelOp kernel) {
  Operation *anchor = kernel.getAnchor();
  if (isa_and_nonnull<SumOp, ProdOp, MaxOp>(anchor)) {
    ArrayRef<int64_t> axes = reducedAxes(anchor);
    return axes.size() == 1 && axes[0] == cast<RankedTensorType>(anchor->getOperand(0).getType()).getRank() - 1;
  }
  if (isa_and_nonnull<ArgmaxOp, CrossEntropyOp, LogSumExpOp>(anchor)) return true;
  return (anchor && isRowAnchor(anchor)) ||
         llvm::any_of(kernel.getBody().front(), [](Operation &op) { return isRowSum(&op); });
}

/// Whether what is reduced along rows are elements of 32 bits, which lanes of a warp can give each other, and so few,
/// and known, that each lane's are in registers: of a loop, lanes would leave some before others.
static bool mayUseLanes(KernelOp kernel, const Target &target) {
  if (target.device != Device::cuda || !reducesRows(kernel)) return false;
  auto suits = [](Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    return type.getRank() > 1 && type.getElementTypeBitWidth() == 32 && !type.isDynamicDim(type.getRank() - 1) &&
           type.getDimSize(type.getRank() - 1) <= longestInLanes;
  };
  if (Operation *anchor = kernel.getAnchor(); anchor && !suits(anchor->getOperand(0))) return false;
  return llvm::all_of(kernel.getBody().front(),
                      [&](Operation &op) { return !isRowSum(&op) || suits(op.getOperand(0)); });
}

static ScheduleAttr rowwise(KernelOp kernel, RankedTensorType type, const Target &target) {
  constexpr int64_t mostVectors = 4;
  int64_t lanes = target.lanes(std::max<int64_t>(8, type.getElementTypeBitWidth()));
  lanes = std::min<int64_t>(lanes, 32);
  int64_t width = type.getRank() ? sizeOr(type, type.getRank() - 1, typicalBatch) : 1;
  MLIRContext *context = kernel.getContext();
  if (mayUseLanes(kernel, target))
    return ScheduleAttr::get(context, "Rl", blockThreads / warpLanes, 1, warpLanes, 1, 1);
  int64_t threads = lanes * std::clamp<int64_t>(width / lanes, 1, mostVectors);
  int64_t rows = type.getRank() > 1 ? blockThreads / threads : 1;
  return ScheduleAttr::get(context, "Rt", rows, 1, lanes, 1, 1);
}

/// Whether every launch gives the kernel buffers that begin at a multiple of `elements`.
static bool beginsAt(KernelOp kernel, int64_t elements) {
  bool result = true;
  kernel->getParentOfType<ModuleOp>().walk([&](LaunchOp launch) {
    if (launch.getKernel() != kernel.getSymName()) return;
    for (Value buffer : launch->getOperands())
      while (auto view = buffer.getDefiningOp<SubviewOp>()) {
        result &= view.getOffset().getSizes()[0].isMultipleOf(elements);
        buffer = view.getBuffer();
      }
  });
  return result;
}

/// Whether whole groups of 4 elements of a row are read and written together, which a device does at multiples of 16
/// bytes only.
static int64_t wideElements(KernelOp kernel, RankedTensorType type) {
  if (!type.getRank() || type.isDynamicDim(type.getRank() - 1)) return 1;
  for (Operation &op : kernel.getBody().front().without_terminator()) // all of them along the same row
    if (!op.hasTrait<Elementwise>()) return 1;
  for (Type argument : kernel.getArgumentTypes()) {
    auto tensor = cast<RankedTensorType>(argument);
    if (tensor.getRank() && tensor.getShape().back() != 1 && tensor.getShape().back() != type.getShape().back())
      return 1;
  }
  return type.getShape().back() % 4 == 0 && type.getElementTypeBitWidth() == 32 && beginsAt(kernel, 4) ? 4 : 1;
}

/// Sums of columns: so many parts, a power of two, that threads have something to do.
static std::optional<int64_t> columnChunks(Operation *anchor) {
  constexpr int64_t threads = 1 << 15, leastTerms = 32;
  ArrayRef<int64_t> axes = reducedAxes(anchor);
  auto type = cast<RankedTensorType>(anchor->getOperand(0).getType());
  auto result = cast<RankedTensorType>(anchor->getResult(0).getType());
  if (axes.empty() || !result.hasStaticShape() ||
      (axes.size() == 1 && axes[0] == type.getRank() - 1 && type.getRank() > 1))
    return std::nullopt;
  int64_t terms = 1;
  for (int64_t axis : axes) terms *= sizeOr(type, axis, typicalTerms);
  int64_t chunks = std::min(terms / leastTerms, threads / std::max<int64_t>(1, result.getNumElements()));
  return chunks > 1 ? std::optional(int64_t(llvm::bit_floor<uint64_t>(chunks))) : std::nullopt;
}

static ScheduleAttr columns(MLIRContext *context, int64_t chunks) {
  constexpr int64_t fewParts = 64; // for one thread to add
  int64_t depth = chunks > fewParts ? int64_t(1) << llvm::Log2_64(chunks) / 2 : 1;
  return ScheduleAttr::get(context, "Crt", 1, 1, 1, blockThreads, chunks, 1, depth);
}

/// Into how many segments the places of a scatter are cut, each by threads of its own that go through all updates.
static int64_t scatterSegments(ScatterOp op) {
  constexpr int64_t threads = 1 << 15, fewest = 64, most = 256, leastUpdates = 4;
  RankedTensorType type = op.getType(), indices = cast<RankedTensorType>(op.getIndices()[0].getType());
  int64_t places = 1, updates = 1;
  for (int64_t d = 0; d < (int64_t)op.getIndices().size(); ++d) places *= sizeOr(type, op.getAxis() + d, typicalTerms);
  for (int64_t d = op.getBatch(); d < indices.getRank(); ++d) updates *= sizeOr(indices, d, typicalTerms);
  int64_t others = std::max<int64_t>(1, elementsOf(type) / std::max<int64_t>(1, places));
  int64_t segments = std::min({threads / others, most, places, updates / leastUpdates});
  // A thread for each segment, where there is no other element.
  return segments > 1 && (others > 1 || segments >= fewest) ? int64_t(llvm::bit_floor<uint64_t>(segments)) : 1;
}

/// What a block may share on every device from compute capability 8.0 on.
constexpr int64_t sharedBytes = 96 << 10;

/// Blocks of queries by panels of keys, small where sequences are.
static ScheduleAttr attention(Operation *anchor, const Target &target) {
  auto query = cast<RankedTensorType>(anchor->getOperand(0).getType());
  auto key = cast<RankedTensorType>(anchor->getOperand(1).getType());
  int64_t longest = std::max(sizeOr(query, 2, 64), sizeOr(key, 2, 64));
  int64_t bytes = query.getElementTypeBitWidth() == 64 ? 8 : 4, size = key.getDimSize(3);
  int64_t side = target.device == Device::opencl || longest <= 16 ? 16 : longest <= 32 || bytes == 8 ? 32 : 64;
  // What a block shares, of the lengths of heads and of pairs, fits into what any device of these has.
  while (side > 16 && 2 * (size + side) * (side + 4) * bytes > sharedBytes) side /= 2;
  int64_t across = side == 16 ? 8 : 16, own = side / across;
  return ScheduleAttr::get(anchor->getContext(), "BIjd", own, side, own, side, 1, across);
}

static bool isAttention(Operation *anchor) {
  return isa_and_nonnull<AttentionOp, AttentionGradOp, AttentionMapOp>(anchor);
}

SmallVector<StringRef> deviceLoopOrders(KernelOp kernel, const Target &target) {
  Operation *anchor = kernel.getAnchor();
  if (isAttention(anchor)) return {"BIjd"};
  if (isProduct(anchor)) return {"MNkmn"};
  if (anchor && columnChunks(anchor)) return {"Crt"};
  if (mayUseLanes(kernel, target)) return {"Rl", "Rt"};
  return {reducesRows(kernel) ? "Rt" : "Bt"};
}

ScheduleAttr chooseDeviceSchedule(KernelOp kernel, const Target &target) {
  Operation *anchor = kernel.getAnchor();
  MLIRContext *context = kernel.getContext();
  if (isProduct(anchor)) return product(anchor, target);
  if (isAttention(anchor)) return attention(anchor, target);
  if (auto scatter = dyn_cast_or_null<ScatterOp>(anchor))
    return ScheduleAttr::get(context, "Bt", 1, 1, 1, blockThreads, scatterSegments(scatter));
  if (std::optional<int64_t> chunks = anchor ? columnChunks(anchor) : std::nullopt) return columns(context, *chunks);
  auto result = cast<RankedTensorType>(kernel.getResultTypes()[0]);
  auto operand = anchor ? cast<RankedTensorType>(anchor->getOperand(0).getType()) : result;
  if (reducesRows(kernel)) return rowwise(kernel, operand.getRank() ? operand : result, target);
  return ScheduleAttr::get(context, "Bt", 1, 1, wideElements(kernel, result), blockThreads, 1);
}

} // namespace fovea
