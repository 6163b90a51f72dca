// RUN: fovea-opt %s -fovea-kernels | FileCheck %s

// Random numbers are drawn in every kernel that reads them.
// CHECK-COUNT-2: fovea.random_uniform
// CHECK: fovea.arena = #fovea.dims<[] -> (0)>
func.func @forward(%key: tensor<2xi32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %0 = fovea.random_uniform %key : (tensor<2xi32>) -> tensor<8x8xf32>
  %1 = fovea.sum %0 [1] : (tensor<8x8xf32>) -> tensor<8xf32>
  %2 = fovea.max %0 [1] : (tensor<8x8xf32>) -> tensor<8xf32>
  return %1, %2 : tensor<8xf32>, tensor<8xf32>
}
