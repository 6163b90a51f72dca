// What a compiled model costs, as text: work and traffic of each kernel, memory of the whole.
#pragma once

#include "lib/emit/Compile.h"

namespace fovea {

/// A table of kernels for each target, in the order of their first launch, and the memory in closed form. Operations
/// count two for each multiply-add of a contraction, and one for each element of the largest tensor of any other op.
std::string reportText(const CompiledModel &model, const Artefacts &artefacts);

} // namespace fovea
