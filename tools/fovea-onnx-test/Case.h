// One test case in ONNX's own format: a folder with model.onnx and test_data_set_N/{input,output}_I.pb.
#pragma once

#include <filesystem>
#include <string>

namespace fovea {

enum class Verdict { passed, failed, unsupported };

struct Outcome {
  Verdict verdict = Verdict::passed;
  std::string reason; // of a failure, or why it is not supported, on one line
};

/// Imports, compiles, loads and runs the case; compares as ONNX's runner does: |y - expected| <= 1e-7 +
/// 1e-3 |expected|, of bfloat16 2^-6 |expected|.
/// Inputs that ops need to know when importing become constants. `cache` is a folder of compiled kernels.
/// `dynamic` opens the leading size of the first input, and of the others that have the same where the ops allow it;
/// the model is compiled without it and run with it. A case whose ops need it as a number is not supported.
Outcome runCase(const std::filesystem::path &folder, const std::string &cache, bool dynamic = false);

} // namespace fovea
