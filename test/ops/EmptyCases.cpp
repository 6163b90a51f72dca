// Tensors without elements: read, written, cut off, put together, summed.
#include "test/ops/Functions.h"
#include "test/ops/Suites.h"

#include <cmath>

namespace fovea::ops {

namespace {

Case single(const std::string &name, std::vector<Operand> operands, std::function<Value(const Build &, Values)> build,
            const Array &result) {
  return valuesOnly({name,
                     operands,
                     [=](const Build &to, Values v) { return SmallVector<Value>{build(to, v)}; },
                     [=](const Arrays &) { return Arrays{result}; },
                     {}});
}

const Operand nothing{"x", {2, 0, 3}};

/// x beside a part of it that has no elements, whose gradient is nothing.
Case cutOff() {
  return {"cut_off",
          {{"x", {3, 5}}},
          [](const Build &build, Values v) {
            Value none = build.make<SliceOp>(v[0], 1, 5, 0, 1);
            return SmallVector<Value>{build.make<ConcatOp>(mlir::ValueRange{none, v[0], none}, 1)};
          },
          [](const Arrays &a) { return a; },
          {}};
}

} // namespace

Suite emptySuite() {
  return {
      "Empty",
      {
          single(
              "sum", {nothing}, [](const Build &b, Values v) { return b.make<SumOp>(v[0], Shape{1}, false); },
              Array({2, 3}, 0)),
          single(
              "prod", {nothing}, [](const Build &b, Values v) { return b.make<ProdOp>(v[0], Shape{1}, true); },
              Array({2, 1, 3}, 1)),
          single(
              "max", {nothing},
              [](const Build &b, Values v) {
                return b.make<MaxOp>(v[0], Shape{0, 1}, false);
              },
              Array({3}, -INFINITY)),
          single(
              "max_i32", {{"x", {0}, whole(0, 1), Kind::i32}},
              [](const Build &b, Values v) { return b.make<MaxOp>(v[0], Shape{0}, false); }, Array(Shape{}, -0x1p31)),
          single(
              "log_sum_exp", {{"x", {3, 0}}}, [](const Build &b, Values v) { return b.make<LogSumExpOp>(v[0]); },
              Array({3}, -INFINITY)),
          single(
              "exp", {nothing}, [](const Build &b, Values v) { return b.make<ExpOp>(v[0]); }, Array({2, 0, 3})),
          single(
              "add", {nothing, {"y", {1, 3}}}, [](const Build &b, Values v) { return b.make<AddOp>(v[0], v[1]); },
              Array({2, 0, 3})),
          single(
              "softmax", {{"x", {3, 0}}}, [](const Build &b, Values v) { return b.make<SoftmaxOp>(v[0]); },
              Array({3, 0})),
          single(
              "matmul", {{"a", {3, 0}}, {"b", {0, 5}}},
              [](const Build &b, Values v) { return b.make<MatmulOp>(v[0], v[1], false, false); }, Array({3, 5}, 0)),
          single(
              "pad", {nothing},
              [](const Build &b, Values v) { return b.make<PadOp>(v[0], 1, 2, 1, 1, llvm::APFloat(0.5)); },
              Array({2, 3, 3}, 0.5)),
          single(
              "gather", {nothing, {"i", {4}, whole(0, 3), Kind::i64}},
              [](const Build &b, Values v) { return b.make<GatherOp>(v[0], mlir::ValueRange(v[1]), 1); },
              Array({2, 4, 3}, NAN)),
          single(
              "scatter", {{"x", {2}, cycle({1, 2})}, {"i", {0}, whole(0, 2), Kind::i64}, {"u", {0}}},
              [](const Build &b, Values v) {
                return b.make<ScatterOp>(v[0].getType(), v[0], mlir::ValueRange(v[1]), v[2], 0, 0, "add");
              },
              Array({2}, {1, 2})),
          single(
              "sort", {{"x", {3, 0}}}, [](const Build &b, Values v) { return b.make<SortOp>(v[0], false); },
              Array({3, 0})),
          cutOff(),
      }};
}

} // namespace fovea::ops
