// What a kernel of this provider computes.
#pragma once

#include "dialect/Ops.h"

#include <optional>

namespace fovea::gpu {

/// A matrix or a row in memory, with columns side by side.
struct Matrix {
  unsigned argument = 0; // of the kernel
  int64_t stride = 0;    // elements from row to row
  bool isF32 = false;    // else bf16
};

/// result = a * b, + bias where there is one: a is (rows, depth) and b (depth, columns), or (columns, depth) where it
/// is transposed. Elements of a and b that are f32 are rounded to bf16 first; sums are f32.
struct Product {
  Matrix a, b, result;
  std::optional<Matrix> bias;
  bool transposedB = false;
  int64_t columns = 0, depth = 0;
  DimsAttr rows; // one expression

  /// The whole computation of a kernel, or none if it is something else.
  static std::optional<Product> of(KernelOp kernel);
};

} // namespace fovea::gpu
