// Ops that move elements, alone and one after another.
#include "test/ops/Functions.h"
#include "test/ops/Naive.h"
#include "test/ops/Suites.h"

#include <algorithm>
#include <cmath>

namespace fovea::ops {

namespace {

Case view(const std::string &name, std::vector<Operand> operands, std::function<Value(const Build &, Values)> build,
          std::function<Array(const Arrays &)> reference) {
  Case result{name,
              operands,
              [=](const Build &to, Values v) { return SmallVector<Value>{build(to, v)}; },
              [=](const Arrays &a) { return Arrays{reference(a)}; },
              {}};
  result.gradient = operands[0].kind == Kind::real;
  return result;
}

mlir::Type elementOf(Value value) { return mlir::cast<RankedTensorType>(value.getType()).getElementType(); }

Case broadcast(const std::string &name, Operand x, const Shape &to) {
  return view(
      name, {x},
      [=](const Build &build, Values v) { return build.make<BroadcastOp>(build.type(to, elementOf(v[0])), v[0]); },
      [=](const Arrays &a) { return reference::broadcast_to(a[0], to); });
}
Case reshape(const std::string &name, Operand x, const Shape &to) {
  return view(
      name, {x},
      [=](const Build &build, Values v) { return build.make<ReshapeOp>(build.type(to, elementOf(v[0])), v[0]); },
      [=](const Arrays &a) { return reference::reshape(a[0], to); });
}
Case transpose(const std::string &name, Operand x, const Shape &permutation) {
  return view(
      name, {x}, [=](const Build &build, Values v) { return build.make<TransposeOp>(v[0], permutation); },
      [=](const Arrays &a) { return reference::transpose(a[0], permutation); });
}

Array sliced(const Array &x, int64_t axis, int64_t start, int64_t size, int64_t step) {
  Shape starts(x.rank(), 0), sizes = x.shape, steps(x.rank(), 1);
  starts[axis] = start, sizes[axis] = size, steps[axis] = step;
  return reference::slice(x, starts, sizes, steps);
}
Case slice(const std::string &name, Operand x, int64_t axis, int64_t start, int64_t size, int64_t step = 1) {
  return view(
      name, {x}, [=](const Build &build, Values v) { return build.make<SliceOp>(v[0], axis, start, size, step); },
      [=](const Arrays &a) { return sliced(a[0], axis, start, size, step); });
}

Array paddedWith(const Array &x, int64_t axis, int64_t low, int64_t high, int64_t step) {
  Shape shape = x.shape;
  shape[axis] = low + (shape[axis] - 1) * step + 1 + high;
  Array result(shape);
  reference::for_each_index(x.shape, [&](const Shape &index) {
    Shape at = index;
    at[axis] = low + index[axis] * step;
    result.at(at) = x.at(index);
  });
  return result;
}
Case pad(const std::string &name, Operand x, int64_t axis, int64_t low, int64_t high, int64_t step = 1) {
  return view(
      name, {x}, [=](const Build &build, Values v) { return build.make<PadOp>(v[0], axis, low, high, step); },
      [=](const Arrays &a) { return paddedWith(a[0], axis, low, high, step); });
}

Case concat(const std::string &name, std::vector<Operand> inputs, int64_t axis) {
  return view(
      name, inputs, [=](const Build &build, Values v) { return build.make<ConcatOp>(mlir::ValueRange(v), axis); },
      [=](const Arrays &a) { return reference::concat(a, axis); });
}

PanelsAttr panels(const Build &build, int64_t axis, int64_t size) {
  return PanelsAttr::get(build.builder.getContext(), axis, size);
}
/// x in full panels along an axis.
Case pack(const std::string &name, Operand x, int64_t axis, int64_t size) {
  return view(
      name, {x}, [=](const Build &build, Values v) { return build.make<PackOp>(v[0], panels(build, axis, size)); },
      [=](const Arrays &a) { return packed(a[0], axis, size); });
}
/// There and back, with an op between so that nothing folds; also where the last panel is not full.
Case unpack(const std::string &name, Operand x, int64_t axis, int64_t size) {
  return view(
      name, {x},
      [=](const Build &build, Values v) {
        Value packed = build.make<PackOp>(v[0], panels(build, axis, size));
        return build.make<UnpackOp>(v[0].getType(), build.make<AddOp>(packed, packed), panels(build, axis, size));
      },
      [=](const Arrays &a) {
        Array result = a[0];
        for (double &value : result.values) value *= 2;
        return result;
      });
}

/// An element on its own, over numbers of which the last vector has one.
Case quotientOfPad() {
  Case result = view(
      "pad_step_quotient", {{"a", {1}}, {"b", {17}, uniform(1, 3)}},
      [](const Build &build, Values v) { return build.make<DivOp>(build.make<PadOp>(v[0], 0, 15, 1, 2), v[1]); },
      [](const Arrays &a) {
        Array quotient = paddedWith(a[0], 0, 15, 1, 2);
        for (size_t i = 0; i != quotient.values.size(); ++i) quotient.values[i] /= a[1].values[i];
        return quotient;
      });
  result.bound = ulps(2);
  return result;
}

Case padOfGather() {
  return view(
      "pad_step_gather", {{"x", {2, 5}}, {"indices", {2}, whole(0, 5), Kind::i64}},
      [](const Build &build, Values v) {
        return build.make<PadOp>(build.make<GatherOp>(v[0], mlir::ValueRange(v.drop_front()), 1, 1), 0, 0, 0, 2);
      },
      [](const Arrays &a) { return paddedWith(gathered(a, 1, 1, NAN), 0, 0, 0, 2); });
}

/// Halves of a transposed and reshaped tensor, exchanged: a chain of views in one kernel.
Case chain() {
  return view(
      "chain", {{"x", {6, 5, 4}}},
      [](const Build &build, Values v) {
        Value t = build.make<TransposeOp>(v[0], Shape{2, 0, 1}), r = build.make<ReshapeOp>(build.type({8, 15}), t);
        Value low = build.make<SliceOp>(r, 0, 0, 4, 1), high = build.make<SliceOp>(r, 0, 4, 4, 1);
        return build.make<ConcatOp>(mlir::ValueRange{high, low}, 0);
      },
      [](const Arrays &a) {
        Array r = reference::reshape(reference::transpose(a[0], {2, 0, 1}), {8, 15});
        return reference::concat({sliced(r, 0, 4, 4, 1), sliced(r, 0, 0, 4, 1)}, 0);
      });
}

//===-- The builder's functions -----------------------------------------------------------------------------------===//

/// x at other places, one for each element of a result of this shape.
Case moved(const std::string &name, const Shape &x, const Shape &result, const Function &build,
           const std::function<Shape(Shape)> &from) {
  return function(name, {{"x", x}}, build,
                  [=](const Arrays &a) {
                    Array values(result);
                    reference::for_each_index(result, [&](const Shape &at) { values.at(at) = a[0].at(from(at)); });
                    return values;
                  },
                  {});
}

/// Two elements before and one behind the five of the second axis.
Case padded(const std::string &name, PadMode mode, const std::vector<int64_t> &places) {
  return moved(
      "pad_" + name, {3, 5}, {3, 8}, [=](const std::vector<Tensor> &v) { return fovea::pad(v[0], 1, 2, 1, mode); },
      [=](Shape at) {
        return Shape{at[0], places[at[1]]};
      });
}

Case paddedWith(double value) {
  return function(
      "pad_value", {{"x", {3, 5}}},
      [=](const std::vector<Tensor> &v) { return fovea::pad(v[0], 1, 2, 1, PadMode::constant, value); },
      [=](const Arrays &a) {
        return reference::pad(a[0], {0, 2}, {0, 1}, value);
      },
      {});
}

Case triangle(const std::string &name, int64_t k, bool upper) {
  return function(
      name, {{"x", {2, 5, 7}}}, [=](const std::vector<Tensor> &v) { return upper ? triu(v[0], k) : tril(v[0], k); },
      [=](const Arrays &a) {
        Array result = a[0];
        reference::for_each_index(result.shape, [&](const Shape &at) {
          if (upper ? at[2] - at[1] < k : at[2] - at[1] > k) result.at(at) = 0;
        });
        return result;
      },
      {});
}

Case splitParts() {
  return moved(
      "split", {3, 7}, {3, 6},
      [](const std::vector<Tensor> &v) {
        std::vector<Tensor> parts = split(v[0], {4, 1, 2}, 1);
        return fovea::concat({parts[2], parts[0]}, 1);
      },
      [](Shape at) {
        return Shape{at[0], at[1] < 2 ? at[1] + 5 : at[1] - 2};
      });
}

std::vector<Case> functionCases() {
  return {
      padded("reflect", PadMode::reflect, {2, 1, 0, 1, 2, 3, 4, 3}),
      padded("edge", PadMode::edge, {0, 0, 0, 1, 2, 3, 4, 4}),
      padded("wrap", PadMode::wrap, {3, 4, 0, 1, 2, 3, 4, 0}),
      paddedWith(-2.5),
      moved(
          "flip", {3, 5}, {3, 5}, [](const std::vector<Tensor> &v) { return flip(v[0], 1); },
          [](Shape at) {
            return Shape{at[0], 4 - at[1]};
          }),
      moved(
          "tile", {3, 5}, {6, 15},
          [](const std::vector<Tensor> &v) {
            return tile(v[0], {2, 3});
          },
          [](Shape at) {
            return Shape{at[0] % 3, at[1] % 5};
          }),
      splitParts(),
      triangle("tril", 0, false),
      triangle("tril_above", 2, false),
      triangle("triu_below", -1, true),
  };
}

} // namespace

Suite viewsSuite() {
  Suite suite{"Views",
              {
                  broadcast("broadcast_scalar", {"x", {}}, {3, 17}),
                  broadcast("broadcast_row", {"x", {17}}, {3, 17}),
                  broadcast("broadcast_column", {"x", {3, 1}}, {3, 59}),
                  broadcast("broadcast_middle", {"x", {2, 1, 3}}, {5, 2, 7, 3}),
                  broadcast("broadcast_i64", {"x", {1, 3}, whole(-9, 9), Kind::i64}, {17, 3}),
                  broadcast("broadcast_bool", {"x", {17}, whole(0, 2), Kind::boolean}, {3, 17}),
                  reshape("reshape_split", {"x", {6, 20}}, {2, 3, 4, 5}),
                  reshape("reshape_join", {"x", {3, 17, 2}}, {102}),
                  reshape("reshape_mix", {"x", {4, 9}}, {6, 6}),
                  reshape("reshape_ones", {"x", {1, 17, 1}}, {17, 1, 1, 1}),
                  reshape("reshape_to_scalar", {"x", {1, 1}}, {}),
                  reshape("reshape_from_scalar", {"x", {}}, {1, 1, 1}),
                  reshape("reshape_i32", {"x", {3, 5}, whole(-9, 9), Kind::i32}, {5, 3}),
                  transpose("transpose_matrix", {"x", {17, 59}}, {1, 0}),
                  transpose("transpose_heads", {"x", {2, 5, 3, 7}}, {0, 2, 1, 3}),
                  transpose("transpose_reverse", {"x", {3, 1, 17}}, {2, 1, 0}),
                  transpose("transpose_bool", {"x", {3, 17}, whole(0, 2), Kind::boolean}, {1, 0}),
                  slice("slice_last", {"x", {3, 59}}, 1, 7, 17),
                  slice("slice_first", {"x", {17, 3}}, 0, 16, 1),
                  slice("slice_step", {"x", {3, 59}}, 1, 1, 20, 2),
                  slice("slice_step_rows", {"x", {2, 17, 3}}, 1, 0, 6, 3),
                  slice("slice_i64", {"x", {17}, whole(-9, 9), Kind::i64}, 0, 3, 5),
                  pad("pad_last", {"x", {3, 17}}, 1, 2, 5),
                  pad("pad_first", {"x", {3, 17}}, 0, 0, 2),
                  pad("pad_step", {"x", {2, 5}}, 1, 1, 0, 3),
                  pad("pad_step_rows", {"x", {5, 3}}, 0, 0, 4, 2),
                  quotientOfPad(),
                  padOfGather(),
                  pad("pad_i32", {"x", {17}, whole(1, 9), Kind::i32}, 0, 1, 1),
                  concat("concat_last", {{"a", {3, 17}}, {"b", {3, 1}}, {"c", {3, 59}}}, 1),
                  concat("concat_first", {{"a", {1, 17}}, {"b", {3, 17}}}, 0),
                  concat("concat_middle", {{"a", {2, 3, 5}}, {"b", {2, 1, 5}}}, 1),
                  concat("concat_i64", {{"a", {3}, whole(-9, 9), Kind::i64}, {"b", {5}, whole(-9, 9), Kind::i64}}, 0),
                  pack("pack_columns", {"x", {3, 24}}, 1, 8),
                  pack("pack_rows", {"x", {6, 5, 7}}, 0, 2),
                  pack("pack_i32", {"x", {3, 6}, whole(-9, 9), Kind::i32}, 1, 3),
                  unpack("unpack_columns", {"x", {17, 59}}, 1, 16),
                  unpack("unpack_rows", {"x", {17, 3, 5}}, 0, 4),
                  unpack("unpack_middle", {"x", {2, 17, 3}}, 1, 32),
                  chain(),
              }};
  std::vector<Case> functions = functionCases();
  suite.cases.insert(suite.cases.end(), functions.begin(), functions.end());
  return suite;
}

} // namespace fovea::ops
