// --report: what each kernel costs a launch, what they all cost, and the memory of the model.
// RUN: foveac %S/stages.mlir --report --target=x86-64-v3 -o %t | FileCheck %s
// RUN: foveac %S/stages.mlir --report --target=x86-64+x86-64-v3 -o %t | FileCheck %s --check-prefix=BOTH

// A product of (batch, 16) by (16, 8) has 2 * 16 * 8 operations a row; it reads and writes 4 * (16 + 8) bytes a row and
// the matrix once. The gradients are three kernels: the product with the loss's, the sum, and the matrix's gradient.
// CHECK: target x86-64-v3; operations and bytes are those of one launch
// CHECK-NEXT: kernel of forward launches operations bytes scratch bytes
// CHECK-NEXT: matmul_0 1 batch * 256 batch * 96 + 512 [[#SCRATCH:]]
// CHECK-NEXT: all launches 1 batch * 256 batch * 96 + 512 [[#SCRATCH]]
// CHECK-NEXT: kernel of gradients launches operations bytes scratch bytes
// CHECK: all launches 3 batch * 544 + 129 batch * {{[0-9]+}} + {{[0-9]+}} {{[0-9]+}}
// CHECK: kernel of update launches operations bytes scratch bytes
// CHECK: all launches 2 {{[0-9]+}} {{[0-9]+}} 0
// CHECK: state: [[#STATE:]] bytes
// CHECK-NEXT: arena: [[#SLOPE:]] * batch bytes
// CHECK-NEXT: scratch: [[#MOST:]] bytes for each thread
// CHECK-NEXT: peak: [[#STATE]] + [[#SLOPE]] * batch + [[#MOST]] * threads bytes, beside the handle
// CHECK-NEXT: machine code: {{[1-9][0-9]*}} bytes

// BOTH: target x86-64-v3;
// BOTH: peak:
// BOTH: target x86-64;
// BOTH: peak:
// BOTH: machine code:
