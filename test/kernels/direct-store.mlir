// RUN: fovea-opt %s -fovea-kernels | FileCheck %s

fovea.state "parameter" @s : tensor<4x4xf32>

// Nothing reads the old value: the product is written straight into the state, and its later reader reads it there.
// CHECK: fovea.arena = #fovea.dims<[] -> (0)>
// CHECK: %[[STATE:.*]] = fovea.state_buffer @s
// CHECK: fovea.launch @matmul_{{.*}} into(%[[STATE]])
// CHECK: fovea.launch @max_{{.*}}(%[[STATE]])
func.func @forward(%x: tensor<4x4xf32>) -> tensor<4xf32> {
  %0 = fovea.matmul %x, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  fovea.store %0, @s : tensor<4x4xf32>
  %1 = fovea.max %0 [1] : (tensor<4x4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}
