// Convolutions over flat images: the geometry of the gradient for the input, and schedules on a processor.
#include "lib/kernels/schedule/Convolution.h"

#include "lib/kernels/schedule/Host.h"
#include "lib/kernels/schedule/Schedule.h"

#include <numeric>

using namespace mlir;

namespace fovea {

/// Pixel y of phase a = y mod stride is reached from row i of the cotangent by element p of the window where i stride +
/// p dilation = y + padding. So p = (a + padding) mod stride + t stride for a number t, and i = y / stride +
/// (a + padding) / stride - t dilation.
std::optional<FlatConvolution> FlatConvolution::backward(Conv2dInputGradOp op) {
  RankedTensorType weight = op.getWeight().getType();
  FlatConvolution flat;
  flat.groups = op.getGroups();
  flat.outputs = weight.getDimSize(1);
  flat.channels = weight.getDimSize(0) / flat.groups;
  flat.padding = Pair{op.getPadding()[0], op.getPadding()[1]};
  for (int d : {0, 1}) {
    int64_t stride = op.getStride()[d], padding = op.getPadding()[d];
    flat.dilation[d] = op.getDilation()[d];
    if (stride > 1 && flat.dilation[d] > 1) return std::nullopt;
    flat.size[d] = op.getType().getDimSize(2 + d);
    flat.phases[d] = stride;
    flat.kernel[d] = weight.getDimSize(2 + d);
    flat.window[d] = llvm::divideCeil(flat.kernel[d], stride);
    int64_t reach = (flat.window[d] - 1) * flat.dilation[d];
    flat.first[d] = padding / stride - reach;
    flat.span[d] = (stride - 1 + padding) / stride - padding / stride + reach;
  }
  return flat;
}

/// Runs of pixels and tiles of outputs in registers; as many rows of the grid to a task as waste few pixels between
/// rows and keep the flat image near. Of a small second cache an image takes a quarter at a time, part of its channels.
ScheduleAttr convolutionSchedule(const FlatConvolution &flat, RankedTensorType result, const Target &target) {
  constexpr int64_t nearBytes = 1 << 18, tasks = 8, blocks = 4, fewPixels = 256;
  int64_t lanes = target.lanes(elementBits(result)), best = INT64_MAX, height = flat.grid()[0];
  int64_t bestRows = 1, bestVectors = 1, bestTile = 1;
  for (int64_t vectors = 1; vectors <= (target.vectorRegisters == 32 ? 4 : 3); ++vectors)
    for (int64_t rows = 1; rows <= height; ++rows) {
      int64_t pixels = llvm::alignTo(flat.pixels(rows), vectors * lanes), tile = mostRows(vectors, target);
      int64_t bytes = flat.imagePixels(rows) * flat.channels * (int64_t)elementBits(result) / 8;
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
  parts = std::max<int64_t>(1, parts);
  int64_t bytes = (int64_t)elementBits(result) / 8, phases = flat.phases[0] * flat.phases[1];
  int64_t imageBytes = flat.imagePixels(bestRows) * flat.channels * bytes;
  int64_t sumBytes = llvm::divideCeil(outputs, parts) * flat.pixels(bestRows) * phases * bytes;
  bool cuts = flat.groups == 1 && imageBytes > target.secondCacheBytes / 2 && sumBytes <= target.secondCacheBytes;
  int64_t depth =
      !cuts ? 1 : llvm::divideCeil(flat.channels, llvm::divideCeil(4 * imageBytes, target.secondCacheBytes));
  return ScheduleAttr::get(result.getContext(), cuts ? "Tkokf" : "Tokf", bestTile, bestVectors * lanes, lanes, bestRows,
                           parts, 1, depth);
}

/// Tiles of the weight in registers; so many rows to a block that what a tile reads of the cotangent stays near; few
/// enough chunks to keep their sums near too.
ScheduleAttr weightGradientSchedule(Conv2dWeightGradOp grad, const Target &target) {
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

std::optional<FlatConvolution> flatConvolution(Operation *anchor) {
  if (auto conv = dyn_cast<Conv2dOp>(anchor))
    return FlatConvolution::forward(conv, conv.getWeight().getType(), conv.getType());
  if (auto grad = dyn_cast<Conv2dInputGradOp>(anchor)) return FlatConvolution::backward(grad);
  return std::nullopt;
}

} // namespace fovea
