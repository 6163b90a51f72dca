// A shared library for a processor and for CUDA links to nothing of CUDA's, and has Halide's runtime neither.
// RUN: rm -rf %t && foveac %S/../tools/stages.mlir --target=x86-64+cuda-sm80+opencl --compile-to=shared --name=model -o %t
// RUN: ldd %t/model.so | FileCheck %s --check-prefix=NEEDED
// RUN: nm -D --undefined-only %t/model.so | FileCheck %s --check-prefix=IMPORTS

// NEEDED: libc.so
// NEEDED-NOT: cuda
// NEEDED-NOT: OpenCL
// IMPORTS: dlopen
// IMPORTS: dlsym
// IMPORTS-NOT: {{ cu[A-Z]| cl[A-Z]|halide}}
