// --report: what each kernel costs a launch, what they all cost, and the memory of the model.
// RUN: foveac %S/stages.mlir --report --target=x86-64-v3 -o %t | FileCheck %s
// RUN: foveac %S/stages.mlir --report --target=x86-64+x86-64-v3 -o %t | FileCheck %s --check-prefix=BOTH
// RUN: foveac %S/stages.mlir --report --target=x86-64-v3 --sizes=batch=10 -o %t | FileCheck %s --check-prefix=SIZES --implicit-check-not=batch
// RUN: foveac %S/stages.mlir --report --target=x86-64-v3 --peak --threads=1 -o %t | FileCheck %s --check-prefix=ROOF
// RUN: foveac %S/stages.mlir --report --target=x86-64 --peak --threads=1 --measure --sizes=batch=512 -o %t | FileCheck %s --check-prefix=MEASURED
// RUN: foveac %S/stages.mlir --report --target=x86-64 --measure --sizes=batch=512 -o %t | FileCheck %s --check-prefix=TIMES
// RUN: foveac --peak --threads=1 | FileCheck %s --check-prefix=PEAK

// A product of (batch, 16) by (16, 8) has 2 * 16 * 8 operations a row; it reads and writes 4 * (16 + 8) bytes a row and
// the matrix once. The gradients are three kernels: the product with the loss's, the sum, and the matrix's gradient.
// CHECK: target x86-64-v3; operations and bytes are those of one launch
// CHECK-NEXT: kernel of forward launches operations bytes scratch bytes
// CHECK-NEXT: matmul_0 1 batch * 256 batch * 96 + 512 [[#SCRATCH:]]
// CHECK-NEXT: all launches 1 batch * 256 batch * 96 + 512 [[#SCRATCH]]
// CHECK-NEXT: kernel of gradients launches operations bytes scratch bytes
// CHECK: all launches 3 batch * 536 + 128 batch * {{[0-9]+}} + {{[0-9]+}} {{[0-9]+}}
// CHECK: kernel of update launches operations bytes scratch bytes
// CHECK: all launches 2 {{[0-9]+}} {{[0-9]+}} 0
// CHECK: state: [[#STATE:]] bytes
// CHECK-NEXT: arena: [[#SLOPE:]] * batch bytes
// CHECK-NEXT: scratch: [[#MOST:]] bytes, and [[#EACH:]] for each further thread
// CHECK-NEXT: peak: [[#STATE]] + [[#SLOPE]] * batch + [[#MOST]] + [[#EACH]] * (threads - 1) bytes, beside the handle
// CHECK-NEXT: machine code: {{[1-9][0-9]*}} bytes

// BOTH: target x86-64-v3;
// BOTH: peak:
// BOTH: target x86-64;
// BOTH: peak:
// BOTH: machine code:

// With --sizes, numbers stand in place of sizes.
// SIZES: matmul_0 1 2560 1472
// SIZES: arena: [[#ARENA:]] bytes
// SIZES: peak: {{[0-9]+}} + [[#ARENA]] + {{[0-9]+}} + {{[0-9]+}} * (threads - 1) bytes

// With --peak, the roofline: a product of 64 rows does 256 * 64 operations for 96 * 64 + 512 bytes.
// ROOF: roof: {{[0-9.]+}} GFLOP/s, {{[0-9.]+}} GB/s; where batch = 64, else give --sizes=batch=NUMBER
// ROOF: kernel of forward launches operations bytes scratch bytes operations/byte bound us at roof{{$}}
// ROOF-NEXT: matmul_0 1 batch * 256 batch * 96 + 512 {{[0-9]+}} 2.5 {{memory|compute}} {{[0-9.]+}}{{$}}
// ROOF-NEXT: all launches 1 {{.*}} {{[0-9.]+}}{{$}}

// With --measure, how long each kernel took here, and which part of the roof that is.
// MEASURED: roof: {{[0-9.]+}} GFLOP/s, {{[0-9.]+}} GB/s{{$}}
// MEASURED: us at roof us of roof{{$}}
// MEASURED-NEXT: matmul_0 1 131072 49664 {{[0-9]+}} 2.6 {{memory|compute}} {{[0-9]+\.[0-9]}} {{[0-9]+\.[0-9]}} {{[0-9]\.[0-9][0-9]}}{{$}}
// MEASURED: all launches
// TIMES: kernel of forward launches operations bytes scratch bytes us{{$}}
// TIMES-NEXT: matmul_0 1 131072 49664 {{[0-9]+}} {{[0-9]+\.[0-9]}}{{$}}

// PEAK: peak, one thread: {{[0-9.]+}} GFLOP/s, {{[0-9.]+}} GB/s
// PEAK-NEXT: peak, 1 threads: {{[0-9.]+}} GFLOP/s, {{[0-9.]+}} GB/s
