// Convolutions: runs of pixels of some outputs at a time, in registers. The image lies padded and flat, row after row,
// so that each element of the window is the same run of pixels further on; what a run computes between two rows is
// dropped.
#include "lib/halide/DeviceConvolution.h"
#include "lib/halide/Families.h"
#include "lib/halide/FlatImage.h"
#include "lib/halide/RegisterTile.h"

#include <numeric>

using namespace mlir;
using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::TailStrategy;
using Halide::Var;

namespace fovea {
namespace {

/// The element (p, q) of the kernel that takes channel c of the image, counted in its group, to channel o of the
/// result.
using WeightAt = llvm::function_ref<Expr(Expr o, Expr c, Expr p, Expr q)>;

class DirectConvolution {
public:
  DirectConvolution(KernelLowering &kernel, Value result, const FlatConvolution &flat)
      : kernel(kernel), result(result), flat(flat), rows((int)std::min(kernel.schedule().getTask(), flat.grid()[0])),
        outputs((int)(flat.groups * flat.outputs)), lanes((int)kernel.schedule().getVector()),
        run((int)kernel.schedule().getColumns()), tile((int)kernel.schedule().getRows()),
        isCut(kernel.schedule().getLoops().size() == 5),
        depth((int)(isCut ? std::min(kernel.schedule().getDepth(), flat.channels) : flat.channels)) {
    if (flat.groups > 1) tile = std::gcd(tile, (int)flat.outputs);
  }

  void lower(Value x, WeightAt weight) {
    FlatImage image(kernel, x, flat, rows);
    RDom k = kernel.reduction("k", {(int)flat.window[1], (int)flat.window[0], depth}); // q, p, c
    Expr channel = isCut ? part * depth + k.z : Expr(k.z);
    if (flat.channels % depth) k.where(channel < (int)flat.channels);
    Expr of = min(Expr(o), outputs - 1), itsGroup = flat.groups == 1 ? Expr(0) : of / (int)flat.outputs;
    Expr down = shift(0, k.y, a), along = shift(1, k.x, b), p = inKernel(0, k.y, a), q = inKernel(1, k.x, b);
    if (flat.phases != FlatConvolution::Pair{1, 1}) k.where(p < (int)flat.kernel[0] && q < (int)flat.kernel[1]);
    int stepDown = (int)flat.step[0], step = (int)flat.step[1];
    // On a flat image of several phases, shifts are counted in pixels of the image.
    Expr place = pixel + down / stepDown * (int)flat.pitch() + along / step;
    Expr element =
        image(place, down % stepDown * step + along % step, channel, itsGroup, n, block) * weight(of, channel, p, q);
    product = kernel.func("product");
    sums = kernel.func("sums");
    Expr zero = Halide::Internal::make_zero(element.type());
    product(b, pixel, a, o, n, block, part) = zero;
    product(b, pixel, a, o, n, block, part) += element;
    if (isCut) {
      parts = kernel.reduction("parts", {(int)llvm::divideCeil(flat.channels, depth)});
      sums(b, pixel, a, o, n, block) = zero;
      sums(b, pixel, a, o, n, block) += product(b, pixel, a, o, n, block, parts);
    } else {
      sums(b, pixel, a, o, n, block) = product(b, pixel, a, o, n, block, 0);
    }
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
  /// then runs of pixels. In `Tkokf` a task goes through the channels part by part, each for all its outputs.
  void schedule(const RDom &k, FlatImage &image) {
    Output &output = kernel.output();
    Halide::Stage stage = output.stage();
    auto tail = TailStrategy::GuardWithIf;
    Var outputPart("output_part"), tiles("tiles"), inTile("in_tile"), inBlock("in_block");
    int perPart = (int)llvm::alignTo(llvm::divideCeil(outputs, kernel.schedule().getChunks()), tile);
    Var i = output.vars[2], j = output.vars[3];
    stage.split(i, block, inBlock, rows * (int)flat.phases[0], tail);
    stage.split(output.vars[1], outputPart, tiles, perPart, tail).split(tiles, tiles, inTile, tile, tail);
    stage.reorder({j, inBlock, inTile, tiles, outputPart, block, output.vars[0]});
    stage.fuse(outputPart, block, block).fuse(block, output.vars[0], block);
    stage.vectorize(j, lanes, output.tail(output.extents[3], lanes));
    if (kernel.schedule().getLoops().starts_with("T")) stage.parallel(block);

    int pixels = (int)llvm::alignTo(flat.pixels(rows), run);
    sums.compute_at(output.func, isCut ? block : tiles).bound(pixel, 0, pixels).bound(a, 0, (int)flat.phases[0]);
    sums.bound(b, 0, (int)flat.phases[1]).bound_extent(o, isCut ? perPart : tile);
    sums.bound_extent(n, 1).bound_extent(block, 1);
    scheduleSums();
    RegisterTile{pixel, o, run, tile, lanes}.place(product, Halide::LoopLevel(sums, runs));
    auto update = product.update();
    update.reorder({pixel, o, k.x, k.y, k.z}).vectorize(pixel, lanes).unroll(pixel).unroll(o);
    if (flat.window[1] <= 4) update.unroll(k.x);
    image.computeAt(Halide::LoopLevel(output.func, flat.groups == 1 ? block : tiles),
                    pixels + flat.span[0] * flat.pitch() + flat.span[1]);
  }

  /// Of each part tiles of outputs, then runs of pixels.
  void scheduleSums() {
    Var inRun("in_run"), inTile("in_tile"), tiles("tiles");
    std::vector<Halide::VarOrRVar> order{inRun, inTile, runs, tiles, b, a};
    Halide::Stage stage = sums;
    if (isCut) {
      sums.vectorize(pixel, lanes);
      stage = sums.update();
      order.push_back(parts.x);
    }
    stage.split(pixel, runs, inRun, run).split(o, tiles, inTile, tile).reorder(order);
    stage.vectorize(inRun, lanes).unroll(inRun).unroll(inTile);
  }

  KernelLowering &kernel;
  Value result;
  const FlatConvolution &flat;
  int rows, outputs, lanes, run, tile;
  bool isCut; // the sum, into parts of `depth` channels
  int depth;
  Var a{"a"}, b{"b"}, pixel{"pixel"}, o{"o"}, n{"n"}, block{"block"}, part{"part"}, runs{"runs"};
  RDom parts;
  Func product, sums;
};

struct Conv2dLowering : AnchorLowering::ExternalModel<Conv2dLowering, Conv2dOp> {
  LogicalResult lowerAnchor(Operation *op, KernelLowering &kernel) const {
    auto conv = cast<Conv2dOp>(op);
    if (kernel.onDevice()) return lowerOnDevice(conv, kernel), success();
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
    if (kernel.onDevice()) return lowerOnDevice(grad, kernel), success();
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

} // namespace

void registerConvolutionLowerings(MLIRContext *context) {
  Conv2dOp::attachInterface<Conv2dLowering>(*context);
  Conv2dInputGradOp::attachInterface<InputGradLowering>(*context);
}

} // namespace fovea
