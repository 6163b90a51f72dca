// Runs a suite of cases: values against the reference, gradients against its differences, bits against themselves.
#pragma once

#include "test/ops/Case.h"

namespace fovea::ops {

struct Setting {
  Precision precision = Precision::f64;
  bool checks = false;                // kernels with Halide's own bounds checks
  std::vector<int64_t> batches = {1}; // values of B
  bool cached = true;                 // whether kernels are kept for the next run
  std::string target = "host";        // a device runs twice, whatever the threads
  bool runs = true;                   // or only compiles
  std::string record;                 // a folder: write what a device must give, for test/gpu/ops.py
  std::string model;                  // a file: write the module there, and no more
};

/// Every result within its bound; gradients within theirs; the same bits for 1, 2 and 7 threads and from run to run; an
/// item's results the same bits alone and in the last batch. Fails if no case ran.
void check(const Suite &suite, const Setting &setting);

/// The values of an operand as a suite sees them: rounded to its element type.
Array valuesOf(const Case &of, const Operand &operand, int64_t batch, Precision precision);

} // namespace fovea::ops
