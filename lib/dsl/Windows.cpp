// What slides windows over images: convolutions and pools, ops or reductions of windows.
#include "lib/dsl/Build.h"

#include <fovea/Functions.h>
#include <fovea/Model.h>

#include <cmath>
#include <limits>

using namespace mlir;

namespace fovea {

using namespace dsl;

//===-- Convolutions ----------------------------------------------------------------------------------------------===//

Tensor conv2d(Located x, Located weight, Conv2dOptions options) {
  dsl::Pair pair("conv2d", x, weight);
  return apply<Conv2dOp>(*pair.program, x.site, valueOf(x), valueOf(weight), ArrayRef<int64_t>(options.stride),
                         ArrayRef<int64_t>(options.padding), ArrayRef<int64_t>(options.dilation), options.groups);
}

Tensor conv_transpose2d(Located x, Located weight, ConvTranspose2dOptions options) {
  dsl::Pair pair("conv_transpose2d", x, weight);
  Program &program = *pair.program;
  RankedTensorType from = Program::typeOf(x), kernel = Program::typeOf(weight);
  std::string facts = "conv_transpose2d: x " + shapeText(from) + " and weight " + shapeText(kernel);
  if (from.getRank() != 4 || kernel.getRank() != 4 || !kernel.hasStaticShape() || from.isDynamicDim(2) ||
      from.isDynamicDim(3))
    program.fail(x.site, facts + ": they must be (n, c, h, w) and (c, o / groups, kh, kw), constant but for n");
  if (from.getDimSize(1) != kernel.getDimSize(0))
    program.fail(x.site, facts + ": x's channels, dimension 1, must be the weight's first size");
  auto sizes = program.shapes.of(from);
  sizes[1] = program.shapes.constant(kernel.getDimSize(1) * options.groups);
  for (int d : {0, 1}) {
    int64_t extra = options.output_padding[d];
    if (extra < 0 || extra >= std::max(options.stride[d], options.dilation[d]))
      program.fail(x.site, "conv_transpose2d: output_padding " + Twine(extra) + " with stride " +
                               Twine(options.stride[d]) + " and dilation " + Twine(options.dilation[d]) +
                               ": it must be less than one of them");
    sizes[2 + d] = program.shapes.constant((from.getDimSize(2 + d) - 1) * options.stride[d] - 2 * options.padding[d] +
                                           options.dilation[d] * (kernel.getDimSize(2 + d) - 1) + extra + 1);
  }
  RankedTensorType type = program.type(x.site, "conv_transpose2d", sizes, from.getElementType());
  return program.tensor(program.makeAs<Conv2dInputGradOp>(
      x.site, type, valueOf(x), valueOf(weight), ArrayRef<int64_t>(options.stride), ArrayRef<int64_t>(options.padding),
      ArrayRef<int64_t>(options.dilation), options.groups));
}

/// (a, b, w) as one row, (a, b, 1, w).
static Tensor asRow(const Frame &frame, const char *name, const Tensor &x) {
  if (x.rank() != 3)
    frame.fail(std::string(name) + ": " + shapeText(Program::typeOf(x)) +
               " must have rank 3: (n, c, w), and (o, c, k) of a weight");
  return reshape(x, {x.dim(0), x.dim(1), 1, x.dim(2)});
}
static Tensor withoutRow(const Tensor &x) { return reshape(x, {x.dim(0), x.dim(1), x.dim(3)}); }

Tensor conv1d(Located x, Located weight, Conv1dOptions options) {
  Frame frame(x);
  Tensor row = asRow(frame, "conv1d", x), kernel = asRow(frame, "conv1d", weight);
  return withoutRow(
      conv2d(row, kernel, {{1, options.stride}, {0, options.padding}, {1, options.dilation}, options.groups}));
}

Tensor conv_transpose1d(Located x, Located weight, ConvTranspose1dOptions options) {
  Frame frame(x);
  Tensor row = asRow(frame, "conv_transpose1d", x), kernel = asRow(frame, "conv_transpose1d", weight);
  return withoutRow(conv_transpose2d(
      row, kernel,
      {{1, options.stride}, {0, options.padding}, {1, options.dilation}, options.groups, {0, options.output_padding}}));
}

//===-- Windows ---------------------------------------------------------------------------------------------------===//

static std::vector<int64_t> orOnes(std::vector<int64_t> values, const Windows &windows) {
  return values.empty() ? std::vector<int64_t>(windows.axes.size(), 1) : values;
}

Tensor unfold(Located x, const Windows &windows) {
  SmallVector<int64_t> axes;
  for (int64_t axis : windows.axes) axes.push_back(frontAxis("unfold", x, axis));
  return apply<UnfoldOp>(Program::of(x), x.site, valueOf(x), axes, windows.size, orOnes(windows.stride, windows),
                         orOnes(windows.dilation, windows));
}

Tensor fold(Located x, const Shape &shape, const Windows &windows) {
  Program &program = Program::of(x);
  RankedTensorType type =
      program.type(x.site, "fold", program.sizes(shape, x.site), Program::typeOf(x).getElementType());
  SmallVector<int64_t> axes;
  for (int64_t axis : windows.axes) axes.push_back(frontAxis("fold", x, axis, type.getRank()));
  return program.tensor(program.makeAs<FoldOp>(x.site, type, valueOf(x), axes, windows.size,
                                               orOnes(windows.stride, windows), orOnes(windows.dilation, windows)));
}

int64_t elements_within(int64_t start, int64_t size, int64_t dilation, int64_t extent) {
  int64_t first = start >= 0 ? 0 : llvm::divideCeil(-start, dilation);
  int64_t behind = start >= extent ? 0 : llvm::divideCeil(extent - start, dilation);
  return std::max<int64_t>(0, std::min(size, behind) - first);
}

/// An image's constant height and width.
static Pair2d sizeOf(const Frame &frame, const char *name, const Tensor &x) {
  RankedTensorType type = Program::typeOf(x);
  if (type.getRank() != 4 || type.isDynamicDim(2) || type.isDynamicDim(3))
    frame.fail(std::string(name) + ": " + shapeText(type) + " must be (n, c, h, w) with constant h and w");
  return {type.getDimSize(2), type.getDimSize(3)};
}

/// (n, c, kh, kw, h', w'), where padding holds `outside`.
static Tensor windowsOf(const Frame &frame, const char *name, const Tensor &x, Pair2d size, Pair2d stride,
                        Pair2d padding, Pair2d dilation, double outside) {
  sizeOf(frame, name, x);
  Tensor padded = x;
  for (int d : {0, 1})
    if (padding[d]) padded = pad(padded, 2 + d, padding[d], padding[d], PadMode::constant, outside);
  auto list = [](Pair2d pair) { return std::vector<int64_t>(pair.begin(), pair.end()); };
  return unfold(padded, {{2, 3}, list(size), list(stride), list(dilation)});
}

static Tensor windowsOf(const Frame &frame, const char *name, const Tensor &x, Pair2d size,
                        const Pool2dOptions &options, double outside = 0) {
  return windowsOf(frame, name, x, size, options.stride.value_or(size), options.padding, options.dilation, outside);
}

Tensor unfold2d(Located x, Pair2d size, UnfoldOptions options) {
  Frame frame(x);
  return windowsOf(frame, "unfold2d", x, size, options.stride, options.padding, options.dilation, 0);
}

//===-- Pools -----------------------------------------------------------------------------------------------------===//

Tensor max_pool2d(Located x, Pair2d size, Pool2dOptions options) {
  Frame frame(x);
  return max(windowsOf(frame, "max_pool2d", x, size, options, -std::numeric_limits<double>::infinity()), {2, 3});
}

/// How many elements of the image each window has: (h', w').
static Tensor countsOf(const Tensor &x, const Tensor &result, Pair2d size, const Pool2dOptions &options) {
  llvm::SmallVector<int64_t> counts[2];
  for (int d : {0, 1})
    for (int64_t window = 0; window < *result.dim(2 + d).constant(); ++window)
      counts[d].push_back(elements_within(window * options.stride.value_or(size)[d] - options.padding[d], size[d],
                                          options.dilation[d], *x.dim(2 + d).constant()));
  llvm::SmallVector<double> both;
  for (int64_t rows : counts[0])
    for (int64_t columns : counts[1]) both.push_back((double)(rows * columns));
  return dsl::constant(Program::of(x), Site::here(), {(int64_t)counts[0].size(), (int64_t)counts[1].size()}, both,
                       Program::typeOf(x).getElementType());
}

Tensor average_pool2d(Located x, Pair2d size, Pool2dOptions options, bool count_padding) {
  Frame frame(x);
  Tensor total = sum(windowsOf(frame, "average_pool2d", x, size, options), {2, 3});
  if (count_padding || options.padding == Pair2d{0, 0}) return total / (double)(size[0] * size[1]);
  for (int d : {0, 1}) checkTable("average_pool2d", x, *total.dim(2 + d).constant());
  return total / countsOf(x, total, size, options);
}

Tensor lp_pool2d(Located x, Pair2d size, double p, Pool2dOptions options) {
  Frame frame(x);
  return norm(windowsOf(frame, "lp_pool2d", x, size, options), p, {2, 3});
}

Tensor lse_pool2d(Located x, Pair2d size, double r, Pool2dOptions options) {
  Frame frame(x);
  if (options.padding != Pair2d{0, 0})
    frame.fail("lse_pool2d: padding is not supported: pad x with a value of your choice");
  if (!(r > 0)) frame.fail("lse_pool2d: r is " + std::to_string(r) + ": it must be positive");
  Tensor windows = windowsOf(frame, "lse_pool2d", x, size, options);
  int64_t count = size[0] * size[1];
  Tensor flat = reshape(windows * r, {windows.dim(0), windows.dim(1), count, windows.dim(4), windows.dim(5)});
  return (log_sum_exp(flat, 2) - std::log((double)count)) / r;
}

Tensor global_average_pool(Located x) {
  Frame frame(x);
  sizeOf(frame, "global_average_pool", x);
  return mean(x.tensor, {2, 3}, true);
}

Tensor global_max_pool(Located x) {
  Frame frame(x);
  sizeOf(frame, "global_max_pool", x);
  return max(x.tensor, {2, 3}, true);
}

/// Where window i of `count` begins; it ends where the rounded-up end of it lies.
static int64_t beginOf(int64_t i, int64_t extent, int64_t count) { return i * extent / count; }
static int64_t endOf(int64_t i, int64_t extent, int64_t count) { return ((i + 1) * extent + count - 1) / count; }

/// Every window names its pixels.
static void checkAdaptive(const Frame &frame, const char *name, const Located &x, Pair2d extents, Pair2d size) {
  if (size[0] < 1 || size[1] < 1)
    frame.fail(std::string(name) + ": a result of " + std::to_string(size[0]) + " by " + std::to_string(size[1]) +
               ": both must be at least 1");
  for (int d : {0, 1}) {
    checkTable(name, x, size[d]);
    checkTable(name, x, extents[d]);
  }
}

Tensor adaptive_average_pool2d(Located x, Pair2d size) {
  Frame frame(x);
  Pair2d extents = sizeOf(frame, "adaptive_average_pool2d", x);
  checkAdaptive(frame, "adaptive_average_pool2d", x, extents, size);
  Tensor result = x;
  for (int d : {0, 1}) {
    Taps taps;
    for (int64_t i = 0; i < size[d]; ++i) {
      int64_t begin = beginOf(i, extents[d], size[d]), end = endOf(i, extents[d], size[d]);
      taps.emplace_back();
      for (int64_t at = begin; at < end; ++at) taps.back().push_back({at, 1 / (double)(end - begin)});
    }
    result = resample(result, 2 + d, taps);
  }
  return result;
}

Tensor adaptive_max_pool2d(Located x, Pair2d size) {
  Frame frame(x);
  Pair2d extents = sizeOf(frame, "adaptive_max_pool2d", x);
  checkAdaptive(frame, "adaptive_max_pool2d", x, extents, size);
  Tensor result = x;
  for (int d : {0, 1}) {
    // The places of every window, (longest, size); shorter ones name their last one again.
    int64_t longest = 0;
    for (int64_t i = 0; i < size[d]; ++i)
      longest = std::max(longest, endOf(i, extents[d], size[d]) - beginOf(i, extents[d], size[d]));
    llvm::SmallVector<int64_t> places;
    for (int64_t k = 0; k < longest; ++k)
      for (int64_t i = 0; i < size[d]; ++i)
        places.push_back(std::min(beginOf(i, extents[d], size[d]) + k, endOf(i, extents[d], size[d]) - 1));
    Tensor indices = dsl::constant(Program::of(x), Site::here(), {longest, size[d]}, places);
    result = max(gather(result, indices, 2 + d), 2 + d);
  }
  return result;
}

} // namespace fovea
