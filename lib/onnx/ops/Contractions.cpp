// Matrix products and convolutions.
#include "lib/onnx/Registry.h"
#include "lib/onnx/Windows.h"

namespace fovea::onnx {
namespace {

/// alpha A' B' + beta C.
void gemm(Call &call) {
  Tensor a = call.tensor(0), b = call.tensor(1);
  if (!isFloat(a.dtype())) call.unsupported("products of integers are not supported");
  Tensor result = matmul(a, b, {call.integer("transA", 0) != 0, call.integer("transB", 0) != 0});
  double alpha = call.number("alpha", 1), beta = call.number("beta", 1);
  if (alpha != 1) result = result * alpha;
  if (call.has(2) && beta != 0) result = result + (beta == 1 ? call.tensor(2) : call.tensor(2) * beta);
  call.give(result);
}

/// As numpy's matmul: vectors are rows on the left, columns on the right.
void matmulOf(Call &call) {
  Tensor a = call.tensor(0), b = call.tensor(1);
  if (!isFloat(a.dtype())) call.unsupported("products of integers are not supported");
  Shape left = a.shape(), right = b.shape();
  if (left.empty() || right.empty()) call.unsupported("an input has rank 0");
  bool row = left.size() == 1, column = right.size() == 1;
  if (row) a = reshape(a, {1, left[0]});
  if (column) b = reshape(b, {right[0], 1});
  Tensor result = matmul(a, b);
  if (row || column) {
    Shape shape = result.shape();
    if (column) shape.pop_back();
    if (row) shape.erase(shape.end() - (column ? 1 : 2));
    result = reshape(result, shape);
  }
  call.give(result);
}

/// Each group of output channels reads its group of input channels.
Tensor groupedConv2d(Call &call, const Tensor &x, const Tensor &weight, int64_t groups, const Conv2dOptions &options) {
  if (groups == 1) return conv2d(x, weight, options);
  std::optional<int64_t> channels = x.dim(1).constant(), outputs = weight.dim(0).constant();
  constexpr int64_t most = 64;
  if (groups < 1 || groups > most || !channels || !outputs || *channels % groups || *outputs % groups)
    call.unsupported(std::to_string(groups) + " groups: up to " + std::to_string(most) +
                     " that divide the channels are supported");
  std::vector<Tensor> parts;
  for (int64_t group = 0; group < groups; ++group)
    parts.push_back(conv2d(slice(x, 1, group * (*channels / groups), *channels / groups),
                           slice(weight, 0, group * (*outputs / groups), *outputs / groups), options));
  return concat(parts, 1);
}

/// Convolution over two spatial dimensions, or one as two; groups one after another.
void conv(Call &call) {
  Tensor x = call.tensor(0), weight = call.tensor(1);
  Shape shape = x.shape(), kernel = weight.shape();
  if (shape.size() < 3 || shape.size() > 4 || kernel.size() != shape.size())
    call.unsupported("convolutions over one or two spatial dimensions are supported, not of " + shapeText(shape) +
                     " with " + shapeText(kernel));
  size_t spatial = shape.size() - 2;
  Windows windows = windowsOf(call, shape, numbersOf({kernel.begin() + 2, kernel.end()}, "the kernel"));
  std::vector<Window> &axes = windows.axes;
  // Uneven padding, and dilation, which spreads the kernel over zeros, are made here.
  std::array<int64_t, 2> stride = {1, 1};
  for (size_t d = 0; d < spatial; ++d) {
    auto axis = (int64_t)d + 2;
    if (axes[d].low || axes[d].high) x = pad(x, axis, axes[d].low, axes[d].high);
    stride[d + 2 - spatial] = axes[d].stride;
    weight = dilated(weight, axis, axes[d].dilation);
  }
  if (spatial == 1) {
    shape = x.shape(), kernel = weight.shape();
    x = reshape(x, {shape[0], shape[1], 1, shape[2]});
    weight = reshape(weight, {kernel[0], kernel[1], 1, kernel[2]});
  }
  int64_t groups = call.integer("group", 1);
  Tensor result = groupedConv2d(call, x, weight, groups, {stride, {0, 0}});
  Shape out = result.shape();
  if (spatial == 1) result = reshape(result, {out[0], out[1], out[3]});
  if (call.has(2)) {
    Shape bias(spatial + 1, Dim(1));
    bias[0] = out[1];
    result = result + reshape(call.tensor(2), bias);
  }
  call.give(result);
}

} // namespace

void addContractions(Registry &registry) {
  registry.add("Gemm", {7, 9, 11, 13}, gemm);
  registry.add("MatMul", {1, 9, 13}, matmulOf);
  registry.add("Conv", {1, 11, 22}, conv);
}

} // namespace fovea::onnx
