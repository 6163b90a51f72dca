// RUN: fovea-opt %s -fovea-grad | FileCheck %s

fovea.state "parameter" @w : tensor<8x4xf32>
// Only the weight's gradient is built, not the input's.
// CHECK: func.func @gradients
// CHECK-COUNT-1: fovea.matmul %{{.*}} {transpose_a = true}
// CHECK-NOT: transpose_b
func.func @model(%x: tensor<2x8xf32>) -> (tensor<f32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
  %w = fovea.load @w : tensor<8x4xf32>
  %0 = fovea.matmul %x, %w : (tensor<2x8xf32>, tensor<8x4xf32>) -> tensor<2x4xf32>
  %1 = fovea.sum %0 [0, 1] : (tensor<2x4xf32>) -> tensor<f32>
  return %1 : tensor<f32>
}
