// Resize and Upsample: each dimension on its own, as weighted sums of elements whose places are known when importing;
// and GridSample.
#include "lib/onnx/Compositions.h"
#include "lib/onnx/Registry.h"

#include <algorithm>
#include <cmath>

namespace fovea::onnx {
namespace {

struct Mode {
  std::string kind, coordinates, nearest;
  bool antialias, excludeOutside;
  double cubic; // the a of Keys' kernel
  double extrapolation;
};

/// A dimension: sizes, how many times larger it becomes, and the region of tf_crop_and_resize.
struct Stretch {
  int64_t axis, from, to;
  double scale, begin = 0, end = 1;
};

/// Where element `o` of the result lies among those of x.
double place(const Mode &mode, const Stretch &stretch, int64_t o) {
  double n = (double)stretch.from, width = stretch.scale * n, x = (double)o;
  if (mode.coordinates == "asymmetric") return x / stretch.scale;
  if (mode.coordinates == "align_corners") return width == 1 ? 0 : x * (n - 1) / (width - 1);
  if (mode.coordinates == "pytorch_half_pixel" && width == 1) return -0.5;
  if (mode.coordinates == "tf_crop_and_resize") {
    double reach = (stretch.end - stretch.begin) * (n - 1);
    return stretch.begin * (n - 1) + (width == 1 ? reach / 2 : x * reach / (width - 1));
  }
  double shift = mode.coordinates == "half_pixel_symmetric" ? n / 2 * (1 - (double)stretch.to / width) : 0;
  return shift + (x + 0.5) / stretch.scale - 0.5;
}

double weight(const Mode &mode, double distance) {
  return mode.kind == "linear" ? std::max(0.0, 1 - std::abs(distance)) : keys_cubic(distance, mode.cubic);
}

int64_t nearest(const std::string &mode, double x) {
  double result = mode == "floor"               ? std::floor(x)
                  : mode == "ceil"              ? std::ceil(x)
                  : mode == "round_prefer_ceil" ? std::floor(x + 0.5)
                                                : std::ceil(x - 0.5);
  return (int64_t)result;
}

/// How far from its place the elements of x lie that an element of the result is summed from.
double reachOf(const Mode &mode, const Stretch &stretch) {
  double reach = mode.kind == "nearest" ? 0 : mode.kind == "linear" ? 1 : 2;
  return reach / (mode.antialias ? std::min(stretch.scale, 1.0) : 1);
}

/// The elements of x that one element of the result is summed from: their places, within x, and weights.
std::vector<Tap> taps(const Mode &mode, const Stretch &stretch, int64_t o) {
  double x = place(mode, stretch, o);
  auto inside = [&](int64_t index) { return std::clamp<int64_t>(index, 0, stretch.from - 1); };
  if (mode.kind == "nearest") return {{inside(nearest(mode.nearest, x)), 1}};
  double narrow = mode.antialias ? std::min(stretch.scale, 1.0) : 1, reach = reachOf(mode, stretch), total = 0;
  std::vector<Tap> result;
  for (auto index = (int64_t)std::floor(x - reach); index <= (int64_t)std::ceil(x + reach); ++index) {
    double share = weight(mode, narrow * ((double)index - x));
    if (mode.excludeOutside && index != inside(index)) share = 0;
    if (share == 0) continue;
    result.push_back({inside(index), share});
    total += share;
  }
  if (total != 0)
    for (Tap &tap : result) tap.weight /= total;
  return result;
}

Tensor stretched(Call &call, const Tensor &x, const Mode &mode, const Stretch &stretch) {
  const double each = std::max(1.0, 2 * reachOf(mode, stretch));
  checkTable(call, (int64_t)std::min(0x1p62, (double)stretch.to * each));
  Taps all;
  for (int64_t o = 0; o < stretch.to; ++o) all.push_back(taps(mode, stretch, o));
  Tensor result = resample(x, stretch.axis, all);
  if (mode.coordinates != "tf_crop_and_resize") return result;
  Known outside{Element::boolean, std::vector<int64_t>((size_t)(x.rank() - stretch.axis), 1), {}, {}};
  outside.shape[0] = stretch.to;
  for (int64_t o = 0; o < stretch.to; ++o) {
    double at = place(mode, stretch, o);
    outside.integers.push_back(at < 0 || at > (double)(stretch.from - 1));
  }
  return where(call.constant(outside), mode.extrapolation, result);
}

void apply(Call &call, const Mode &mode, const std::vector<Stretch> &stretches) {
  Tensor x = call.tensor(0);
  if (!isFloat(x.dtype()) && mode.kind != "nearest") call.unsupported("integers can only be resized to the nearest");
  for (const Stretch &stretch : stretches) {
    if (stretch.from < 1 || stretch.to < 1) call.unsupported("a size is 0");
    bool whole = mode.coordinates == "tf_crop_and_resize" && (stretch.begin != 0 || stretch.end != 1);
    if (stretch.scale != 1 || stretch.to != stretch.from || whole) x = stretched(call, x, mode, stretch);
  }
  call.give(x);
}

/// Scales of 1 keep what is of open size.
std::vector<Stretch> scaled(Call &call, const std::vector<int64_t> &axes, const std::vector<double> &scales) {
  if (scales.size() != axes.size())
    call.unsupported("there are " + std::to_string(scales.size()) + " scales for " + std::to_string(axes.size()) +
                     " axes");
  Shape shape = call.shape(0);
  std::vector<Stretch> result;
  for (size_t i = 0; i < axes.size(); ++i) {
    if (scales[i] == 1 && !shape[(size_t)axes[i]].constant()) continue;
    int64_t from = numbersOf({shape[(size_t)axes[i]]}, "resizing")[0];
    if (!(scales[i] > 0 && scales[i] < 1 << 20)) call.unsupported("a scale is " + std::to_string(scales[i]));
    result.push_back({axes[i], from, (int64_t)std::floor((double)from * scales[i]), scales[i]});
  }
  return result;
}

std::vector<Stretch> sized(Call &call, const std::vector<int64_t> &axes, std::vector<int64_t> sizes) {
  if (sizes.size() != axes.size())
    call.unsupported("there are " + std::to_string(sizes.size()) + " sizes for " + std::to_string(axes.size()) +
                     " axes");
  Shape shape = call.shape(0), chosen;
  for (int64_t axis : axes) chosen.push_back(shape[(size_t)axis]);
  std::vector<int64_t> extents = numbersOf(chosen, "resizing to sizes");
  std::string policy = call.text("keep_aspect_ratio_policy", "stretch");
  if (policy != "stretch" && policy != "not_larger" && policy != "not_smaller")
    call.unsupported("keep_aspect_ratio_policy is '" + policy + "'");
  std::vector<double> scales;
  for (size_t i = 0; i < axes.size(); ++i) scales.push_back((double)sizes[i] / (double)extents[i]);
  double common = policy == "not_larger" ? *std::min_element(scales.begin(), scales.end())
                                         : *std::max_element(scales.begin(), scales.end());
  std::vector<Stretch> result;
  for (size_t i = 0; i < axes.size(); ++i) {
    if (policy != "stretch") scales[i] = common, sizes[i] = (int64_t)std::floor((double)extents[i] * common + 0.5);
    result.push_back({axes[i], extents[i], sizes[i], scales[i]});
  }
  return result;
}

std::vector<int64_t> allAxes(Call &call) {
  std::vector<int64_t> axes;
  for (size_t d = 0; d < call.shape(0).size(); ++d) axes.push_back((int64_t)d);
  return axes;
}

void resize(Call &call) {
  Mode mode{call.text("mode", "nearest"),
            call.text("coordinate_transformation_mode", "half_pixel"),
            call.text("nearest_mode", "round_prefer_floor"),
            call.integer("antialias", 0) != 0,
            call.integer("exclude_outside", 0) != 0,
            call.number("cubic_coeff_a", -0.75),
            call.number("extrapolation_value", 0)};
  if (mode.kind != "nearest" && mode.kind != "linear" && mode.kind != "cubic")
    call.unsupported("mode is '" + mode.kind + "'");
  static const std::vector<std::string> known = {"half_pixel",    "half_pixel_symmetric", "pytorch_half_pixel",
                                                 "align_corners", "asymmetric",           "tf_crop_and_resize"};
  if (std::find(known.begin(), known.end(), mode.coordinates) == known.end())
    call.unsupported("coordinate_transformation_mode is '" + mode.coordinates + "'");
  std::vector<int64_t> axes = frontAxes(call.integers("axes"), (int64_t)call.shape(0).size());
  if (axes.empty()) axes = allAxes(call);
  if (axes.empty()) call.unsupported("its input has rank 0");
  std::vector<Stretch> stretches;
  bool bySizes = call.has(3);
  stretches = bySizes ? sized(call, axes, call.integers(3, "sizes")) : scaled(call, axes, call.numbers(2, "scales"));
  if (mode.coordinates == "tf_crop_and_resize") {
    std::vector<double> region = call.numbers(1, "roi");
    if (region.size() != 2 * axes.size() || stretches.size() != axes.size())
      call.unsupported("roi has another number of values than there are axes");
    for (size_t i = 0; i < axes.size(); ++i) stretches[i].begin = region[i], stretches[i].end = region[i + axes.size()];
  }
  apply(call, mode, stretches);
}

/// Upsample, and Resize of opset 10: corners stay, the nearest element is the one before.
void upsample(Call &call) {
  std::string kind = call.text("mode", "nearest");
  if (kind == "bilinear") kind = "linear";
  if (kind != "nearest" && kind != "linear") call.unsupported("mode is '" + kind + "'");
  std::vector<double> scales;
  if (const Attribute *attribute = call.attribute("scales", Attribute::Kind::numbers))
    scales = attribute->numbers;
  else
    scales = call.numbers(1, "scales");
  apply(call, {kind, "asymmetric", "floor", false, false, -0.75, 0}, scaled(call, allAxes(call), scales));
}

void gridSample(Call &call) {
  Tensor x = call.tensor(0);
  if (x.rank() != 4) call.unsupported("it samples " + shapeText(x.shape()) + ": images (n, c, h, w) are supported");
  GridSampleOptions options;
  std::string mode = call.text("mode", "linear"), padding = call.text("padding_mode", "zeros");
  if (mode == "nearest")
    options.interpolation = Interpolation::nearest;
  else if (mode != "linear" && mode != "bilinear")
    call.unsupported("mode is '" + mode + "': linear and nearest are supported");
  if (padding != "zeros" && padding != "border")
    call.unsupported("padding_mode is '" + padding + "': zeros and border are supported");
  options.border = padding == "border";
  options.align_corners = call.integer("align_corners", 0) != 0;
  call.give(grid_sample(x, call.tensor(1), options));
}

} // namespace

void addResize(Registry &registry) {
  registry.add("Upsample", {7, 9, 10}, upsample);
  registry.add("Resize", {10}, upsample);
  registry.add("Resize", {11, 13, 18, 19}, resize);
  registry.add("GridSample", {16, 20, 22}, gridSample);
}

} // namespace fovea::onnx
