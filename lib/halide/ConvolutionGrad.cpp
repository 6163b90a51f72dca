// Gradients of convolutions for their weight: the cotangent times the flat image, summed over pixels. One thread sums
// those of some row blocks of some images, a partial sum of a fixed number, which are added in order.
#include "lib/halide/DeviceConvolution.h"
#include "lib/halide/Families.h"
#include "lib/halide/FlatImage.h"

using namespace mlir;
using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::TailStrategy;
using Halide::Var;

namespace fovea {
namespace {

class WeightGradient {
public:
  WeightGradient(Conv2dWeightGradOp grad, const FlatConvolution &flat, KernelLowering &kernel)
      : grad(grad), flat(flat), kernel(kernel), rows((int)std::min(kernel.schedule().getTask(), flat.size[0])),
        lanes((int)kernel.schedule().getVector()), columns(flat.groups == 1 ? (int)kernel.schedule().getColumns() : 1),
        outputs((int)llvm::alignTo(flat.groups * flat.outputs, columns)), image(kernel, grad.getX(), flat, rows) {
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
    zero = Halide::Internal::make_zero(kernel.type(grad.getType().getElementType()));
    product = kernel.func("product");
    product(o, q, p, c, n, block) = zero;
    flat.groups == 1 ? multiplyTurned() : multiplyInLanes();
    // Slice s of the row blocks, share i of the images.
    Expr images = kernel.extent(grad.getX(), 0), each = (images + shares - 1) / shares;
    RDom u = kernel.reduction("u", {(blocks + slices - 1) / slices, each});
    Expr itsBlock = u.x * slices + slice, itsImage = share * each + u.y;
    u.where(itsBlock < blocks && itsImage < images);
    partial = kernel.func("partial");
    partial(o, q, p, c, slice, share) = zero;
    partial(o, q, p, c, slice, share) += product(o, q, p, c, min(itsImage, images - 1), min(itsBlock, blocks - 1));
    RDom partials = kernel.reduction("partials", {slices, shares});
    Func total = kernel.func("total"), result = kernel.func("weight_grad");
    total(o, q, p, c) = zero;
    total(o, q, p, c) += partial(o, q, p, c, partials.x, partials.y);
    std::vector<Var> v = kernel.variables(4);
    result(v[3], v[2], v[1], v[0]) = total(v[0], v[3], v[2], v[1]);
    kernel.bind(grad.getResult(), result);
    total.compute_root().bound(o, 0, outputs).vectorize(o, lanes, TailStrategy::GuardWithIf);
    total.update().vectorize(o, lanes, TailStrategy::GuardWithIf);
    Output &output = kernel.output();
    // Turned in squares: outputs lie together in `total`, the elements of a window in the weight.
    Var outs("outs"), of("of");
    output.stage().split(output.vars[0], outs, of, lanes, TailStrategy::GuardWithIf);
    output.stage().reorder({output.vars[3], output.vars[2], of, output.vars[1], outs});
    if (isParallel()) total.parallel(c).update().parallel(c), output.stage().parallel(outs);
    flat.groups == 1 ? scheduleTurned(u) : scheduleLanes(u);
  }

private:
  bool isParallel() { return kernel.schedule().getLoops().starts_with("C"); }

  /// The cotangent with the outputs side by side, flat as the image is: outputs are in lanes.
  void multiplyTurned() {
    RankedTensorType g = grad.getCotangent().getType();
    int height = (int)g.getDimSize(2), width = (int)g.getDimSize(3);
    RDom r = kernel.reduction("r", {width, rows});
    Expr row = block * rows + r.y;
    Expr element =
        kernel.load(grad.getCotangent(), {Expr(n), min(o, (int)flat.outputs - 1), min(row, height - 1), r.x});
    r.where(row < height);
    turned = kernel.func("turned");
    turned(o, pixel, n, block) = zero;
    turned(o, r.y * (int)flat.pitch() + r.x, n, block) = element;
    turned.update().vectorize(o, lanes);
    f = kernel.reduction("f", {(int)flat.pixels(rows)});
    product(o, q, p, c, n, block) += turned(o, f, n, block) * pixelAt(f, 0);
  }

