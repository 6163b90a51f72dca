// Lookups by index, in range and out of it.
#include "test/ops/Suites.h"

#include <cmath>

namespace fovea::ops {

namespace {

/// An index outside the table gives NaN; the reference refuses it.
Array looked(const Array &table, const Array &indices) {
  Array inside = indices;
  for (double &index : inside.values) index = index >= 0 && index < table.shape[0] ? index : 0;
  Array result = reference::embedding(table, inside);
  int64_t width = table.shape[1];
  for (int64_t at = 0; at < result.size(); ++at)
    if (inside.values[at / width] != indices.values[at / width]) result.values[at] = NAN;
  return result;
}

Case embedding(const std::string &name, Operand table, Operand indices) {
  return {"embedding_" + name,
          {table, indices},
          [](const Build &build, Values v) { return SmallVector<Value>{build.make<EmbeddingOp>(v[0], v[1])}; },
          [](const Arrays &a) { return Arrays{looked(a[0], a[1])}; },
          {}};
}
Case outOfRange(Case of) {
  of.gradient = false;
  return of;
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

} // namespace

Suite gatherSuite() {
  return {"Gather",
          {
              embedding("one", {"table", {1, 1}}, {"i", {1}, whole(0, 1), Kind::i32}),
              embedding("rows", {"table", {17, 3}}, {"i", {59}, whole(0, 17), Kind::i32}),
              embedding("wide", {"table", {7, 113}}, {"i", {3, 5}, whole(0, 7), Kind::i64}),
              embedding("scalar", {"table", {5, 17}}, {"i", {}, whole(0, 5), Kind::i64}),
              outOfRange(embedding("outside", {"table", {5, 17}}, {"i", {4}, cycle({-1, 4, 5, 1e9}), Kind::i64})),
              oneHot("rows", {"i", {3, 5}, whole(0, 17), Kind::i32}, 17),
              oneHot("outside", {"i", {4}, cycle({-1, 0, 2, 3}), Kind::i64}, 3),
              oneHot("integer", {"i", {17}, whole(0, 59), Kind::i64}, 59, true),
              oneHot("scalar", {"i", {}, whole(0, 3), Kind::i32}, 3),
          }};
}

} // namespace fovea::ops
