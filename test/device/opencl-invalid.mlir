// OpenCL has no reals of 16 bits.
// RUN: not foveac %S/../gpu/bf16.mlir --target=opencl -o %t 2>&1 | FileCheck %s

// CHECK: error: target 'opencl' has neither f16 nor bf16: compute in f32, or compile for CUDA or a processor
