// Sliding windows, and what the builder makes of them: pools, resizing, sampling.
#include "test/ops/Functions.h"
#include "test/ops/Suites.h"

#include <algorithm>
#include <cmath>

namespace fovea::ops {

namespace {

struct Windows {
  Shape axes, size, stride, dilation;

  /// The place in x of an element of the windows.
  Shape placeOf(const Shape &at) const {
    size_t first = axes[0], count = axes.size();
    Shape place(at.begin(), at.begin() + first);
    place.insert(place.end(), at.begin() + first + count, at.end());
    for (size_t i = 0; i < count; ++i) place[axes[i]] = place[axes[i]] * stride[i] + at[first + i] * dilation[i];
    return place;
  }
  Shape shapeOf(const Shape &x) const {
    Shape result = x;
    for (size_t i = 0; i < axes.size(); ++i)
      result[axes[i]] = (x[axes[i]] - (size[i] - 1) * dilation[i] - 1) / stride[i] + 1;
    result.insert(result.begin() + axes[0], size.begin(), size.end());
    return result;
  }
};

Case unfold(const std::string &name, const Shape &x, const Windows &w) {
  return {"unfold_" + name,
          {{"x", x}},
          [=](const Build &build, Values v) {
            return SmallVector<Value>{build.make<UnfoldOp>(v[0], w.axes, w.size, w.stride, w.dilation)};
          },
          [=](const Arrays &a) {
            Array result(w.shapeOf(x));
            reference::for_each_index(result.shape, [&](const Shape &at) { result.at(at) = a[0].at(w.placeOf(at)); });
            return Arrays{result};
          },
          {}};
}

Case fold(const std::string &name, const Shape &x, const Windows &w) {
  return {"fold_" + name,
          {{"windows", w.shapeOf(x)}},
          [=](const Build &build, Values v) {
            return SmallVector<Value>{build.make<FoldOp>(build.type(x), v[0], w.axes, w.size, w.stride, w.dilation)};
          },
          [=](const Arrays &a) {
            Array result(x);
            reference::for_each_index(a[0].shape, [&](const Shape &at) { result.at(w.placeOf(at)) += a[0].at(at); });
            return Arrays{result};
          },
          ulps(8, 4)};
}

//===-- Pools -----------------------------------------------------------------------------------------------------===//

using Elements = std::vector<double>;

/// What `combine` makes of the elements of each window, without padding.
Array pooled(const Array &x, Pair2d size, const Pool2dOptions &options,
             const std::function<double(Elements)> &combine) {
  Pair2d stride = options.stride.value_or(size), counts;
  for (int d : {0, 1})
    counts[d] = (x.shape[2 + d] + 2 * options.padding[d] - (size[d] - 1) * options.dilation[d] - 1) / stride[d] + 1;
  Array result({x.shape[0], x.shape[1], counts[0], counts[1]});
  reference::for_each_index(result.shape, [&](const Shape &at) {
    Elements elements;
    for (int64_t p = 0; p < size[0]; ++p)
      for (int64_t q = 0; q < size[1]; ++q) {
        int64_t row = at[2] * stride[0] + p * options.dilation[0] - options.padding[0],
                column = at[3] * stride[1] + q * options.dilation[1] - options.padding[1];
        if (row >= 0 && row < x.shape[2] && column >= 0 && column < x.shape[3])
          elements.push_back(x.at({at[0], at[1], row, column}));
      }
    result.at(at) = combine(elements);
  });
  return result;
}

double largest(const Elements &elements) {
  return std::any_of(elements.begin(), elements.end(), [](double x) { return std::isnan(x); })
             ? NAN
             : *std::max_element(elements.begin(), elements.end());
}
double total(const Elements &elements) {
  double result = 0;
  for (double element : elements) result += element;
  return result;
}
double average(const Elements &elements) { return total(elements) / (double)elements.size(); }

Case pool(const std::string &name, Operand x, Pair2d size, const Pool2dOptions &options, const Function &pool,
          const std::function<double(Elements)> &combine, Bound bound) {
  return function(
      "pool_" + name, {x}, pool, [=](const Arrays &a) { return pooled(a[0], size, options, combine); }, bound);
}

Case maxPool(const std::string &name, Operand x, Pair2d size, const Pool2dOptions &options = {}) {
  return pool("max_" + name, x, size, options,
              [=](const std::vector<Tensor> &v) { return max_pool2d(v[0], size, options); }, largest, {});
}

Case averagePool(const std::string &name, const Shape &x, Pair2d size, const Pool2dOptions &options = {},
                 bool padding = true) {
  auto whole = (double)(size[0] * size[1]);
  return pool(
      "average_" + name, {"x", x}, size, options,
      [=](const std::vector<Tensor> &v) { return average_pool2d(v[0], size, options, padding); },
      [=](const Elements &e) { return padding ? total(e) / whole : average(e); }, ulps(8, 1));
}

Case lpPool(double p) {
  Pool2dOptions options{Pair2d{2, 1}, {1, 0}, {1, 1}};
  return pool(
      "lp_" + std::to_string((int)p), {"x", {2, 3, 7, 5}}, {3, 2}, options,
      [=](const std::vector<Tensor> &v) {
        return lp_pool2d(v[0], {3, 2}, p, options);
      },
      [=](const Elements &elements) {
        double sum = 0;
        for (double x : elements) sum += std::pow(std::abs(x), p);
        return std::pow(sum, 1 / p);
      },
      ulps(16, 1));
}

Case lsePool() {
  return pool(
      "lse", {"x", {2, 3, 6, 5}, uniform(-30, 30)}, {2, 3}, {Pair2d{2, 2}},
      [](const std::vector<Tensor> &v) {
        return lse_pool2d(v[0], {2, 3}, 2.5, {Pair2d{2, 2}});
      },
      [](const Elements &elements) {
        double sum = 0;
        for (double x : elements) sum += std::exp(2.5 * x);
        return std::log(sum / (double)elements.size()) / 2.5;
      },
      ulps(16, 8));
}

Case adaptive(const std::string &name, const Shape &shape, Pair2d size, bool isMax) {
  return function(
      "pool_adaptive_" + name, {{"x", shape, distinct()}},
      [=](const std::vector<Tensor> &v) {
        return isMax ? adaptive_max_pool2d(v[0], size) : adaptive_average_pool2d(v[0], size);
      },
      [=](const Arrays &a) {
        Array result({shape[0], shape[1], size[0], size[1]});
        reference::for_each_index(result.shape, [&](const Shape &at) {
          Elements elements;
          auto begin = [&](int d) { return (int64_t)std::floor((double)(at[2 + d] * shape[2 + d]) / (double)size[d]); };
          auto end = [&](int d) {
            return (int64_t)std::ceil((double)((at[2 + d] + 1) * shape[2 + d]) / (double)size[d]);
          };
          for (int64_t row = begin(0); row < end(0); ++row)
            for (int64_t column = begin(1); column < end(1); ++column)
              elements.push_back(a[0].at({at[0], at[1], row, column}));
          result.at(at) = isMax ? largest(elements) : average(elements);
        });
        return result;
      },
      ulps(16, 1));
}

//===-- Resizing and sampling -------------------------------------------------------------------------------------===//

/// x at (row, column) between pixels, by separable weights of the pixels around; those outside are clamped in.
double interpolated(const Array &x, int64_t n, int64_t c, double row, double column, int reach,
                    const std::function<double(double)> &weight) {
  double result = 0;
  for (int64_t i = (int64_t)std::floor(row) - reach + 1; i <= (int64_t)std::floor(row) + reach; ++i)
    for (int64_t j = (int64_t)std::floor(column) - reach + 1; j <= (int64_t)std::floor(column) + reach; ++j)
      result += weight(row - (double)i) * weight(column - (double)j) *
                x.at({n, c, std::clamp<int64_t>(i, 0, x.shape[2] - 1), std::clamp<int64_t>(j, 0, x.shape[3] - 1)});
  return result;
}
double linear(double t) { return std::max(0.0, 1 - std::abs(t)); }
double keys(double t) {
  t = std::abs(t);
  double a = -0.75;
  return t <= 1  ? (a + 2) * t * t * t - (a + 3) * t * t + 1
         : t < 2 ? a * t * t * t - 5 * a * t * t + 8 * a * t - 4 * a
                 : 0;
}

Case resized(const std::string &name, const Shape &shape, Pair2d size, ResizeOptions options) {
  return function(
      "resize_" + name, {{"x", shape}}, [=](const std::vector<Tensor> &v) { return resize(v[0], size, options); },
      [=](const Arrays &a) {
        Array result({shape[0], shape[1], size[0], size[1]});
        bool bilinear = options.interpolation == Interpolation::bilinear;
        auto place = [&](int d, int64_t i) {
          auto from = (double)shape[2 + d], to = (double)size[d];
          if (options.align_corners) return to == 1 ? 0 : (double)i * (from - 1) / (to - 1);
          double at = ((double)i + 0.5) * from / to - 0.5;
          return bilinear ? std::max(at, 0.0) : at;
        };
        reference::for_each_index(result.shape, [&](const Shape &at) {
          if (options.interpolation == Interpolation::nearest) {
            result.at(at) = a[0].at({at[0], at[1], at[2] * shape[2] / size[0], at[3] * shape[3] / size[1]});
            return;
          }
          result.at(at) = interpolated(a[0], at[0], at[1], place(0, at[2]), place(1, at[3]), bilinear ? 1 : 2,
                                       bilinear ? linear : keys);
        });
        return result;
      },
      ulps(32, 2));
}

Case sampled(const std::string &name, GridSampleOptions options) {
  // Points within and around the image, away from the pixels' own places, where the slope jumps.
  Fill points = [](int64_t at, double) { return (double)((at * 37 + 11) % 101) / 40.3 - 1.25; };
  Case result = function(
      "grid_sample_" + name, {{"x", {2, 3, 5, 4}}, {"grid", {2, 3, 7, 2}, points}},
      [=](const std::vector<Tensor> &v) { return grid_sample(v[0], v[1], options); },
      [=](const Arrays &a) {
        Array output({2, 3, 3, 7});
        reference::for_each_index(output.shape, [&](const Shape &at) {
          double place[2];
          for (int d : {0, 1}) {
            auto n = (double)a[0].shape[2 + d], unit = a[1].at({at[0], at[2], at[3], 1 - d});
            place[d] = options.align_corners ? (unit + 1) / 2 * (n - 1) : ((unit + 1) * n - 1) / 2;
            if (options.border) place[d] = std::clamp(place[d], 0.0, n - 1);
          }
          auto pixel = [&](double row, double column) {
            bool inside = row >= 0 && row < 5 && column >= 0 && column < 4;
            return inside ? a[0].at({at[0], at[1], (int64_t)row, (int64_t)column}) : 0;
          };
          double top = std::floor(place[0]), left = std::floor(place[1]), sum = 0;
          if (options.interpolation == Interpolation::nearest) {
            output.at(at) = pixel(std::nearbyint(place[0]), std::nearbyint(place[1]));
            return;
          }
          for (double row : {top, top + 1})
            for (double column : {left, left + 1})
              sum += linear(place[0] - row) * linear(place[1] - column) * pixel(row, column);
          output.at(at) = sum;
        });
        return output;
      },
      ulps(64, 2));
  return result;
}

//===-- One dimension ---------------------------------------------------------------------------------------------===//

Array row(const Array &x) { return reference::reshape(x, {x.shape[0], x.shape[1], 1, x.shape[2]}); }
Array noRow(const Array &x) { return reference::reshape(x, {x.shape[0], x.shape[1], x.shape[3]}); }

Case oneDimension() {
  return function(
      "conv1d", {{"x", {2, 4, 17}}, {"w", {6, 2, 3}}},
      [](const std::vector<Tensor> &v) {
        return conv1d(v[0], v[1], {2, 1, 2, 2});
      },
      [](const Arrays &a) {
        return noRow(reference::conv2d(row(a[0]), row(a[1]), {1, 2}, {0, 1}, {1, 2}, 2));
      },
      ulps(8, 16));
}
Case oneDimensionTransposed() {
  return function(
      "conv_transpose1d", {{"x", {2, 4, 5}}, {"w", {4, 3, 3}}},
      [](const std::vector<Tensor> &v) {
        return conv_transpose1d(v[0], v[1], {2, 1, 1, 1, 1});
      },
      [](const Arrays &a) {
        return noRow(reference::conv_transpose2d(row(a[0]), row(a[1]), {1, 10}, {1, 2}, {0, 1}));
      },
      ulps(8, 16));
}

} // namespace

Suite windowsSuite() {
  Fill special = cycle({1, -INFINITY, NAN, -1, 0.5, INFINITY, -0.5, 2, 0, 3, -3});
  return {"Windows",
          {
              unfold("vector", {17}, {{0}, {3}, {1}, {1}}),
              unfold("image", {2, 3, 7, 5}, {{2, 3}, {3, 2}, {2, 1}, {1, 2}}),
              unfold("whole", {2, 5}, {{1}, {5}, {1}, {1}}),
              unfold("first_and_last", {7, 3, 5}, {{0, 2}, {2, 3}, {3, 1}, {2, 1}}),
              fold("vector", {17}, {{0}, {3}, {1}, {1}}),
              fold("image", {2, 3, 7, 5}, {{2, 3}, {3, 2}, {2, 1}, {1, 2}}),
              fold("apart", {2, 11}, {{1}, {2}, {4}, {1}}),
              maxPool("even", {"x", {2, 3, 8, 6}, distinct()}, {2, 2}),
              maxPool("padded", {"x", {2, 3, 7, 5}, distinct()}, {3, 3}, {Pair2d{2, 2}, {1, 1}, {1, 1}}),
              maxPool("dilated", {"x", {1, 2, 9, 9}, distinct()}, {2, 3}, {Pair2d{1, 2}, {0, 1}, {3, 2}}),
              valuesOnly(maxPool("special", {"x", {1, 1, 5, 11}, special}, {2, 2}, {Pair2d{1, 1}, {1, 1}, {1, 1}})),
              averagePool("even", {2, 3, 8, 6}, {2, 2}),
              averagePool("padded", {2, 3, 7, 5}, {3, 3}, {Pair2d{2, 2}, {1, 1}, {1, 1}}),
              averagePool("padding_not_counted", {2, 3, 7, 5}, {3, 3}, {Pair2d{2, 1}, {1, 1}, {1, 2}}, false),
              lpPool(2),
              lpPool(3),
              lsePool(),
              adaptive("average_even", {2, 3, 8, 6}, {2, 3}, false),
              adaptive("average_uneven", {2, 3, 7, 5}, {3, 2}, false),
              adaptive("max_uneven", {2, 3, 7, 5}, {3, 4}, true),
              resized("nearest", {2, 3, 5, 4}, {7, 3}, {Interpolation::nearest, false}),
              resized("bilinear", {2, 3, 5, 4}, {9, 3}, {}),
              resized("bilinear_corners", {2, 3, 5, 4}, {9, 1}, {Interpolation::bilinear, true}),
              resized("bicubic", {1, 2, 5, 4}, {3, 9}, {Interpolation::bicubic, false}),
              resized("bicubic_corners", {1, 2, 5, 4}, {7, 7}, {Interpolation::bicubic, true}),
              sampled("bilinear", {}),
              sampled("bilinear_corners", {Interpolation::bilinear, true, false}),
              sampled("bilinear_border", {Interpolation::bilinear, false, true}),
              valuesOnly(sampled("nearest", {Interpolation::nearest, true, false})),
              oneDimension(),
              oneDimensionTransposed(),
          }};
}

} // namespace fovea::ops
