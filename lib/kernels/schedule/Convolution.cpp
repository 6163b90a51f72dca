// The gradient of a convolution for its input as a convolution of the cotangent.
#include "lib/kernels/schedule/Convolution.h"

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

} // namespace fovea
