// Arrays of f64 to bytes of a precision, and back.
#pragma once

#include "test/ops/Case.h"
#include "test/ops/Library.h"

#include "llvm/ADT/APFloat.h"

namespace fovea::ops {

const llvm::fltSemantics &semanticsOf(Precision precision);
llvm::APFloat roundedTo(double value, const llvm::fltSemantics &semantics);

Bytes encode(const Array &array, mlir::Type element);
std::vector<double> decode(const Bytes &bytes, mlir::Type element);

} // namespace fovea::ops
