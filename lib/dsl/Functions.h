// What tensors are computed with. Shapes broadcast as numpy's do: aligned at the last dimension, sizes equal or 1; a
// symbolic size broadcasts only to itself. Negative axes count from the end. Every function throws Error, with the line
// of the call, where shapes or element types do not fit.
#pragma once

#include <array>
#include <optional>
#include <string>

#include <fovea/Attention.h>
#include <fovea/Gradient.h>
#include <fovea/Tensor.h>
#include <fovea/Windows.h>

namespace fovea {

// Arithmetic, element by element, on equal element types.
Tensor operator+(Operand a, Operand b);
Tensor operator-(Operand a, Operand b);
Tensor operator*(Operand a, Operand b);
Tensor operator/(Operand a, Operand b); // floats only
Tensor operator-(Located x);
Tensor pow(Operand a, Operand b);     // floats only; the gradient is that of a > 0
Tensor maximum(Operand a, Operand b); // NaN if either is
Tensor minimum(Operand a, Operand b); // NaN if either is
/// a - floor(a / b) b, exactly: of b's sign, as Python's %. The integer remainder of b = 0 is 0.
Tensor remainder(Operand a, Operand b);
/// floor(a / b) of integers; 0 where b is 0.
Tensor floor_div(Operand a, Operand b);
/// x between two bounds; NaN stays NaN. The gradient passes where low <= x <= high.
Tensor clamp(Located x, Operand low, Operand high);

// Comparisons give booleans; with NaN all are false but not_equal.
Tensor operator<(Operand a, Operand b);
Tensor operator<=(Operand a, Operand b);
Tensor operator>(Operand a, Operand b);
Tensor operator>=(Operand a, Operand b);
Tensor equal(Operand a, Operand b);
Tensor not_equal(Operand a, Operand b);
/// a where the condition holds, else b.
Tensor where(Located condition, Operand a, Operand b);

/// Of booleans.
Tensor logical_and(Located a, Located b);
Tensor logical_or(Located a, Located b);
Tensor logical_not(Located a);
/// Whether an element is NaN.
Tensor is_nan(Located x);

// Functions of numbers, element by element. The gradients of sign, floor, ceil and round are 0, as is that of abs at 0.
Tensor abs(Located x);
Tensor sign(Located x); // -1, 0 or 1; NaN stays NaN

// Functions of floats, element by element.
Tensor floor(Located x);
Tensor ceil(Located x);
Tensor round(Located x); // of two nearest, to the even one
Tensor square(Located x);
Tensor reciprocal(Located x);
Tensor rsqrt(Located x); // 1 / sqrt(x)
Tensor sin(Located x);   // of radians, as cos
Tensor cos(Located x);
Tensor exp(Located x);
Tensor log(Located x);
Tensor sqrt(Located x);
Tensor tanh(Located x);
Tensor erf(Located x);
Tensor sigmoid(Located x);
/// log(1 + e^x), to the last digits at both ends.
Tensor softplus(Located x);
/// log(sigmoid(x)), likewise.
Tensor log_sigmoid(Located x);

// Activations. Where a slope jumps, the gradient is that of the left side, unless a line says otherwise. Where a
// formula multiplies x by something that vanishes, x = -inf gives NaN.
Tensor relu(Located x);
/// x (1 + erf(x / sqrt 2)) / 2 (Hendrycks and Gimpel 2016, "Gaussian Error Linear Units").
Tensor gelu(Located x);
/// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2: gelu's approximation in the same paper.
Tensor gelu_tanh(Located x);
/// x sigmoid(x) (Hendrycks and Gimpel 2016; the swish of Ramachandran et al. 2017).
Tensor silu(Located x);
/// x tanh(softplus(x)) (Misra 2020, "Mish").
Tensor mish(Located x);
/// x where x > 0, else alpha (e^x - 1) (Clevert et al. 2016, "Exponential Linear Units").
Tensor elu(Located x, double alpha = 1);
/// x where x > 0, else slope x (Maas et al. 2013, "Rectifier Nonlinearities").
Tensor leaky_relu(Located x, double slope = 0.01);
/// x / 6 + 1 / 2 between 0 and 1; the gradient is 0 at both kinks (Courbariaux et al. 2015, "BinaryConnect").
Tensor hardsigmoid(Located x);
/// x hardsigmoid(x); the gradient is 0 at -3 and 1 at 3 (Howard et al. 2019, "Searching for MobileNetV3").
Tensor hardswish(Located x);
/// x in another element type; floats are truncated to integers, booleans become 0 and 1.
Tensor cast(Located x, DType dtype);

// Shapes.
/// The same elements, row-major, under another shape; one size may be -1 and follows from the others.
Tensor reshape(Located x, const Shape &shape);
/// Dimension d of the result is dimension permutation[d] of x.
Tensor transpose(Located x, const std::vector<int64_t> &permutation);
/// `size` elements, or none, along an axis of constant size, from `start` in steps of `step`.
Tensor slice(Located x, int64_t axis, int64_t start, int64_t size, int64_t step = 1);
/// The element at `index` along an axis of constant size, which is dropped.
Tensor pick(Located x, int64_t axis, int64_t index);
enum class PadMode {
  constant, // a value
  reflect,  // the elements mirrored at the first and last one, which are not repeated
  edge,     // the first and the last element
  wrap      // the elements from the other end
};
/// Elements before and after along an axis of constant size; in the modes reflect and wrap fewer, or no more, than
/// there are.
Tensor pad(Located x, int64_t axis, int64_t before, int64_t after, PadMode mode = PadMode::constant, double value = 0);
/// The elements along an axis of constant size from the last to the first.
Tensor flip(Located x, int64_t axis);
/// The tensor `repeats[d]` times in a row along each dimension d, of constant size where it is repeated.
Tensor tile(Located x, const std::vector<int64_t> &repeats);
/// Consecutive parts of these sizes along an axis, which they fill.
std::vector<Tensor> split(Located x, const std::vector<int64_t> &sizes, int64_t axis);
/// The matrices of the last two dimensions, of constant size, with zeros above or below diagonal k (which counts to the
/// right).
Tensor tril(Located x, int64_t k = 0);
Tensor triu(Located x, int64_t k = 0);
Tensor broadcast_to(Located x, const Shape &shape);
/// Tensors one after another along an axis of constant size.
Tensor concat(const std::vector<Tensor> &tensors, int64_t axis, Site site = Site::here());
/// Tensors of one shape along a new axis.
Tensor stack(const std::vector<Tensor> &tensors, int64_t axis, Site site = Site::here());

// Reductions of numbers; reduced axes are dropped, or stay with size 1 if `keep` is set.
Tensor sum(Located x, const Axes &axes = {}, bool keep = false);
Tensor prod(Located x, const Axes &axes = {}, bool keep = false);
Tensor mean(Located x, const Axes &axes = {}, bool keep = false); // of floats
Tensor max(Located x, const Axes &axes = {}, bool keep = false);  // NaN if there is one; equal ones share the gradient
Tensor min(Located x, const Axes &axes = {}, bool keep = false);  // likewise; of integers above the type's lowest
/// The index, i64, of the first of the largest or smallest elements; NaN is before both.
Tensor argmax(Located x, int64_t axis, bool keep = false);
Tensor argmin(Located x, int64_t axis, bool keep = false);
/// Whether one, or every, boolean is true.
Tensor any(Located x, const Axes &axes = {}, bool keep = false);
Tensor all(Located x, const Axes &axes = {}, bool keep = false);
/// (sum |x|^p)^(1/p) for p > 0, which may be infinite: max |x|. The gradient at 0 is 0.
Tensor norm(Located x, double p = 2, const Axes &axes = {}, bool keep = false);
/// log(sum e^x), finite wherever it is within the type's range; -inf with gradient 0 where all elements are -inf.
Tensor log_sum_exp(Located x, int64_t axis = -1, bool keep = false);

struct Sorted {
  Tensor values, indices; // indices are i64
};
/// The elements along an axis of constant size in order, equal ones as they were, NaN as the largest; and where each
/// was. Takes the time of comparing every pair.
Sorted sort(Located x, int64_t axis = -1, bool descending = false);
Tensor argsort(Located x, int64_t axis = -1, bool descending = false);
/// The first k of the sorted elements: the largest ones, or the smallest.
Sorted top_k(Located x, int64_t k, int64_t axis = -1, bool largest = true);

struct CumsumOptions {
  bool exclusive = false; // an element does not count in its own sum
  bool reverse = false;   // from the back
};
/// Sums of the elements up to each one, along an axis of constant size.
Tensor cumsum(Located x, int64_t axis, CumsumOptions options = {});

struct MatmulOptions {
  bool transpose_a = false, transpose_b = false;
};
/// Products of the last two dimensions; leading ones broadcast.
Tensor matmul(Located a, Located b, MatmulOptions options = {});
/// Einstein's summation, as numpy's einsum: `"bhqd,bhkd->bhqk"`. Without "->" the result has the labels that occur
/// once, in order of the alphabet. A label that occurs twice in one operand takes its diagonal; `...` stands for
/// leading dimensions, which broadcast. Operands are multiplied from left to right, each pair as one matrix product.
Tensor einsum(const std::string &equation, const std::vector<Tensor> &operands, Site site = Site::here());

/// e^x over its sum along an axis.
Tensor softmax(Located x, int64_t axis = -1);
/// log(softmax(x)), also where softmax is 0 in its type.
Tensor log_softmax(Located x, int64_t axis = -1);
/// Rows of zero mean and unit variance along the last dimension, scaled and shifted by vectors of its size
/// (Ba et al. 2016, "Layer Normalization").
Tensor layer_norm(Located x, Located scale, Located bias, double epsilon = 1e-5);

/// Rows over the root of their mean square along the last dimension, scaled by a vector of its size
/// (Zhang and Sennrich 2019, "Root Mean Square Layer Normalization").
Tensor rms_norm(Located x, Located scale, double epsilon = 1e-6);

/// Each of `groups` runs of channels of each item has zero mean and unit variance; then a scale and a bias for each
/// channel. x is (items, channels, ..) (Wu and He 2018, "Group Normalization").
Tensor group_norm(Located x, int64_t groups, Located scale, Located bias, double epsilon = 1e-5);
/// group_norm with a group for each channel (Ulyanov et al. 2016, "Instance Normalization").
Tensor instance_norm(Located x, Located scale, Located bias, double epsilon = 1e-5);

struct BatchNormOptions {
  double epsilon = 1e-5;
  double momentum = 0.1; // the part of each batch in the running statistics
};
/// Channels, dimension 1 of x, of zero mean and unit variance, scaled and shifted (Ioffe and Szegedy 2015, "Batch
/// Normalization"): over the batch in training, which updates the running statistics, and by these in inference. They
/// are frozen parameters (channels). An item's result in training depends on its batch. Computed in f32 where x is of
/// f16 or bf16; scale and bias are then parameters, too.
Tensor batch_norm(Located x, Located scale, Located bias, Located running_mean, Located running_variance,
                  BatchNormOptions options = {});

// Look-ups. Indices are i32 or i64; one outside gives NaN, or 0 of integers and booleans.
/// The elements at `indices` along an axis: x's shape with the indices' in place of the axis (ONNX's Gather, numpy's
/// take).
Tensor gather(Located x, Located indices, int64_t axis = 0);
/// Along an axis, each element by an index of its own: result[.., i, ..] = x[.., indices[.., i, ..], ..]; the other
/// dimensions are x's (torch.gather).
Tensor gather_elements(Located x, Located indices, int64_t axis);
/// The last dimension of the indices holds coordinates in x's dimensions from `batch` on; the first `batch` dimensions
/// are in common (ONNX's GatherND).
Tensor gather_nd(Located x, Located indices, int64_t batch = 0);
/// table[indices], for a table (rows, width): (.., width).
Tensor embedding(Located table, Located indices);

enum class Scatter { assign, add, multiply, maximum, minimum };
/// x, where the elements that gather, gather_elements or gather_nd would give are combined with `updates`, of that
/// shape, in the order of the indices; those outside are dropped. assign and add have a gradient; that of assign takes
/// the indices to differ.
Tensor scatter(Located x, Located indices, Located updates, int64_t axis = 0, Scatter how = Scatter::assign);
Tensor scatter_elements(Located x, Located indices, Located updates, int64_t axis, Scatter how = Scatter::assign);
Tensor scatter_nd(Located x, Located indices, Located updates, int64_t batch = 0, Scatter how = Scatter::assign);

/// 1 at the index along a new last dimension of `classes`, else 0; in the model's element type.
Tensor one_hot(Located indices, int64_t classes);
/// In training x / (1 - rate), or 0 with probability `rate`; in inference x (Srivastava et al. 2014, "Dropout").
Tensor dropout(Located x, double rate);

} // namespace fovea
