// What a compiled model costs, as text: work and traffic of each kernel, memory of the whole.
#pragma once

#include "lib/emit/Compile.h"
#include "lib/emit/Profile.h"

namespace fovea {

/// What a machine does in a second at best.
struct Roof {
  double operations = 0, bytes = 0;
};

struct ReportOptions {
  llvm::StringMap<int64_t> sizes;                         // numbers to put in place of sizes
  std::optional<Roof> roof;                               // bounds each kernel, where every other size is 64
  std::map<std::string, ProfiledModel::Seconds> measured; // of entry points: what all launches of a kernel took
};

/// A table of kernels for each target, in the order of their first launch, and the memory in closed form. Operations
/// count two for each multiply-add of a contraction, and one for each element of the largest tensor of any other op. Below
/// stand tensors of queries by keys that attention captures.
std::string reportText(const CompiledModel &model, const Artefacts &artefacts, const ReportOptions &options);

} // namespace fovea
