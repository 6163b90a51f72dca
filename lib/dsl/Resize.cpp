// Images at other points: weighted sums of pixels, at places known when the model is written, or given by a grid.
#include "lib/dsl/Build.h"

#include <fovea/Functions.h>
#include <fovea/Model.h>

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace fovea {

using namespace dsl;

Tensor resample(Located x, int64_t axis, const Taps &taps) {
  Frame frame(x);
  int64_t front = frontAxis("resample", x, axis), extent = dsl::constantSize("resample", x, front);
  size_t count = 1;
  bool plain = true; // every weight is 1
  for (const auto &each : taps) {
    count = std::max(count, each.size());
    plain &= each.size() == 1 && each[0].weight == 1;
    for (const Tap &tap : each)
      if (tap.place < 0 || tap.place >= extent)
        frame.fail("resample: place " + std::to_string(tap.place) + " is outside axis " + std::to_string(front) +
                   " of " + shapeText(Program::typeOf(x)));
  }
  if (taps.empty()) frame.fail("resample: the result has no element: give the taps of at least one");
  Program &program = Program::of(x);
  auto size = (int64_t)taps.size();
  SmallVector<int64_t> places;
  SmallVector<double> weights;
  bool zeros = false;
  for (size_t k = 0; k < count; ++k)
    for (const auto &each : taps) {
      places.push_back(k < each.size() ? each[k].place : 0);
      weights.push_back(k < each.size() ? each[k].weight : 0);
      zeros |= weights.back() == 0;
    }
  if (plain) return gather(x.tensor, dsl::constant(program, x.site, size, places), front);
  Tensor parts = gather(x.tensor, dsl::constant(program, x.site, {(int64_t)count, size}, places), front);
  SmallVector<int64_t> shape(x.tensor.rank() - front + 1, 1);
  shape[0] = (int64_t)count;
  shape[1] = size;
  Tensor weight = dsl::constant(program, x.site, shape, weights, Program::typeOf(x).getElementType());
  Tensor weighted = parts * weight;
  // A weight of 0 takes nothing, not even of an infinity.
  return sum(zeros ? where(equal(weight, 0), 0, weighted) : weighted, front);
}

//===-- Resizing --------------------------------------------------------------------------------------------------===//

double keys_cubic(double distance, double a) {
  double t = std::abs(distance);
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}

static std::vector<Tap> tapsAt(int64_t i, int64_t from, int64_t to, const ResizeOptions &options) {
  auto inside = [&](int64_t place) { return std::clamp<int64_t>(place, 0, from - 1); };
  if (options.interpolation == Interpolation::nearest) return {{i * from / to, 1}};
  double scale =
      options.align_corners ? (to > 1 ? (double)(from - 1) / (double)(to - 1) : 0) : (double)from / (double)to;
  double at = options.align_corners ? (double)i * scale : ((double)i + 0.5) * scale - 0.5;
  bool linear = options.interpolation == Interpolation::bilinear;
  if (linear) at = std::max(at, 0.0);
  auto first = (int64_t)std::floor(at);
  double part = at - (double)first;
  if (linear) return {{inside(first), 1 - part}, {inside(first + 1), part}};
  std::vector<Tap> taps;
  for (int64_t k = -1; k <= 2; ++k) taps.push_back({inside(first + k), keys_cubic(part - (double)k)});
  return taps;
}

Tensor resize(Located x, Pair2d size, ResizeOptions options) {
  Frame frame(x);
  RankedTensorType type = Program::typeOf(x);
  if (type.getRank() != 4 || type.isDynamicDim(2) || type.isDynamicDim(3))
    frame.fail("resize: " + shapeText(type) + " must be (n, c, h, w) with constant h and w");
  if (size[0] < 1 || size[1] < 1)
    frame.fail("resize: a size of " + std::to_string(size[0]) + " by " + std::to_string(size[1]) +
               ": both must be at least 1");
  Tensor result = x;
  for (int d : {0, 1}) {
    int64_t from = type.getDimSize(2 + d);
    checkTable("resize", x, size[d]);
    if (from == size[d]) continue;
    Taps taps;
    for (int64_t i = 0; i < size[d]; ++i) taps.push_back(tapsAt(i, from, size[d], options));
    result = resample(result, 2 + d, taps);
  }
  return result;
}

//===-- Sampling --------------------------------------------------------------------------------------------------===//

namespace {
/// Pixels at points that are computed.
class Sampler {
public:
  Sampler(const Tensor &x, const Tensor &grid, const GridSampleOptions &options)
      : x(x), size{*x.dim(2).constant(), *x.dim(3).constant()}, options(options), at{pixels(grid, 0), pixels(grid, 1)} {
  }

  Tensor nearest() const { return pixel(round(at[0]), round(at[1])); }

  Tensor bilinear() const {
    Tensor top = floor(at[0]), left = floor(at[1]), result;
    for (int row : {0, 1})
      for (int column : {0, 1}) {
        Tensor share = part(at[0] - top, row) * part(at[1] - left, column);
        Tensor corner = pixel(top + (double)row, left + (double)column) * acrossChannels(share);
        result = row || column ? result + corner : corner;
      }
    return result;
  }

private:
  /// From -1 to 1 to pixels: of rows (d = 0), the grid's second coordinate, or columns.
  Tensor pixels(const Tensor &grid, int d) const {
    Tensor unit = pick(grid, -1, 1 - d);
    auto n = (double)size[d];
    Tensor place = options.align_corners ? (unit + 1) * ((n - 1) / 2) : (unit + 1) * (n / 2) - 0.5;
    return options.border ? clamp(place, 0, n - 1) : place;
  }
  static Tensor part(const Tensor &distance, int far) { return far ? distance : 1 - distance; }
  static Tensor acrossChannels(const Tensor &points) {
    return reshape(points, {points.dim(0), 1, points.dim(1), points.dim(2)});
  }

  /// x at whole rows and columns (n, h', w'), zero outside: (n, c, h', w').
  Tensor pixel(const Tensor &row, const Tensor &column) const {
    auto height = (double)(size[0] - 1), width = (double)(size[1] - 1);
    Tensor rows = cast(clamp(row, 0, height), i64), columns = cast(clamp(column, 0, width), i64);
    Tensor element =
        apply<GatherOp>(Program::of(x), Site::here(), valueOf(x), ValueRange{valueOf(rows), valueOf(columns)}, 2, 1);
    Tensor inside = logical_and(logical_and(row >= 0, row <= height), logical_and(column >= 0, column <= width));
    return where(acrossChannels(inside), element, 0);
  }

  Tensor x;
  Pair2d size;
  GridSampleOptions options;
  Tensor at[2]; // rows, columns
};
} // namespace

Tensor grid_sample(Located x, Located grid, GridSampleOptions options) {
  Frame frame(x);
  dsl::Pair pair("grid_sample", x, grid);
  RankedTensorType type = Program::typeOf(x), points = Program::typeOf(grid);
  if (type.getRank() != 4 || type.isDynamicDim(2) || type.isDynamicDim(3))
    frame.fail("grid_sample: " + shapeText(type) + " must be (n, c, h, w) with constant h and w");
  if (points.getRank() != 4 || points.getDimSize(3) != 2 || x.tensor.dim(0) != grid.tensor.dim(0))
    frame.fail("grid_sample: the grid is " + shapeText(points) + ": it must be (n, h', w', 2), with the n of " +
               shapeText(type));
  if (options.interpolation == Interpolation::bicubic)
    frame.fail("grid_sample: bicubic is not there: use bilinear or nearest");
  Sampler sampler(x, grid, options);
  return options.interpolation == Interpolation::nearest ? sampler.nearest() : sampler.bilinear();
}

} // namespace fovea
