// RUN: fovea-opt %s -fovea-kernels | FileCheck %s

// A sum reads each element once: what feeds it is computed in its kernel. A product reads them often: it is stored.
// CHECK: fovea.kernel @point_0
// CHECK: fovea.exp
// CHECK: fovea.kernel @matmul_1
// CHECK-NOT: fovea.exp
// CHECK: fovea.kernel @sum_2
// CHECK-NEXT: fovea.tanh
// CHECK-NEXT: fovea.sum
func.func @forward(%x: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8xf32>) {
  %0 = fovea.exp %x : tensor<8x8xf32>
  %1 = fovea.matmul %0, %x : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %2 = fovea.tanh %x : tensor<8x8xf32>
  %3 = fovea.sum %2 [1] : (tensor<8x8xf32>) -> tensor<8xf32>
  return %1, %3 : tensor<8x8xf32>, tensor<8xf32>
}
