// Smaller graphs that go wrong as larger ones do.
#pragma once

#include "test/ops/Graphs.h"

namespace fovea::ops {

/// Compiles graphs of one setting into one module, runs them, and tells what is wrong; nothing if all is right.
std::string compareGraphs(llvm::ArrayRef<Graph> graphs);

/// Drops graphs, results and ops, puts operands in the place of ops, and shrinks sizes, while `fails` holds.
std::vector<Graph> reduce(std::vector<Graph> graphs, llvm::function_ref<bool(llvm::ArrayRef<Graph>)> fails);

/// The graphs as a module at the model stage, as text.
std::string textOf(llvm::ArrayRef<Graph> graphs);

} // namespace fovea::ops
