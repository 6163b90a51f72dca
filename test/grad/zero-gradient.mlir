// RUN: fovea-opt %s -fovea-grad | FileCheck %s

fovea.state "parameter" @w : tensor<4xf32>
// @w reaches the loss through a comparison only: its gradient is zero, and says so.
// CHECK: func.func @gradients
// CHECK: %[[NONE:.*]] = fovea.constant dense<0.0{{.*}}> : tensor<f32>
// CHECK: %[[ZERO:.*]] = fovea.broadcast %[[NONE]] : tensor<f32> to tensor<4xf32>
// CHECK: fovea.add %{{.*}}, %[[ZERO]]
func.func @model(%x: tensor<4xf32>) -> (tensor<f32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
  %w = fovea.load @w : tensor<4xf32>
  %0 = fovea.compare "lt" %w, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  %1 = fovea.cast %0 : tensor<4xi1> to tensor<4xf32>
  %2 = fovea.sum %1 [0] : (tensor<4xf32>) -> tensor<f32>
  return %2 : tensor<f32>
}
