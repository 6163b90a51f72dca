// Convolutions in their plain form: a sum over the window and the channels.
#include "lib/halide/Families.h"

using namespace mlir;
using Halide::Expr;
using Halide::RDom;
using Halide::Var;

namespace fovea {
namespace {

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

struct Conv2dLowering : AnchorLowering::ExternalModel<Conv2dLowering, Conv2dOp> {
  LogicalResult lowerAnchor(Operation *op, KernelLowering &kernel) const {
    auto conv = cast<Conv2dOp>(op);
    RankedTensorType weight = conv.getWeight().getType();
    std::vector<Var> v = kernel.variables(4);
    int channels = weight.getDimSize(1);                                                              // of one group
    RDom r = kernel.reduction("r", {(int)weight.getDimSize(3), (int)weight.getDimSize(2), channels}); // q, p, c
    Expr channel = v[1] / groupOutputs(conv, weight) * channels + r.z;
    Expr element = padded(kernel, conv.getX(), v[0], channel, pixel(conv, 0, v[2], r.y), pixel(conv, 1, v[3], r.x)) *
                   kernel.load(conv.getWeight(), {Expr(v[1]), Expr(r.z), Expr(r.y), Expr(r.x)});
    sumInto(kernel, conv.getResult(), "conv", element);
    return success();
  }
};

struct InputGradLowering : AnchorLowering::ExternalModel<InputGradLowering, Conv2dInputGradOp> {
  LogicalResult lowerAnchor(Operation *op, KernelLowering &kernel) const {
    auto grad = cast<Conv2dInputGradOp>(op);
    RankedTensorType weight = grad.getWeight().getType(), g = grad.getCotangent().getType();
    std::vector<Var> v = kernel.variables(4);
    int channels = weight.getDimSize(1), outputs = groupOutputs(grad, weight);
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
    Expr element = select(
        reached, cotangent * kernel.load(grad.getWeight(), {output, Expr(v[1] % channels), Expr(r.y), Expr(r.x)}),
        Halide::Internal::make_zero(cotangent.type()));
    sumInto(kernel, grad.getResult(), "input_grad", element);
    return success();
  }
};

struct WeightGradLowering : AnchorLowering::ExternalModel<WeightGradLowering, Conv2dWeightGradOp> {
  LogicalResult lowerAnchor(Operation *op, KernelLowering &kernel) const {
    auto grad = cast<Conv2dWeightGradOp>(op);
    RankedTensorType weight = grad.getType(), g = grad.getCotangent().getType();
    std::vector<Var> v = kernel.variables(4);
    RDom r =
        kernel.reduction("r", {(int)g.getDimSize(3), (int)g.getDimSize(2), kernel.extent(grad.getX(), 0)}); // j, i, n
    Expr channel = v[0] / groupOutputs(grad, weight) * (int)weight.getDimSize(1) + v[1];
    Expr element = padded(kernel, grad.getX(), r.z, channel, pixel(grad, 0, r.y, v[2]), pixel(grad, 1, r.x, v[3])) *
                   kernel.load(grad.getCotangent(), {Expr(r.z), Expr(v[0]), Expr(r.y), Expr(r.x)});
    sumInto(kernel, grad.getResult(), "weight_grad", element, /*root=*/true);
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
