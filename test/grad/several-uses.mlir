// RUN: fovea-opt %s -fovea-grad | FileCheck %s

fovea.state "parameter" @w : tensor<f32>
// exp(w) * w + w, where w is loaded twice, has three cotangents: 1, exp(w) and w exp(w).
// CHECK: func.func @gradients
// CHECK: %[[W:.*]] = fovea.load @w
// CHECK-NOT: fovea.load @w
// CHECK: %[[EXP:.*]] = fovea.exp %[[W]]
// CHECK: %[[ONE:.*]] = fovea.constant dense<1.0{{.*}}>
// CHECK-DAG: %[[FACTOR:.*]] = fovea.mul %[[ONE]], %[[EXP]]
// CHECK-DAG: %[[OUTER:.*]] = fovea.mul %[[ONE]], %[[W]]
// CHECK-DAG: %[[TWO:.*]] = fovea.add %[[ONE]], %[[FACTOR]]
// CHECK-DAG: %[[CHAIN:.*]] = fovea.mul %[[OUTER]], %[[EXP]]
// CHECK: %[[ALL:.*]] = fovea.add %[[TWO]], %[[CHAIN]]
// CHECK: %[[SUM:.*]] = fovea.add %{{.*}}, %[[ALL]]
// CHECK: fovea.store %[[SUM]], @"gradient/w"
func.func @model() -> (tensor<f32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
  %w = fovea.load @w : tensor<f32>
  %again = fovea.load @w : tensor<f32>
  %0 = fovea.exp %w : tensor<f32>
  %1 = fovea.mul %0, %again : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %2 = fovea.add %1, %w : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %2 : tensor<f32>
}
