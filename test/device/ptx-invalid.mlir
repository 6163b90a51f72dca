// PTX is of devices.
// RUN: not foveac %S/../tools/stages.mlir --compile-to=ptx --target=x86-64 2>&1 | FileCheck %s --check-prefix=PROCESSOR
// RUN: not foveac %S/../tools/stages.mlir --compile-to=ptx --target=cuda-sm75 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// PROCESSOR: error: --compile-to=ptx is a device's code, and target 'x86-64' is a processor: give --target=cuda-sm80, or --compile-to=asm
// UNKNOWN: error: target 'cuda-sm75': 'cuda-sm75' is not known; give host, {{.*}}, cuda-sm80, cuda-sm86, cuda-sm89, cuda-sm90 or opencl
