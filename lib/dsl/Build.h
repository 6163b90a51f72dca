// How functions of tensors add ops.
#pragma once

#include "lib/dsl/Program.h"

namespace fovea::dsl {

inline Value valueOf(const Tensor &tensor) { return Program::value(tensor); }

/// Adds an op and gives its first result.
template <typename Op, typename... Arguments> Tensor apply(Program &program, Site site, Arguments &&...arguments) {
  return program.tensor(program.make<Op>(site, std::forward<Arguments>(arguments)...)->getResult(0));
}
template <typename Op> Tensor unary(const Located &x) { return apply<Op>(Program::of(x), x.site, valueOf(x)); }

/// Two operands as tensors of one element type and model, with their program.
struct Pair {
  Program *program;
  Site site;
  Tensor a, b;
  /// `owner` is the program of two numbers.
  Pair(const char *op, const Operand &left, const Operand &right, Program *owner = nullptr);
};

/// Numbers as a constant of an element type: floats are rounded, integers and booleans must hold them.
Tensor constant(Program &program, Site site, ArrayRef<int64_t> shape, ArrayRef<double> values, mlir::Type element);
/// Indices, of type i64.
Tensor constant(Program &program, Site site, ArrayRef<int64_t> shape, ArrayRef<int64_t> values);

/// Fails where a table of places or weights would be longer than 2^20: tables are constants, written out number by
/// number.
void checkTable(const char *op, const Located &x, int64_t size);

/// x with an axis, counted from the front, and the last one exchanged, which is its own inverse.
Tensor exchange(const Located &x, int64_t axis);

/// The size of an axis, which must be a number; `op` says so.
int64_t constantSize(const char *op, const Located &x, int64_t axis);

/// A tensor's element type, as messages name it.
std::string elementText(const Tensor &tensor);

/// An axis counted from the front, below x's rank or `rank`.
int64_t frontAxis(const char *op, const Located &x, int64_t axis);
int64_t frontAxis(const char *op, const Located &x, int64_t axis, int64_t rank);

} // namespace fovea::dsl
