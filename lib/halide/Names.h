// Names in lowered code that do not depend on what else the process compiled.
#pragma once

#include <Halide.h>

namespace fovea {

/// Func and buffer names: those that Halide gave, and those that were asked for. Halide numbers names by counters that
/// the whole process shares, also between names that hash alike.
using Names = std::vector<std::pair<std::string, std::string>>;

/// Gives what is lowered the names that were asked for.
void restoreNames(Halide::Module &module, Names names);
/// The same in text that Halide wrote.
std::string restoreNames(const std::string &text, Names names);

} // namespace fovea
