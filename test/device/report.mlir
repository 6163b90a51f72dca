// --report for a device: its own launches, what a call copies, and the memory that create allocates there.
// RUN: foveac %S/../tools/stages.mlir --report --target=cuda-sm80 -o %t | FileCheck %s
// RUN: foveac %S/../tools/stages.mlir --report --target=cuda-sm80 --sizes=batch=64 -o %t | FileCheck %s --check-prefix=SIZES
// RUN: foveac %S/../tools/stages.mlir --report --target=x86-64+cuda-sm80 -o %t | FileCheck %s --check-prefix=BOTH

// CHECK: target cuda-sm80; operations and bytes are those of one launch
// CHECK-NEXT: kernel of forward launches on device operations bytes scratch bytes
// CHECK-NEXT: matmul_0 1 1 batch * 256 batch * 96 + 512 0
// CHECK-NEXT: all launches 1 1 batch * 256 batch * 96 + 512 0
// CHECK-NEXT: a call copies batch * 64 bytes to the device and batch * 32 back
// A sum that is cut into parts is two launches.
// CHECK: matmul_3_in_place_0_of_0 1 2 {{.*}} [[#SCRATCH:]]
// CHECK-NEXT: all launches 3 {{[0-9]+}} {{.*}} [[#SCRATCH]]
// CHECK-NEXT: a call copies batch * 64 bytes to the device and 4 back
// CHECK: a call copies 8 bytes to the device and 0 back
// CHECK: state: [[#STATE:]] bytes
// CHECK-NEXT: arena: [[#SLOPE:]] * batch bytes
// CHECK-NEXT: arguments in memory of the host: at most 96 * batch + [[#]] bytes
// CHECK-NEXT: scratch: [[#SCRATCH]] bytes
// CHECK-NEXT: peak: at most [[#SLOPE + 96]] * batch + [[#]] bytes on the device; beside it the host keeps [[#STATE]] for the state's copy

// SIZES: arena: [[#ARENA:]] bytes
// SIZES-NEXT: arguments in memory of the host: at most [[#]] bytes
// SIZES: peak: at most [[#]] bytes on the device

// BOTH: target cuda-sm80;
// BOTH: on device
// BOTH: target x86-64;
// BOTH-NOT: on device
