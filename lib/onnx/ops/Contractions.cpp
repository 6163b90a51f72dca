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

void einsumOf(Call &call) {
  std::vector<Tensor> operands;
  for (size_t index = 0; index < call.inputCount(); ++index) {
    operands.push_back(call.tensor(index));
    if (!isFloat(operands.back().dtype())) call.unsupported("products of integers are not supported");
  }
  call.give(einsum(call.text("equation", ""), operands));
}

/// What all convolutions are given: one spatial dimension as the second of two.
struct Convolution {
  Tensor x, weight;
  size_t spatial;

  explicit Convolution(Call &call) : x(call.tensor(0)), weight(call.tensor(1)) {
    if (x.rank() < 3 || x.rank() > 4 || weight.rank() != x.rank())
      call.unsupported("convolutions over one or two spatial dimensions are supported, not of " + shapeText(x.shape()) +
                       " with " + shapeText(weight.shape()));
    spatial = (size_t)x.rank() - 2;
  }
  static Tensor asRow(const Tensor &tensor) {
    return tensor.rank() == 4 ? tensor : reshape(tensor, {tensor.dim(0), tensor.dim(1), 1, tensor.dim(2)});
  }
  /// The place of a spatial dimension among two.
  size_t placeOf(size_t d) const { return d + 2 - spatial; }

  void give(Call &call, Tensor result) const {
    if (spatial == 1) result = reshape(result, {result.dim(0), result.dim(1), result.dim(3)});
    if (call.has(2)) {
      Shape bias(spatial + 1, Dim(1));
      bias[0] = result.dim(1);
      result = result + reshape(call.tensor(2), bias);
    }
    call.give(result);
  }
};

void conv(Call &call) {
  Convolution convolution(call);
  Tensor x = convolution.x;
  Shape kernel = convolution.weight.shape();
  Windows windows = windowsOf(call, x.shape(), numbersOf({kernel.begin() + 2, kernel.end()}, "the kernel"));
  Conv2dOptions options;
  options.groups = call.integer("group", 1);
  for (size_t d = 0; d < convolution.spatial; ++d) {
    const Window &window = windows.axes[d];
    size_t at = convolution.placeOf(d);
    options.stride[at] = window.stride;
    options.dilation[at] = window.dilation;
    if (window.low == window.high)
      options.padding[at] = window.low;
    else
      x = pad(x, (int64_t)d + 2, window.low, window.high);
  }
  convolution.give(call, conv2d(Convolution::asRow(x), Convolution::asRow(convolution.weight), options));
}

/// The whole result, less the padding; with output_shape the padding follows from it.
void convTranspose(Call &call) {
  Convolution convolution(call);
  size_t spatial = convolution.spatial;
  Shape shape = convolution.x.shape(), kernel = convolution.weight.shape();
  std::vector<int64_t> extents = numbersOf({shape.begin() + 2, shape.end()}, "a convolution"),
                       sizes = numbersOf({kernel.begin() + 2, kernel.end()}, "the kernel");
  auto list = [&](const char *name, size_t count, int64_t otherwise) {
    std::vector<int64_t> values = call.integers(name, std::vector<int64_t>(count, otherwise));
    if (values.size() != count)
      call.unsupported(std::string(name) + " has another number of values than there are dimensions");
    for (int64_t value : values)
      if (value < 0 || value > 1 << 24) call.unsupported(std::string(name) + " has the value " + std::to_string(value));
    return values;
  };
  std::vector<int64_t> strides = list("strides", spatial, 1), dilations = list("dilations", spatial, 1),
                       pads = list("pads", 2 * spatial, 0), more = list("output_padding", spatial, 0), asked;
  if (call.hasAttribute("output_shape")) asked = list("output_shape", spatial, 0);
  std::string automatic = call.text("auto_pad", "NOTSET");
  ConvTranspose2dOptions options;
  options.groups = call.integer("group", 1);
  for (size_t d = 0; d < spatial; ++d) {
    options.stride[convolution.placeOf(d)] = strides[d];
    options.dilation[convolution.placeOf(d)] = dilations[d];
  }
  Tensor result = conv_transpose2d(Convolution::asRow(convolution.x), Convolution::asRow(convolution.weight), options);
  for (size_t d = 0; d < spatial; ++d) {
    auto axis = (int64_t)convolution.placeOf(d) + 2;
    int64_t whole = (extents[d] - 1) * strides[d] + (sizes[d] - 1) * dilations[d] + 1 + more[d];
    int64_t low = pads[d], wanted = whole - low - pads[d + spatial];
    bool same = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
    if (!asked.empty() || same) {
      wanted = asked.empty() ? extents[d] * strides[d] : asked[d];
      int64_t total = std::max<int64_t>(0, whole - wanted);
      low = automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
      more[d] += std::max<int64_t>(0, wanted - whole);
    }
    if (wanted < 1) call.unsupported("padding leaves nothing of the result");
    if (more[d]) result = pad(result, axis, 0, more[d]);
    result = slice(result, axis, low, wanted);
  }
  convolution.give(call, result);
}

} // namespace

void addContractions(Registry &registry) {
  registry.add("Gemm", {7, 9, 11, 13}, gemm);
  registry.add("MatMul", {1, 9, 13}, matmulOf);
  registry.add("Einsum", {12, 28}, einsumOf);
  registry.add("Conv", {1, 11, 22}, conv);
  registry.add("ConvTranspose", {1, 11, 22}, convTranspose);
}

} // namespace fovea::onnx
