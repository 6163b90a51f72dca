// RUN: fovea-opt %s -fovea-kernels | FileCheck %s

fovea.state "parameter" @a : tensor<8x8xf32>
fovea.state "parameter" @b : tensor<8x8xf32>

// Equal bodies and types, over other buffers and in two functions: one kernel.
// CHECK: fovea.kernel @matmul_0
// CHECK-NOT: fovea.kernel
// CHECK: func.func @forward
// CHECK-COUNT-2: fovea.launch @matmul_0
// CHECK: func.func @again
// CHECK: fovea.launch @matmul_0
func.func @forward(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %a = fovea.load @a : tensor<8x8xf32>
  %b = fovea.load @b : tensor<8x8xf32>
  %0 = fovea.matmul %x, %a : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %1 = fovea.matmul %0, %b : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}
func.func @again(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %a = fovea.load @a : tensor<8x8xf32>
  %0 = fovea.matmul %x, %a : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}
