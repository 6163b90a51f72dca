// Convolutions: runs of pixels of some outputs at a time, in registers. The image lies padded and flat, row after row,
// so that each element of the window is the same run of pixels further on; what a run computes between two rows is
// dropped.
#include "lib/kernels/schedule/Convolution.h"
#include "lib/halide/Families.h"

#include <numeric>

using namespace mlir;
using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::TailStrategy;
using Halide::Var;

namespace fovea {
namespace {

//===-- Flat images -----------------------------------------------------------------------------------------------===//

/// The pixels of x (n, c, h, w) in blocks of rows: a Func of pixel, phase, channel, group, image and block, zero beyond
/// the image. A block begins `rows` rows of the grid after the one before.
class FlatImage {
public:
  FlatImage(KernelLowering &kernel, Value x, const FlatConvolution &flat, int rows)
      : lanes((int)kernel.schedule().getVector()), func(kernel.func("flat")) {
    auto type = cast<RankedTensorType>(x.getType());
    int height = (int)type.getDimSize(2), width = (int)type.getDimSize(3), pitch = (int)flat.pitch();
    int step = (int)flat.step[1], first = (int)flat.first[1];
    // Columns that lie in the image in some phase.
    int begin = std::max(0, -first / step), end = std::min(pitch, (width - 1 - first) / step + 1);
    r = kernel.reduction("r", {std::max(1, end - begin), rows + (int)flat.span[0]});
    Expr row = (block * rows + r.y) * (int)flat.step[0] + phase / step + (int)flat.first[0];
    Expr column = (r.x + begin) * step + phase % step + first;
    bool dense = step == 1 && end > begin;
    Expr element = kernel.load(x, {Expr(image), group * (int)flat.channels + channel, clamp(row, 0, height - 1),
                                   dense ? column : clamp(column, 0, width - 1)});
    Expr zero = Halide::Internal::make_zero(element.type());
    if (!dense) element = select(column >= 0 && column < width, element, zero);
    r.where(row >= 0 && row < height);
    func(pixel, phase, channel, group, image, block) = zero;
    func(r.y * pitch + r.x + begin, phase, channel, group, image, block) = element;
  }

  Expr operator()(Expr pixel, Expr phase, Expr channel, Expr group, Expr image, Expr block) const {
    return func(pixel, phase, channel, group, image, block);
  }

  /// For the one image, block and group that a loop needs.
  void computeAt(const Halide::LoopLevel &loop, int64_t pixels) {
    func.compute_at(loop).bound(pixel, 0, (int)llvm::alignTo(pixels, lanes)).vectorize(pixel, lanes);
    func.bound_extent(group, 1).bound_extent(image, 1).bound_extent(block, 1);
    func.update().allow_race_conditions().vectorize(r.x, lanes, TailStrategy::GuardWithIf);
  }

private:
  int lanes;
  Func func;
  RDom r;
  Var pixel{"pixel"}, phase{"phase"}, channel{"channel"}, group{"group"}, image{"image"}, block{"block"};
};

//===-- conv2d and its gradient for the input ---------------------------------------------------------------------===//

/// The element (p, q) of the kernel that takes channel c of the image, counted in its group, to channel o of the
/// result.
using WeightAt = llvm::function_ref<Expr(Expr o, Expr c, Expr p, Expr q)>;

class DirectConvolution {
public:
  DirectConvolution(KernelLowering &kernel, Value result, const FlatConvolution &flat)
      : kernel(kernel), result(result), flat(flat), rows((int)std::min(kernel.schedule().getTask(), flat.grid()[0])),
        outputs((int)(flat.groups * flat.outputs)), lanes((int)kernel.schedule().getVector()),
        run((int)kernel.schedule().getColumns()), tile((int)kernel.schedule().getRows()) {
    if (flat.groups > 1) tile = std::gcd(tile, (int)flat.outputs);
  }

