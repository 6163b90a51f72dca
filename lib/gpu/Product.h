// What a kernel of this provider computes.
#pragma once

#include "dialect/Ops.h"

#include <optional>

namespace fovea::gpu {

/// A matrix in memory, with columns side by side, or one row.
struct Matrix {
  unsigned argument = 0; // of the kernel; of a result, its number
  int64_t stride = 0;    // elements from row to row
  bool isF32 = false;    // else bf16
  bool isRow = false;
};

enum class Activation { none, relu, gelu };

/// result = activation(a * b + addends), which are added in order, matrices or rows: a is (rows, depth) and b (depth,
/// columns), or (columns, depth) where it is transposed. Elements of a and b that are f32 are rounded to bf16 first;
/// sums are f32. An addend may be where the result goes.
struct Product {
  Matrix a, b, result;
  SmallVector<Matrix, 2> addends;
  Activation activation = Activation::none;
  bool transposedB = false;
  int64_t columns = 0, depth = 0;
  DimsAttr rows; // one expression

  /// The whole computation of a kernel, or none if it is something else.
  static std::optional<Product> of(KernelOp kernel);
};

} // namespace fovea::gpu
