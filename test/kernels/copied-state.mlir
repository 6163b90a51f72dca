// RUN: fovea-opt %s -fovea-kernels -split-input-file | FileCheck %s

fovea.state "parameter" @s : tensor<4x4xf32>

// The old value is read after the new one was made: the new one waits in the arena.
// CHECK: func.func @read_later
// CHECK: %[[NEW:.*]] = fovea.arena
// CHECK: fovea.launch @matmul_{{.*}} into(%[[NEW]])
// CHECK: fovea.launch @max_
// CHECK: %[[STATE:.*]] = fovea.state_buffer @s
// CHECK: fovea.launch @copy(%[[NEW]]) into(%[[STATE]])
func.func @read_later(%x: tensor<4x4xf32>) -> tensor<4xf32> {
  %s = fovea.load @s : tensor<4x4xf32>
  %0 = fovea.matmul %x, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  fovea.store %0, @s : tensor<4x4xf32>
  %1 = fovea.max %s [1] : (tensor<4x4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// -----

fovea.state "parameter" @s : tensor<4x4xf32>

// A product reads all of the old value for each element of the new one.
// CHECK: func.func @read_elsewhere
// CHECK: %[[NEW:.*]] = fovea.arena
// CHECK: fovea.launch @matmul_{{.*}} into(%[[NEW]])
// CHECK: fovea.launch @copy(%[[NEW]])
func.func @read_elsewhere(%x: tensor<4x4xf32>) {
  %s = fovea.load @s : tensor<4x4xf32>
  %0 = fovea.matmul %x, %s : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  fovea.store %0, @s : tensor<4x4xf32>
  return
}