  void lower(Value x, WeightAt weight) {
    FlatImage image(kernel, x, flat, rows);
    RDom k = kernel.reduction("k", {(int)flat.window[1], (int)flat.window[0], (int)flat.channels}); // q, p, c
    Expr of = min(Expr(o), outputs - 1), itsGroup = flat.groups == 1 ? Expr(0) : of / (int)flat.outputs;
    Expr down = shift(0, k.y, a), along = shift(1, k.x, b), p = inKernel(0, k.y, a), q = inKernel(1, k.x, b);
    if (flat.phases != FlatConvolution::Pair{1, 1}) k.where(p < (int)flat.kernel[0] && q < (int)flat.kernel[1]);
    int stepDown = (int)flat.step[0], step = (int)flat.step[1];
    // On a flat image of several phases, shifts are counted in pixels of the image.
    Expr place = pixel + down / stepDown * (int)flat.pitch() + along / step;
    Expr element = image(place, down % stepDown * step + along % step, k.z, itsGroup, n, block) * weight(of, k.z, p, q);
    product = kernel.func("product");
    sums = kernel.func("sums");
    std::vector<Var> all{b, pixel, a, o, n, block};
    product(all) = Halide::Internal::make_zero(element.type());
    product(all) += element;
    sums(all) = product(std::vector<Expr>(all.begin(), all.end()));
    bindResult();
    schedule(k, image);
  }

private:
  /// How far element t of the window along dimension d reaches on the image, for pixels of phase a.
  Expr shift(int d, const Expr &t, const Expr &a) const {
    Expr distance = t * (int)flat.dilation[d];
    return flat.padding ? (a + (int)(*flat.padding)[d]) / (int)flat.phases[d] - (int)flat.first[d] - distance
                        : distance;
  }
  /// Its place in the kernel.
  Expr inKernel(int d, const Expr &t, const Expr &a) const {
    int stride = (int)flat.phases[d];
    return stride == 1 ? t : (a + (int)(*flat.padding)[d]) % stride + t * stride;
  }

  void bindResult() {
    std::vector<Var> v = kernel.variables(4);
    int down = (int)flat.phases[0], across = (int)flat.phases[1];
    Expr row = v[2] / down, column = v[3] / across;
    Func whole = kernel.func("conv");
    whole(v[3], v[2], v[1], v[0]) =
        sums(v[3] % across, row % rows * (int)flat.pitch() + column, v[2] % down, v[1], v[0], row / rows);
    kernel.bind(result, whole);
  }

  /// `Tokf`: tasks are blocks of rows of an image, for a part of the outputs; in each, tiles of outputs, then the sum,
  /// then runs of pixels.
  void schedule(const RDom &k, FlatImage &image) {
    Output &output = kernel.output();
    Halide::Stage stage = output.stage();
    auto tail = TailStrategy::GuardWithIf;
    Var part("part"), tiles("tiles"), inTile("in_tile"), inBlock("in_block"), runs("runs"), inRun("in_run");
    int perPart = (int)llvm::alignTo(llvm::divideCeil(outputs, kernel.schedule().getChunks()), tile);
    Var i = output.vars[2], j = output.vars[3];
    stage.split(i, block, inBlock, rows * (int)flat.phases[0], tail);
    stage.split(output.vars[1], part, tiles, perPart, tail).split(tiles, tiles, inTile, tile, tail);
    stage.reorder({j, inBlock, inTile, tiles, part, block, output.vars[0]});
    stage.fuse(part, block, block).fuse(block, output.vars[0], block);
    stage.vectorize(j, lanes, output.tail(output.extents[3], lanes));
    if (kernel.schedule().getLoops().starts_with("T")) stage.parallel(block);

    int pixels = (int)llvm::alignTo(flat.pixels(rows), run);
    sums.compute_at(output.func, tiles).bound(pixel, 0, pixels).bound(a, 0, (int)flat.phases[0]);
    sums.bound(b, 0, (int)flat.phases[1]).bound_extent(o, tile).bound_extent(n, 1).bound_extent(block, 1);
    sums.split(pixel, runs, inRun, run).reorder(inRun, o, runs, b, a).vectorize(inRun, lanes).unroll(inRun);
    product.compute_at(sums, runs).bound_extent(pixel, run).bound_extent(o, tile).bound_extent(n, 1);
    product.bound_extent(a, 1).bound_extent(b, 1).bound_extent(block, 1).vectorize(pixel, lanes).unroll(pixel);
    product.unroll(o);
    auto update = product.update();
    update.reorder({pixel, o, k.x, k.y, k.z}).vectorize(pixel, lanes).unroll(pixel).unroll(o);
    if (flat.window[1] <= 4) update.unroll(k.x);
    image.computeAt(Halide::LoopLevel(output.func, flat.groups == 1 ? block : tiles),
                    pixels + flat.span[0] * flat.pitch() + flat.span[1]);
  }

