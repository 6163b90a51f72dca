// What Halide's OpenCL C would get wrong.
#pragma once

#include "Halide.h"

#include <cstring>

namespace fovea {

/// Constants of f64 by their bits: Halide writes them as floats.
class DoublesByBits : public Halide::Internal::IRMutator {
  using IRMutator::visit;
  Halide::Expr visit(const Halide::Internal::FloatImm *constant) override {
    if (constant->type != Halide::Float(64) || double(float(constant->value)) == constant->value) return constant;
    int64_t bits;
    std::memcpy(&bits, &constant->value, sizeof bits);
    return Halide::reinterpret<double>(Halide::Internal::make_const(Halide::Int(64), bits));
  }
};

} // namespace fovea
