// --mlir-timing: where the time of a compilation goes, pass by pass and kernel by kernel, on standard error.
// RUN: rm -rf %t.cache
// RUN: foveac %S/stages.mlir --cache=%t.cache --target=x86-64-v3 -o %t --mlir-timing 2>&1 | FileCheck %s --check-prefixes=BOTH,COLD
// RUN: foveac %S/stages.mlir --cache=%t.cache --target=x86-64-v3 -o %t --mlir-timing 2>&1 | FileCheck %s --check-prefixes=BOTH,WARM --implicit-check-not=compile
// RUN: foveac %S/stages.mlir --compile-to=grad -o %t.grad --mlir-timing 2>&1 | FileCheck %s --check-prefix=TEXT

// BOTH: Execution time report
// BOTH: {{[0-9.]+}} ({{.*}}%) read{{$}}
// BOTH: {{[0-9.]+}} ({{.*}}%) passes{{$}}
// BOTH: GradPass
// BOTH: KernelsPass
// BOTH: {{[0-9.]+}} ({{.*}}%) kernels{{$}}
// BOTH: hash
// COLD: compile @
// WARM: read from the cache
// BOTH: {{[0-9.]+}} ({{.*}}%) host program{{$}}
// BOTH: {{[0-9.]+}} ({{.*}}%) link{{$}}
// BOTH: Total

// TEXT: read
// TEXT: passes
// TEXT: GradPass
// TEXT: Total
