// Elements that are known when importing: numbers, and sizes that may depend on symbols. What shapes are computed from.
#pragma once

#include "lib/onnx/Graph.h"

#include <fovea/Tensor.h>

namespace fovea::onnx {

struct Known {
  Element element = Element::i64;
  std::vector<int64_t> shape;
  std::vector<Dim> integers; // of integers, and booleans as 0 and 1
  std::vector<double> reals; // of floats, in their own precision

  bool isReal() const {
    return element == Element::f32 || element == Element::f64 || element == Element::f16 || element == Element::bf16;
  }
  int64_t count() const { return static_cast<int64_t>(isReal() ? reals.size() : integers.size()); }
  /// An empty one of this type and shape.
  Known like(std::vector<int64_t> shape) const { return {element, std::move(shape), {}, {}}; }
  /// Appends an element of another one of the same type.
  void add(const Known &from, int64_t index);
};

/// Of this many elements at most are values computed when importing.
constexpr int64_t mostKnown = 4096;

/// The array's elements; nothing where they are too many, or of a type that the dialect does not have.
std::optional<Known> knownElements(const Array &array);

} // namespace fovea::onnx