  KernelLowering &kernel;
  Value result;
  const FlatConvolution &flat;
  int rows, outputs, lanes, run, tile;
  Var a{"a"}, b{"b"}, pixel{"pixel"}, o{"o"}, n{"n"}, block{"block"};
  Func product, sums;
};

struct Conv2dLowering : AnchorLowering::ExternalModel<Conv2dLowering, Conv2dOp> {
  LogicalResult lowerAnchor(Operation *op, KernelLowering &kernel) const {
    auto conv = cast<Conv2dOp>(op);
    FlatConvolution flat = FlatConvolution::forward(conv, conv.getWeight().getType(), conv.getType());
    DirectConvolution(kernel, conv.getResult(), flat)
        .lower(conv.getX(), [&](const Expr &o, const Expr &c, const Expr &p, const Expr &q) {
          return kernel.load(conv.getWeight(), {o, c, p, q});
        });
    return success();
  }
};

/// With a stride and a dilation, which elements of the window reach a pixel has no pattern that flat images give.
void lowerPlainly(Conv2dInputGradOp grad, KernelLowering &kernel) {
  RankedTensorType weight = grad.getWeight().getType(), g = grad.getCotangent().getType();
  std::vector<Var> v = kernel.variables(4);
  int channels = weight.getDimSize(1), outputs = (int)(weight.getDimSize(0) / grad.getGroups());
  RDom r = kernel.reduction("r", {(int)weight.getDimSize(3), (int)weight.getDimSize(2), outputs}); // q, p, o
  // The window at i reaches pixel y with offset p where i * stride + p * dilation - padding = y.
  auto window = [&](int d, const Expr &pixel, const Expr &offset) {
    return pixel + (int)grad.getPadding()[d] - offset * (int)grad.getDilation()[d];
  };
  Expr row = window(0, v[2], r.y), column = window(1, v[3], r.x), output = v[1] / channels * outputs + r.z;
  int strideRow = grad.getStride()[0], strideColumn = grad.getStride()[1], height = g.getDimSize(2),
      width = g.getDimSize(3);
  Expr i = row / strideRow, j = column / strideColumn;
  Expr reached = row % strideRow == 0 && column % strideColumn == 0 && i >= 0 && i < height && j >= 0 && j < width;
  Expr cotangent =
      kernel.load(grad.getCotangent(), {Expr(v[0]), output, clamp(i, 0, height - 1), clamp(j, 0, width - 1)});
  Expr element =
      select(reached, cotangent * kernel.load(grad.getWeight(), {output, Expr(v[1] % channels), Expr(r.y), Expr(r.x)}),
             Halide::Internal::make_zero(cotangent.type()));
  sumInto(kernel, grad.getResult(), "input_grad", element);
}

struct InputGradLowering : AnchorLowering::ExternalModel<InputGradLowering, Conv2dInputGradOp> {
  LogicalResult lowerAnchor(Operation *op, KernelLowering &kernel) const {
    auto grad = cast<Conv2dInputGradOp>(op);
    std::optional<FlatConvolution> flat = FlatConvolution::backward(grad);
    if (!flat) return lowerPlainly(grad, kernel), success();
    int outputs = (int)flat->outputs, channels = (int)flat->channels;
    DirectConvolution(kernel, grad.getResult(), *flat)
        .lower(grad.getCotangent(), [&](const Expr &o, const Expr &c, const Expr &p, const Expr &q) {
          bool single = flat->groups == 1;
          return kernel.load(grad.getWeight(),
                             {single ? c : o / outputs * channels + c, single ? o : o % outputs, p, q});
        });
    return success();
  }
};

//===-- The gradient for the weight -------------------------------------------------------------------------------===//

/// x at (n, c, row, column), zero outside the image.
Expr padded(KernelLowering &kernel, Value x, const Expr &n, const Expr &c, const Expr &row, const Expr &column) {
  auto type = cast<RankedTensorType>(x.getType());
  int height = type.getDimSize(2), width = type.getDimSize(3);
  Expr element = kernel.load(x, {n, c, clamp(row, 0, height - 1), clamp(column, 0, width - 1)});
  return select(row >= 0 && row < height && column >= 0 && column < width, element,
                Halide::Internal::make_zero(element.type()));
}

/// The pixel along dimension d, 0 or 1, that element `offset` of a window reads.
template <typename Op> Expr pixel(Op op, int d, const Expr &window, const Expr &offset) {
  return window * (int)op.getStride()[d] + offset * (int)op.getDilation()[d] - (int)op.getPadding()[d];
}

/// How many of a weight's outputs are in one group.
template <typename Op> int groupOutputs(Op op, RankedTensorType weight) {
  return (int)(weight.getDimSize(0) / (int64_t)op.getGroups());
}

/// In groups.
void lowerPlainly(Conv2dWeightGradOp grad, KernelLowering &kernel) {
  RankedTensorType weight = grad.getType(), g = grad.getCotangent().getType();
  std::vector<Var> v = kernel.variables(4);
  RDom r =
      kernel.reduction("r", {(int)g.getDimSize(3), (int)g.getDimSize(2), kernel.extent(grad.getX(), 0)}); // j, i, n
  Expr channel = v[0] / groupOutputs(grad, weight) * (int)weight.getDimSize(1) + v[1];
  Expr element = padded(kernel, grad.getX(), r.z, channel, pixel(grad, 0, r.y, v[2]), pixel(grad, 1, r.x, v[3])) *
                 kernel.load(grad.getCotangent(), {Expr(r.z), Expr(v[0]), Expr(r.y), Expr(r.x)});
  sumInto(kernel, grad.getResult(), "weight_grad", element, /*root=*/true);
}

/// The cotangent times the flat image, summed over pixels: those of some row blocks of some images by one thread, a
/// partial sum of a fixed number, which are added in order.
class WeightGradient {
public:
  WeightGradient(Conv2dWeightGradOp grad, const FlatConvolution &flat, KernelLowering &kernel)
      : grad(grad), flat(flat), kernel(kernel), rows((int)std::min(kernel.schedule().getTask(), flat.size[0])),
        lanes((int)kernel.schedule().getVector()), columns((int)kernel.schedule().getColumns()),
        outputs((int)llvm::alignTo(flat.outputs, columns)), image(kernel, grad.getX(), flat, rows) {
    int tile = (int)kernel.schedule().getRows(), width = (int)flat.window[1];
    tileQ = width <= tile ? width : 1;
    tileC = std::max(1, std::min(tile / tileQ, (int)flat.channels));
    channels = (int)llvm::alignTo(flat.channels, tileC);
    auto chunks = (int)kernel.schedule().getChunks();
    blocks = (int)llvm::divideCeil(flat.size[0], rows);
    slices = std::min(blocks, chunks);
    shares = chunks / slices;
  }

