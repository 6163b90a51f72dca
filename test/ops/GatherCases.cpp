// Lookups and updates by index, in range and out of it.
#include "test/ops/Functions.h"
#include "test/ops/Naive.h"
#include "test/ops/Suites.h"

#include <algorithm>
#include <cmath>

namespace fovea::ops {

namespace {

struct Reduction {
  const char *name;
  Combine combine;
};
const Reduction assign{"assign", [](double, double update) { return update; }},
    add{"add", [](double old, double update) { return old + update; }},
    multiply{"multiply", [](double old, double update) { return old * update; }},
    maximum{"maximum", [](double old, double update) { return std::max(old, update); }},
    minimum{"minimum", [](double old, double update) { return std::min(old, update); }};

/// Operands: x, then the indices.
Case gather(const std::string &name, std::vector<Operand> operands, int64_t axis, int64_t batch = 0) {
  double outside = operands[0].kind == Kind::real ? NAN : 0;
  return {"gather_" + name,
          operands,
          [=](const Build &build, Values v) {
            return SmallVector<Value>{build.make<GatherOp>(v[0], mlir::ValueRange(v.drop_front()), axis, batch)};
          },
          [=](const Arrays &a) { return Arrays{gathered(a, axis, batch, outside)}; },
          {}};
}

/// Operands: x, the indices, the updates.
Case scatter(const std::string &name, std::vector<Operand> operands, const Reduction &reduction, int64_t axis,
             int64_t batch = 0) {
  Case result{"scatter_" + name, operands,
              [=](const Build &build, Values v) {
                return SmallVector<Value>{build.make<ScatterOp>(v[0].getType(), v[0],
                                                                mlir::ValueRange(v.drop_front().drop_back()), v.back(),
                                                                axis, batch, reduction.name)};
              },
              [=](const Arrays &a) { return Arrays{scattered(a, axis, batch, reduction.combine)}; }, ulps(8, 4)};
  return result;
}

Case oneHot(const std::string &name, Operand indices, int64_t classes, bool integer = false) {
  Shape shape = indices.shape;
  shape.push_back(classes);
  Case result{"one_hot_" + name,
              {indices},
              [=](const Build &build, Values v) {
                mlir::Type element = integer ? mlir::Type(build.builder.getI64Type()) : build.real;
                return SmallVector<Value>{build.make<OneHotOp>(build.type(shape, element), v[0])};
              },
              [=](const Arrays &a) {
                Array hot(shape);
                for (int64_t at = 0; at < hot.size(); ++at) hot.values[at] = a[0].values[at / classes] == at % classes;
                return Arrays{hot};
              },
              {}};
  result.gradient = false;
  return result;
}

/// gelu's derivative at numbers that a compiler sees to be 0 and 1.
Case oneHotSlope() {
  Case result = oneHot("slope", {"i", {17}, whole(0, 5), Kind::i32}, 5);
  auto build = result.build;
  result.build = [=](const Build &to, Values v) { return SmallVector<Value>{to.make<GeluSlopeOp>(build(to, v)[0])}; };
  auto naive = result.reference;
  result.reference = [=](const Arrays &a) {
    return Arrays{reference::unary(naive(a)[0], [](double x) {
      return 0.5 * std::erfc(-x * M_SQRT1_2) + x * std::exp(-0.5 * x * x) / std::sqrt(2 * M_PI);
    })};
  };
  result.bound = ulps(8, 16);
  return result;
}

/// A product whose rows are looked up in another order: nothing of the kernel lies at the look-up's own coordinates.
Case gatherOfProduct() {
  return {"gather_of_product",
          {{"a", {17, 5}}, {"b", {5, 3}}, {"i", {17}, [](int64_t at, double) { return 16 - at; }, Kind::i64}},
          [](const Build &build, Values v) {
            return SmallVector<Value>{build.make<GatherOp>(build.make<MatmulOp>(v[0], v[1], false, false), v[2], 0, 0)};
          },
          [](const Arrays &a) {
            return Arrays{gathered({reference::matmul(a[0], a[1]), a[2]}, 0, 0, NAN)};
          },
          ulps(8, 16)};
}

/// Different places, for assignments that are differentiated.
Fill places(int64_t step, int64_t size) {
  return [=](int64_t at, double) { return (double)(at * step % size); };
}

//===-- The builder's functions -----------------------------------------------------------------------------------===//

Case gatherElements(int64_t axis) {
  return function(
      "gather_elements_" + std::to_string(axis), {{"x", {3, 5, 4}}, {"i", {3, 5, 4}, whole(0, 3), Kind::i64}},
      [=](const std::vector<Tensor> &v) { return gather_elements(v[0], v[1], axis); },
      [=](const Arrays &a) {
        Array result(a[1].shape);
        reference::for_each_index(result.shape, [&](const Shape &at) {
          Shape from = at;
          from[axis] = (int64_t)a[1].at(at);
          result.at(at) = a[0].at(from);
        });
        return result;
      },
      {});
}

Case scatterElements() {
  return function(
      "scatter_elements", {{"x", {5, 3}}, {"i", {4, 3}, whole(0, 5), Kind::i32}, {"u", {4, 3}}},
      [](const std::vector<Tensor> &v) { return scatter_elements(v[0], v[1], v[2], 0, Scatter::add); },
      [](const Arrays &a) {
        Array result = a[0];
        reference::for_each_index(a[1].shape, [&](const Shape &at) {
          result.at({(int64_t)a[1].at(at), at[1]}) += a[2].at(at);
        });
        return result;
      },
      ulps(8, 4));
}

/// Coordinates (row, column) of x (2, 5, 4, 3), one pair for each of (2, 3).
const Fill pairs = [](int64_t at, double draw) { return (double)(int64_t)(draw * (at % 2 ? 4 : 5)); };

Case gatherNd() {
  return function(
      "gather_nd", {{"x", {2, 5, 4, 3}}, {"i", {2, 3, 2}, pairs, Kind::i64}},
      [](const std::vector<Tensor> &v) { return gather_nd(v[0], v[1], 1); },
      [](const Arrays &a) {
        Array result({2, 3, 3});
        reference::for_each_index(result.shape, [&](const Shape &at) {
          auto coordinate = [&](int64_t k) { return (int64_t)a[1].at({at[0], at[1], k}); };
          result.at(at) = a[0].at({at[0], coordinate(0), coordinate(1), at[2]});
        });
        return result;
      },
      {});
}

Case scatterNd() {
  return function(
      "scatter_nd", {{"x", {5, 4, 3}}, {"i", {7, 2}, pairs, Kind::i64}, {"u", {7, 3}}},
      [](const std::vector<Tensor> &v) { return scatter_nd(v[0], v[1], v[2], 0, Scatter::add); },
      [](const Arrays &a) {
        Array result = a[0];
        reference::for_each_index({7, 3}, [&](const Shape &at) {
          result.at({(int64_t)a[1].at({at[0], 0}), (int64_t)a[1].at({at[0], 1}), at[1]}) += a[2].at(at);
        });
        return result;
      },
      ulps(8, 4));
}

} // namespace

Suite gatherSuite() {
  return {
      "Gather",
      {
          gather("one", {{"x", {1, 1}}, {"i", {1}, whole(0, 1), Kind::i32}}, 0),
          gather("rows", {{"x", {17, 3}}, {"i", {59}, whole(0, 17), Kind::i32}}, 0),
          gather("wide", {{"x", {7, 113}}, {"i", {3, 5}, whole(0, 7), Kind::i64}}, 0),
          gather("scalar", {{"x", {5, 17}}, {"i", {}, whole(0, 5), Kind::i64}}, 0),
          gather("columns", {{"x", {3, 17}}, {"i", {2, 5}, whole(0, 17), Kind::i64}}, 1),
          gather("middle", {{"x", {3, 7, 5}}, {"i", {4}, whole(0, 7), Kind::i32}}, 1),
          gather("vector", {{"x", {113}}, {"i", {59}, whole(0, 113), Kind::i64}}, 0),
          gather("batch", {{"x", {3, 5, 7}}, {"i", {3, 4}, whole(0, 5), Kind::i64}}, 1, 1),
          gather("batch_before_axis", {{"x", {3, 2, 5}}, {"i", {3, 4}, whole(0, 5), Kind::i64}}, 2, 1),
          gather("pairs", {{"x", {5, 7, 3}}, {"i", {9}, whole(0, 5), Kind::i64}, {"j", {9}, whole(0, 7), Kind::i64}},
                 0),
          valuesOnly(gather("i64", {{"x", {5, 3}, whole(-9, 9), Kind::i64}, {"i", {4}, whole(-1, 6), Kind::i64}}, 0)),
          valuesOnly(
              gather("boolean", {{"x", {5, 3}, whole(0, 2), Kind::boolean}, {"i", {4}, whole(0, 5), Kind::i32}}, 0)),
          valuesOnly(gather("outside", {{"x", {5, 17}}, {"i", {4}, cycle({-1, 4, 5, 1e9}), Kind::i64}}, 0)),
          gatherOfProduct(),
          scatter("add_rows", {{"x", {7, 113}}, {"i", {17}, whole(0, 7), Kind::i64}, {"u", {17, 113}}}, add, 0),
          scatter("add_vector", {{"x", {5}}, {"i", {59}, whole(0, 5), Kind::i32}, {"u", {59}}}, add, 0),
          scatter("add_long_vector", {{"x", {200}}, {"i", {700}, whole(0, 200), Kind::i32}, {"u", {700}}}, add, 0),
          scatter("add_columns", {{"x", {3, 17}}, {"i", {2, 5}, whole(0, 17), Kind::i64}, {"u", {3, 2, 5}}}, add, 1),
          scatter("add_batch", {{"x", {3, 5, 7}}, {"i", {3, 4}, whole(0, 5), Kind::i64}, {"u", {3, 4, 7}}}, add, 1, 1),
          scatter("add_elements", {{"x", {3, 2, 5}}, {"i", {3, 2, 9}, whole(0, 5), Kind::i64}, {"u", {3, 2, 9}}}, add,
                  2, 2),
          scatter(
              "add_pairs",
              {{"x", {3, 2, 5}}, {"i", {9}, whole(0, 3), Kind::i64}, {"j", {9}, whole(0, 2), Kind::i64}, {"u", {9, 5}}},
              add, 0),
          scatter("add_scalar", {{"x", {3, 5}}, {"i", {}, whole(0, 3), Kind::i64}, {"u", {5}}}, add, 0),
          scatter("add_outside", {{"x", {5, 3}}, {"i", {4}, cycle({-1, 4, 5, 1e9}), Kind::i64}, {"u", {4, 3}}}, add, 0),
          valuesOnly(scatter("add_i64",
                             {{"x", {5}, whole(-9, 9), Kind::i64},
                              {"i", {17}, whole(0, 5), Kind::i64},
                              {"u", {17}, whole(-9, 9), Kind::i64}},
                             add, 0)),
          scatter("assign", {{"x", {17, 3}}, {"i", {5}, places(7, 17), Kind::i64}, {"u", {5, 3}}}, assign, 0),
          valuesOnly(
              scatter("assign_last", {{"x", {3, 5}}, {"i", {17}, whole(0, 3), Kind::i64}, {"u", {17, 5}}}, assign, 0)),
          valuesOnly(
              scatter("multiply", {{"x", {5, 3}}, {"i", {9}, whole(0, 5), Kind::i64}, {"u", {9, 3}}}, multiply, 0)),
          valuesOnly(
              scatter("maximum", {{"x", {5, 3}}, {"i", {9}, whole(0, 5), Kind::i64}, {"u", {9, 3}}}, maximum, 0)),
          valuesOnly(
              scatter("minimum", {{"x", {5, 3}}, {"i", {9}, whole(0, 5), Kind::i64}, {"u", {9, 3}}}, minimum, 0)),
          gatherElements(0),
          gatherElements(1),
          gatherElements(2),
          scatterElements(),
          gatherNd(),
          scatterNd(),
          oneHot("rows", {"i", {3, 5}, whole(0, 17), Kind::i32}, 17),
          oneHot("outside", {"i", {4}, cycle({-1, 0, 2, 3}), Kind::i64}, 3),
          oneHot("integer", {"i", {17}, whole(0, 59), Kind::i64}, 59, true),
          oneHotSlope(),
          oneHot("scalar", {"i", {}, whole(0, 3), Kind::i32}, 3),
      }};
}

} // namespace fovea::ops
