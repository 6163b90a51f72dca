// RUN: fovea-opt %s -fovea-grad | FileCheck %s

fovea.state "parameter" @w : tensor<f32>
// d(sin-like chain): exp(w) * w + w, where w is loaded twice, has three cotangents.
// CHECK: func.func @gradients
// CHECK: fovea.load @w
// CHECK-NOT: fovea.load @w
// CHECK: %[[ONE:.*]] = fovea.constant dense<1.0{{.*}}>
// CHECK: %[[FACTOR:.*]] = fovea.mul %[[ONE]], %[[EXP:.*]] :
// CHECK: %[[TWO:.*]] = fovea.add %[[ONE]], %[[FACTOR]]
// CHECK: %[[CHAIN:.*]] = fovea.mul %{{.*}}, %[[EXP]]
// CHECK: %[[ALL:.*]] = fovea.add %[[TWO]], %[[CHAIN]]
// CHECK: fovea.add %{{.*}}, %[[ALL]]
func.func @model() -> (tensor<f32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
  %w = fovea.load @w : tensor<f32>
  %again = fovea.load @w : tensor<f32>
  %0 = fovea.exp %w : tensor<f32>
  %1 = fovea.mul %0, %again : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %2 = fovea.add %1, %w : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %2 : tensor<f32>
}
