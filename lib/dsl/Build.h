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

/// A tensor's element type, as messages name it.
std::string elementText(const Tensor &tensor);

/// An axis counted from the front, below x's rank or `rank`.
int64_t frontAxis(const char *op, const Located &x, int64_t axis);
int64_t frontAxis(const char *op, const Located &x, int64_t axis, int64_t rank);

} // namespace fovea::dsl