  /// In groups, where few outputs read the same channels, pixels are in lanes.
  void multiplyInLanes() {
    FlatConvolution own = flat; // of the cotangent: an image on the grid of pixels that the weight's has
    own.channels = flat.outputs;
    own.step = {1, 1}, own.first = {0, 0};
    own.span[0] = 0;
    cotangent.emplace(kernel, grad.getCotangent(), own, rows);
    f = kernel.reduction("f", {(int)llvm::divideCeil(flat.pixels(rows), lanes)});
    Expr at = f * lanes + lane, group = o / (int)flat.outputs;
    inLanes = kernel.func("in_lanes");
    inLanes(lane, o, q, p, c, n, block) = zero;
    inLanes(lane, o, q, p, c, n, block) +=
        (*cotangent)(at, 0, o % (int)flat.outputs, group, n, block) * pixelAt(at, group);
    all = kernel.reduction("all_lanes", {lanes});
    product(o, q, p, c, n, block) += inLanes(all, o, q, p, c, n, block);
  }

  /// What element (p, q) of the window reads of channel c at pixel f of the result.
  Expr pixelAt(const Expr &f, const Expr &group) {
    int stepDown = (int)flat.step[0], step = (int)flat.step[1];
    Expr down = p * (int)flat.dilation[0], along = q * (int)flat.dilation[1];
    return image(f + down / stepDown * (int)flat.pitch() + along / step, down % stepDown * step + along % step,
                 min(c, (int)flat.channels - 1), group, n, block);
  }

  /// `Cuwf`: chunks, each for a part of the channels, of blocks of rows; in each block, tiles of the weight, then the
  /// sum.
  void scheduleTurned(const RDom &u) {
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

  /// The same, for parts of the outputs.
  void scheduleLanes(const RDom &u) {
    Var part("part"), task("task");
    int parts = std::min(outputs, (int)llvm::divideCeil(tasks, slices * shares));
    partial.compute_root();
    Halide::Stage sum = partial.update();
    sum.split(o, part, o, (int)llvm::divideCeil(outputs, parts), TailStrategy::GuardWithIf);
    sum.reorder({q, p, c, o, u.x, u.y, part, slice, share}).unroll(q).fuse(part, slice, task).fuse(task, share, task);
    if (isParallel()) partial.parallel(slice), sum.parallel(task);
    for (Func each : {product, inLanes}) {
      each.compute_at(partial, p).bound_extent(o, 1).bound_extent(q, (int)flat.window[1]).bound_extent(p, 1);
      each.bound_extent(c, 1).bound_extent(n, 1).bound_extent(block, 1).unroll(q);
    }
    product.update().unroll(q).atomic().vectorize(all.x);
    inLanes.bound_extent(lane, lanes).vectorize(lane);
    inLanes.update().reorder({lane, q, f.x}).vectorize(lane).unroll(q);
    int64_t pixels = llvm::alignTo(flat.pixels(rows), lanes);
    cotangent->computeAt(Halide::LoopLevel(partial, o), pixels);
    image.computeAt(Halide::LoopLevel(partial, o), pixels + flat.span[0] * flat.pitch() + flat.span[1]);
  }

  static constexpr int tasks = 8;
  Conv2dWeightGradOp grad;
  const FlatConvolution &flat;
  KernelLowering &kernel;
  int rows, lanes, columns, outputs, tileQ, tileC, channels, blocks, slices, shares;
  FlatImage image;
  std::optional<FlatImage> cotangent;
  Expr zero;
  Func turned, inLanes, product, partial;
  RDom f, all;
  Var o{"o"}, q{"q"}, p{"p"}, c{"c"}, lane{"lane"}, pixel{"pixel"}, n{"n"}, block{"block"}, slice{"slice"},
      share{"share"};
};

struct WeightGradLowering : AnchorLowering::ExternalModel<WeightGradLowering, Conv2dWeightGradOp> {
  LogicalResult lowerAnchor(Operation *op, KernelLowering &kernel) const {
    auto grad = cast<Conv2dWeightGradOp>(op);
    if (kernel.onDevice()) return lowerOnDevice(grad, kernel), success();
    FlatConvolution flat = FlatConvolution::forward(grad, grad.getType(), grad.getCotangent().getType());
    WeightGradient(grad, flat, kernel).lower();
    return success();
  }
};

} // namespace

void registerConvolutionGradLowerings(MLIRContext *context) {
  Conv2dWeightGradOp::attachInterface<WeightGradLowering>(*context);
}

} // namespace fovea