  void lower() {
    turnCotangent();
    RDom f = kernel.reduction("f", {(int)flat.pixels(rows)});
    product = kernel.func("product");
    product(o, q, p, c, n, block) = zero;
    product(o, q, p, c, n, block) += turned(o, f, n, block) * pixelAt(f);
    // Slice s of the row blocks, share i of the images.
    Expr images = kernel.extent(grad.getX(), 0), each = (images + shares - 1) / shares;
    RDom u = kernel.reduction("u", {(blocks + slices - 1) / slices, each});
    Expr itsBlock = u.x * slices + slice, itsImage = share * each + u.y;
    u.where(itsBlock < blocks && itsImage < images);
    partial = kernel.func("partial");
    partial(o, q, p, c, slice, share) = zero;
    partial(o, q, p, c, slice, share) += product(o, q, p, c, min(itsImage, images - 1), min(itsBlock, blocks - 1));
    RDom all = kernel.reduction("all", {slices, shares});
    Func total = kernel.func("total"), result = kernel.func("weight_grad");
    total(o, q, p, c) = zero;
    total(o, q, p, c) += partial(o, q, p, c, all.x, all.y);
    std::vector<Var> v = kernel.variables(4);
    result(v[3], v[2], v[1], v[0]) = total(v[0], v[3], v[2], v[1]);
    kernel.bind(grad.getResult(), result);
    total.compute_root().bound(o, 0, outputs).vectorize(o, lanes);
    total.update().vectorize(o, lanes);
    Output &output = kernel.output();
    if (isParallel()) total.parallel(c).update().parallel(c), output.stage().parallel(output.vars[0]);
    schedule(f, u);
  }

private:
  bool isParallel() { return kernel.schedule().getLoops().starts_with("C"); }

