// RUN: fovea-opt %s -fovea-kernels | FileCheck %s

!x = tensor<?x8xf32, #fovea.dims<[B] -> (B, 8)>>
!y = tensor<?x4xf32, #fovea.dims<[B] -> (B, 4)>>
fovea.state "parameter" @w : tensor<8x4xf32>
fovea.state "parameter" @b : tensor<4xf32>

// Bias, activation and residual run in the product's kernel.
// CHECK: fovea.kernel @matmul_0
// CHECK: fovea.matmul
// CHECK-NEXT: fovea.add
// CHECK-NEXT: fovea.gelu
// CHECK-NEXT: fovea.add
// CHECK-NOT: fovea.kernel
// CHECK: func.func @forward
// CHECK-COUNT-1: fovea.launch @matmul_0
func.func @forward(%x: !x, %r: !y) -> !y {
  %w = fovea.load @w : tensor<8x4xf32>
  %b = fovea.load @b : tensor<4xf32>
  %0 = fovea.matmul %x, %w : (!x, tensor<8x4xf32>) -> !y
  %1 = fovea.add %0, %b : (!y, tensor<4xf32>) -> !y
  %2 = fovea.gelu %1 : !y
  %3 = fovea.add %r, %2 : (!y, !y) -> !y
  return %3 : !y
}
