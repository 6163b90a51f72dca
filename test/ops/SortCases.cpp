// Sorting: ties, NaN, both directions.
#include "test/ops/Functions.h"
#include "test/ops/Suites.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fovea::ops {

namespace {

/// Where the elements of the last dimension's rows are in order; NaN is above all, and equal ones stay.
Array order(const Array &x, bool descending) {
  Array result(x.shape);
  int64_t size = x.shape.back();
  auto below = [](double a, double b) { return std::isnan(b) ? !std::isnan(a) : a < b; };
  for (int64_t row = 0; row < x.size(); row += size) {
    std::vector<int64_t> places(size);
    std::iota(places.begin(), places.end(), 0);
    std::stable_sort(places.begin(), places.end(), [&](int64_t i, int64_t j) {
      double a = x.values[row + i], b = x.values[row + j];
      return descending ? below(b, a) : below(a, b);
    });
    std::copy(places.begin(), places.end(), result.values.begin() + row);
  }
  return result;
}

Array inOrder(const Array &x, const Array &places) {
  Array result(x.shape);
  int64_t size = x.shape.back();
  for (int64_t at = 0; at < x.size(); ++at) result.values[at] = x.values[at / size * size + (int64_t)places.values[at]];
  return result;
}

/// The elements in order and where they were.
Case sort(const std::string &name, Operand x, bool descending = false) {
  return valuesOnly({"sort_" + name,
                     {x},
                     [=](const Build &build, Values v) {
                       auto op = build.op<SortOp>(v[0], descending);
                       return SmallVector<Value>{op.getResult(), op.getIndices()};
                     },
                     [=](const Arrays &a) {
                       Array places = order(a[0], descending);
                       return Arrays{inOrder(a[0], places), places};
                     },
                     {}},
                    true);
}

/// The elements in order alone, which have a gradient.
Case sortValues(const std::string &name, const Shape &x, bool descending) {
  return {"sort_values_" + name,
          {{"x", x, distinct()}},
          [=](const Build &build, Values v) { return SmallVector<Value>{build.make<SortOp>(v[0], descending)}; },
          [=](const Arrays &a) { return Arrays{inOrder(a[0], order(a[0], descending))}; },
          {}};
}

Case topK(const std::string &name, int64_t axis, bool largest) {
  return function(
      "top_k_" + name, {{"x", {5, 17}, distinct()}},
      [=](const std::vector<Tensor> &v) { return top_k(v[0], 3, axis, largest).values; },
      [=](const Arrays &a) {
        Array rows = axis == 1 ? a[0] : reference::transpose(a[0], {1, 0});
        Array sorted = inOrder(rows, order(rows, largest));
        Array top = reference::slice(sorted, {0, 0}, {sorted.shape[0], 3}, {1, 1});
        return axis == 1 ? top : reference::transpose(top, {1, 0});
      },
      {});
}

} // namespace

Suite sortSuite() {
  Fill special = cycle({1, NAN, -INFINITY, 0.0, -0.0, INFINITY, -1, 1, NAN, -1e-30, 1e-30});
  return {"Sort",
          {
              sort("1", {"x", {3, 1}, distinct()}),
              sort("17", {"x", {3, 17}, distinct()}),
              sort("falling", {"x", {2, 3, 59}, distinct()}, true),
              sort("vector", {"x", {113}, distinct()}),
              sort("ties", {"x", {3, 59}, whole(-3, 3)}),
              sort("ties_falling", {"x", {3, 59}, whole(-3, 3)}, true),
              sort("i64", {"x", {5, 17}, whole(-99, 99), Kind::i64}),
              sort("i32", {"x", {5, 17}, whole(-9, 9), Kind::i32}, true),
              sort("special", {"x", {2, 11}, special}),
              sort("special_falling", {"x", {2, 11}, special}, true),
              sortValues("17", {3, 17}, false),
              sortValues("falling", {2, 3, 59}, true),
              topK("largest", 1, true),
              topK("smallest", 1, false),
              topK("columns", 0, true),
          }};
}

} // namespace fovea::ops