  /// The cotangent with the outputs side by side, flat as the image is.
  void turnCotangent() {
    RankedTensorType g = grad.getCotangent().getType();
    int height = (int)g.getDimSize(2), width = (int)g.getDimSize(3);
    RDom r = kernel.reduction("r", {width, rows});
    Expr row = block * rows + r.y;
    Expr element =
        kernel.load(grad.getCotangent(), {Expr(n), min(o, (int)flat.outputs - 1), min(row, height - 1), r.x});
    zero = Halide::Internal::make_zero(element.type());
    r.where(row < height);
    turned = kernel.func("turned");
    turned(o, f, n, block) = zero;
    turned(o, r.y * (int)flat.pitch() + r.x, n, block) = element;
    turned.update().vectorize(o, lanes);
  }

  /// What element (p, q) of the window reads of channel c at pixel f of the result.
  Expr pixelAt(const Expr &f) {
    int stepDown = (int)flat.step[0], step = (int)flat.step[1];
    Expr down = p * (int)flat.dilation[0], along = q * (int)flat.dilation[1];
    return image(f + down / stepDown * (int)flat.pitch() + along / step, down % stepDown * step + along % step,
                 min(c, (int)flat.channels - 1), 0, n, block);
  }

  /// `Cuwf`: chunks, each for a part of the channels, of blocks of rows; in each block, tiles of the weight, then the
  /// sum.
  void schedule(const RDom &f, const RDom &u) {
    Var outs("outs"), inOuts("in_outs"), inC("in_c"), part("part"), task("task");
    int parts = std::min(channels / tileC, (int)llvm::divideCeil(tasks, slices * shares));
    int perPart = (int)llvm::alignTo(llvm::divideCeil(channels, parts), tileC);
    auto tail = TailStrategy::GuardWithIf;
    partial.compute_root().bound(o, 0, outputs).bound(c, 0, channels).vectorize(o, lanes);
    Halide::Stage sum = partial.update();
    sum.split(o, outs, inOuts, columns).split(c, part, c, perPart, tail).split(c, c, inC, tileC);
    Var across = tileQ > 1 ? p : q; // the innermost loop over tiles
    if (tileQ > 1)
      sum.reorder({inOuts, q, inC, p, c, outs, u.x, u.y, part, slice, share}).unroll(q);
    else
      sum.reorder({inOuts, inC, q, p, c, outs, u.x, u.y, part, slice, share});
    sum.vectorize(inOuts, lanes).unroll(inOuts).unroll(inC).fuse(part, slice, task).fuse(task, share, task);
    if (isParallel()) partial.parallel(slice), sum.parallel(task);
    product.compute_at(partial, across).bound_extent(o, columns).bound_extent(q, tileQ).bound_extent(c, tileC);
    product.bound_extent(p, 1).bound_extent(n, 1).bound_extent(block, 1);
    product.vectorize(o, lanes).unroll(o).unroll(q).unroll(c);
    product.update().reorder({o, q, c, f.x}).vectorize(o, lanes).unroll(o).unroll(q).unroll(c);
    turned.compute_at(partial, u.x).bound(o, 0, outputs).bound_extent(n, 1).bound_extent(block, 1).vectorize(o, lanes);
    image.computeAt(Halide::LoopLevel(partial, u.x), flat.pixels(rows) + flat.span[0] * flat.pitch() + flat.span[1]);
  }

  static constexpr int tasks = 8;
  Conv2dWeightGradOp grad;
  const FlatConvolution &flat;
  KernelLowering &kernel;
  int rows, lanes, columns, outputs, tileQ, tileC, channels, blocks, slices, shares;
  FlatImage image;
  Expr zero;
  Func turned, product, partial;
  Var o{"o"}, q{"q"}, p{"p"}, c{"c"}, f{"f"}, n{"n"}, block{"block"}, slice{"slice"}, share{"share"};
};

struct WeightGradLowering : AnchorLowering::ExternalModel<WeightGradLowering, Conv2dWeightGradOp> {
  LogicalResult lowerAnchor(Operation *op, KernelLowering &kernel) const {
    auto grad = cast<Conv2dWeightGradOp>(op);
    if (grad.getGroups() > 1) return lowerPlainly(grad, kernel), success();
    FlatConvolution flat = FlatConvolution::forward(grad, grad.getType(), grad.getCotangent().getType());
    WeightGradient(grad, flat, kernel).lower();
    return success();
  }
};

} // namespace

void registerConvolutionLowerings(MLIRContext *context) {
  Conv2dOp::attachInterface<Conv2dLowering>(*context);
  Conv2dInputGradOp::attachInterface<InputGradLowering>(*context);
  Conv2dWeightGradOp::attachInterface<WeightGradLowering>(*context);
}

} // namespace fovea
