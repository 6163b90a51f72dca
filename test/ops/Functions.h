// The builder's functions as cases: what they compose, and its slope.
#pragma once

#include "test/ops/Case.h"

#include <fovea/Functions.h>
#include <fovea/Model.h>

namespace fovea::ops {

using Function = std::function<Tensor(const std::vector<Tensor> &)>;
/// Of a model, whose parameters it makes.
using Block = std::function<Tensor(const Model &, const std::vector<Tensor> &)>;

/// A case whose one result is the function of its operands.
Case function(const std::string &name, std::vector<Operand> operands, const Function &function,
              std::function<Array(const Arrays &)> reference, Bound bound);

/// The same, where the block's parameters are the operands of their names.
Case block(const std::string &name, std::vector<Operand> operands, const Block &block,
           std::function<Array(const Arrays &)> reference, Bound bound);

/// The gradient of the function's sum in operand `which`, as the result of a case, where it is not that of the values.
Case gradientOf(const std::string &name, std::vector<Operand> operands, size_t which, const Function &function,
                const std::function<Array(const Arrays &)> &reference, Bound bound);

/// The gradient of the function's sum in its one operand, as the result of a case: for values where differences do not
/// give it.
Case slope(const std::string &name, Operand x, const Function &function, const std::function<double(double)> &reference,
           Bound bound);

/// Of several ops, or with a gradient of several: not run in low precision, where each of them rounds.
Case composed(Case of);

/// In f64 alone, but for those of these names.
std::vector<Case> mostlyWide(std::vector<Case> cases, const std::vector<std::string> &others);

/// Without a gradient, and with -0.0 told from 0.0 where `signedZeros`.
Case valuesOnly(Case of, bool signedZeros = false);

} // namespace fovea::ops
