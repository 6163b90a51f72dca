// RUN: fovea-opt %s -fovea-grad | FileCheck %s

fovea.state "parameter" @w : tensor<4xf32>
// The step is g + momentum * velocity.
// CHECK: fovea.store %[[V:.*]], @"momentum/w"
// CHECK: %[[AHEAD:.*]] = fovea.mul %[[V]], %{{.*}}
// CHECK: %[[G:.*]] = fovea.add %{{.*}}, %[[AHEAD]]
// CHECK: fovea.mul %{{.*}}, %[[G]]
func.func @model() -> (tensor<f32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {momentum = 0.9, nesterov = 1.0}>} {
  %w = fovea.load @w : tensor<4xf32>
  %0 = fovea.sum %w [0] : (tensor<4xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}
