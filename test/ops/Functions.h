// The builder's functions as cases: what they compose, and its slope.
#pragma once

#include "test/ops/Case.h"

#include <fovea/Functions.h>

namespace fovea::ops {

using Function = std::function<Tensor(const std::vector<Tensor> &)>;

/// A case whose one result is the function of its operands.
Case function(const std::string &name, std::vector<Operand> operands, const Function &function,
              std::function<Array(const Arrays &)> reference, Bound bound);

/// The gradient of the function's sum in its one operand, as the result of a case: for values where differences do not
/// give it.
Case slope(const std::string &name, Operand x, const Function &function, const std::function<double(double)> &reference,
           Bound bound);

/// Of several ops, or with a gradient of several: not run in low precision, where each of them rounds.
Case composed(Case of);

/// Without a gradient, and with -0.0 told from 0.0 where `signedZeros`.
Case valuesOnly(Case of, bool signedZeros = false);

} // namespace fovea::ops
