// What slides windows over images: convolutions, pools, resizing, sampling. Images are (n, c, h, w), or (n, c, w) in
// functions of one dimension; sizes other than n are constant. Included by <fovea/Functions.h>.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include <fovea/Tensor.h>

namespace fovea {

using Pair2d = std::array<int64_t, 2>; // of rows, of columns

struct Conv2dOptions {
  Pair2d stride = {1, 1}, padding = {0, 0}, dilation = {1, 1};
  int64_t groups = 1; // runs of channels that only see each other; as many as channels: depthwise
};
/// Cross-correlation of x (n, c, h, w) with weight (o, c / groups, kh, kw), zeros around: (n, o, h', w') with
/// h' = (h + 2 padding - dilation (kh - 1) - 1) / stride + 1, rounded down.
Tensor conv2d(Located x, Located weight, Conv2dOptions options = {});

struct ConvTranspose2dOptions {
  Pair2d stride = {1, 1}, padding = {0, 0}, dilation = {1, 1};
  int64_t groups = 1;
  Pair2d output_padding = {0, 0}; // rows and columns that the result has more, fewer than stride or dilation
};
/// What conv2d with these options takes back to its input: x (n, c, h, w) with weight (c, o / groups, kh, kw) gives
/// (n, o, h', w') with h' = (h - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1 (Zeiler et al. 2010,
/// "Deconvolutional Networks").
Tensor conv_transpose2d(Located x, Located weight, ConvTranspose2dOptions options = {});

struct Conv1dOptions {
  int64_t stride = 1, padding = 0, dilation = 1, groups = 1;
};
/// conv2d of one row: x (n, c, w) with weight (o, c / groups, k).
Tensor conv1d(Located x, Located weight, Conv1dOptions options = {});
struct ConvTranspose1dOptions {
  int64_t stride = 1, padding = 0, dilation = 1, groups = 1, output_padding = 0;
};
Tensor conv_transpose1d(Located x, Located weight, ConvTranspose1dOptions options = {});

struct Pool2dOptions {
  std::optional<Pair2d> stride = {}; // by default the window's size
  Pair2d padding = {0, 0}, dilation = {1, 1};
};
/// The largest element of each window; NaN if there is one. Padding is below everything. Equal ones share the gradient.
Tensor max_pool2d(Located x, Pair2d size, Pool2dOptions options = {});
/// The mean of each window, with zeros in the padding that count or do not.
Tensor average_pool2d(Located x, Pair2d size, Pool2dOptions options = {}, bool count_padding = true);
/// (sum |x|^p)^(1/p) of each window.
Tensor lp_pool2d(Located x, Pair2d size, double p = 2, Pool2dOptions options = {});
/// log(mean e^(r x)) / r of each window: between mean (r near 0) and maximum (Pinheiro and Collobert 2015, "From
/// Image-level to Pixel-level Labeling with Convolutional Networks"). No padding.
Tensor lse_pool2d(Located x, Pair2d size, double r = 1, Pool2dOptions options = {});
/// One window for the whole image: (n, c, 1, 1).
Tensor global_average_pool(Located x);
Tensor global_max_pool(Located x);
/// The mean or maximum of `size` windows a side, from floor(i h / size) to ceil((i + 1) h / size).
Tensor adaptive_average_pool2d(Located x, Pair2d size);
Tensor adaptive_max_pool2d(Located x, Pair2d size);

/// Windows of `size` elements along some axes of constant size, `stride` apart, `dilation` between their elements; both
/// are 1 where none are given.
struct Windows {
  std::vector<int64_t> axes, size, stride = {}, dilation = {};
};
/// Every window: the coordinates within it come before the first of the axes, which then count the windows.
Tensor unfold(Located x, const Windows &windows);
/// The other way: a tensor of this shape, each element the sum of those that unfold would take from there.
Tensor fold(Located x, const Shape &shape, const Windows &windows);
/// How many of a window's elements, the first at `start` and `dilation` apart, lie within an axis of this extent.
int64_t elements_within(int64_t start, int64_t size, int64_t dilation, int64_t extent);

struct UnfoldOptions {
  Pair2d stride = {1, 1}, padding = {0, 0}, dilation = {1, 1};
};
/// Every window of an image, zeros around: (n, c, kh, kw, h', w'). As (n, c kh kw, h' w') it is im2col.
Tensor unfold2d(Located x, Pair2d size, UnfoldOptions options = {});

/// A weight of the element at a place.
struct Tap {
  int64_t place;
  double weight;
};
using Taps = std::vector<std::vector<Tap>>;
/// Element i along an axis of constant size becomes the sum of the elements that taps[i] names, times their weights.
Tensor resample(Located x, int64_t axis, const Taps &taps);

/// Keys' kernel at a distance: the weights of cubic interpolation (Keys 1981, "Cubic Convolution Interpolation for
/// Digital Image Processing").
double keys_cubic(double distance, double a = -0.75);

enum class Interpolation { nearest, bilinear, bicubic };
struct ResizeOptions {
  Interpolation interpolation = Interpolation::bilinear;
  /// Whether corner pixels keep their place; else pixels are areas, which are scaled (half-pixel centres).
  bool align_corners = false;
};
/// An image (n, c, h, w) as `size` rows and columns, as PyTorch's interpolate without antialiasing: bicubic with a =
/// -0.75 (Keys 1981), nearest at floor(i h / size).
Tensor resize(Located x, Pair2d size, ResizeOptions options = {});

struct GridSampleOptions {
  Interpolation interpolation = Interpolation::bilinear; // or nearest
  bool align_corners = false; // whether -1 and 1 are the centres of corner pixels, or their outer edges
  bool border = false;        // beyond the edge, the edge's pixels; else zeros
};
/// x (n, c, h, w) at the points of grid (n, h', w', 2), which are (column, row) from -1 to 1: (n, c, h', w') (Jaderberg
/// et al. 2015, "Spatial Transformer Networks"). The gradient goes to both.
Tensor grid_sample(Located x, Located grid, GridSampleOptions options = {});

} // namespace fovea
