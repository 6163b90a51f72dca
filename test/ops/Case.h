// A numeric case: ops under test built from operands, and the naive reference for their results.
#pragma once

#include "dialect/Ops.h"
#include "dialect/Shape.h"
#include "test/reference/Reference.h"

#include <functional>
#include <string>
#include <vector>

namespace fovea::ops {

using reference::Array;
using reference::Shape;

/// Stands in a shape for the symbolic size B.
constexpr int64_t batch = -1;

/// The element type that a suite runs in.
enum class Precision { f32, f64, f16, bf16 };
inline bool isLow(Precision precision) { return precision == Precision::f16 || precision == Precision::bf16; }
inline const char *nameOf(Precision precision) {
  constexpr const char *names[] = {"F32", "F64", "F16", "BF16"};
  return names[(int)precision];
}

/// `real` is the element type that a suite runs in.
enum class Kind { real, i32, i64, boolean };

/// An element from its row-major index and a draw in [0, 1).
using Fill = std::function<double(int64_t index, double draw)>;
inline Fill uniform(double low, double high) {
  return [=](int64_t, double draw) { return low + draw * (high - low); };
}
/// Whole numbers of [low, high).
inline Fill whole(int64_t low, int64_t high) {
  return [=](int64_t, double draw) { return low + (int64_t)(draw * (high - low)); };
}
/// These values, over and over.
inline Fill cycle(std::vector<double> values) {
  return [=](int64_t index, double) { return values[index % values.size()]; };
}
/// Different numbers of [-2, 2), far enough apart for differences: no ties.
inline double distinctAt(int64_t index) { return (index * 7919 % 10007) / 2501.75 - 2; }
inline Fill distinct() {
  return [](int64_t index, double) { return distinctAt(index); };
}

struct Operand {
  std::string name;
  Shape shape;
  Fill fill = uniform(-2, 2);
  Kind kind = Kind::real;
};

/// Where a case builds its ops.
struct Build {
  mlir::OpBuilder &builder;
  Shapes &shapes;
  mlir::Type real;

  /// The type of a shape in which `batch` may stand; `real` without an element type.
  RankedTensorType type(const Shape &shape, mlir::Type element = {}) const;
  template <typename Op, typename... Arguments> Op op(Arguments &&...arguments) const {
    return Op::create(builder, builder.getUnknownLoc(), std::forward<Arguments>(arguments)...);
  }
  template <typename Op, typename... Arguments> Value make(Arguments &&...arguments) const {
    return op<Op>(std::forward<Arguments>(arguments)...)->getResult(0);
  }
};

/// A result may be wrong by `f64` or `f32` times the larger of its value and `floor`, and may be zero where it is
/// denormal. In low precision it may be wrong by twice the rounding of one operation beside that of f32.
struct Bound {
  double f64 = 0, f32 = 0, floor = 0;
};

using Values = llvm::ArrayRef<Value>;
using Arrays = std::vector<Array>;

struct Case {
  std::string name;
  std::vector<Operand> operands;
  std::function<SmallVector<Value>(const Build &, Values)> build;
  std::function<Arrays(const Arrays &)> reference;
  Bound bound;
  /// Whether the gradients of real operands with constant sizes are compared with differences of the reference.
  bool gradient = true;
  /// Of gradients, relative to the largest one of the operand.
  double gradientF64 = 1e-6, gradientF32 = 1e-4;
  bool signedZeros = false; // whether -0.0 must be -0.0
  /// What the results are in training, in the first call of a model with seed 1, where that differs.
  std::function<Arrays(const Arrays &)> trained = {};
  bool composed = false; // of several ops: not run in low precision, where each of them rounds
  bool wideOnly = false; // run in f64 alone: of ops that have cases in every precision
  /// How often the plain low-precision formula of a gradient rounds on its way: a result, at least.
  int gradientRoundings = 1;
  /// Gradients smaller than this are compared as if they were as large: where their terms cancel, what is rounded is
  /// larger than what is left.
  double lowGradientFloor = 1e-3;
  double gradientFloor = 1e-3; // the same in f32 and f64
  /// Of many ops, in place of the bounds above: the results where each op is wrong by its rounding in f32, up or down
  /// as the seed has it. How far they are from the reference gives the bounds. Gradients are compared along a random
  /// direction.
  std::function<Arrays(const Arrays &, uint64_t seed)> rounded = {};
};

inline bool runsIn(const Case &each, Precision precision) {
  return !(each.composed && isLow(precision)) && !(each.wideOnly && precision != Precision::f64);
}

/// Attention's gradient rounds the probabilities, their cotangents and the result.
constexpr int attentionGradientRoundings = 3;

struct Suite {
  std::string name;
  std::vector<Case> cases;
};

constexpr double epsilon32 = 1.1920928955078125e-7, epsilon64 = 2.220446049250313e-16;
/// So many units in the last place.
inline Bound ulps(double count, double floor = 0) { return {count * epsilon64, count * epsilon32, floor}; }

} // namespace fovea::ops
