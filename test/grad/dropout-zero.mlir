// RUN: fovea-opt %s -fovea-grad | FileCheck %s

// A rate of 0 draws nothing.
// CHECK-NOT: fovea.random
// CHECK-NOT: fovea.dropout
// CHECK-NOT: fovea.store {{.*}}, @draws
// CHECK: @train_step
fovea.state "parameter" @w : tensor<4xf32>
func.func @model() -> (tensor<f32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
  %w = fovea.load @w : tensor<4xf32>
  %0 = fovea.dropout %w {rate = 0.0} : tensor<4xf32>
  %1 = fovea.sum %0 [0] : (tensor<4xf32>) -> tensor<f32>
  return %1 : tensor<f32>
}
