// RUN: fovea-opt %s -fovea-grad | FileCheck %s

// The gradient of a score function stands beside it. A capture that is indexed by the head alone is summed over each
// head's pairs, then over the batch; an integer one has none.
!x = tensor<2x2x4x8xf32>
fovea.state "parameter" @q : !x
fovea.state "parameter" @slopes : tensor<2xf32>
func.func @model(%k: !x, %places: tensor<4x4xi32>) -> (tensor<f32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
  %q = fovea.load @q : !x
  %slopes = fovea.load @slopes : tensor<2xf32>
  %0, %lse = fovea.attention %q, %k, %k captures %slopes, %places attributes {scale = 0.5} score {
  ^bb0(%s: tensor<f32>, %b: tensor<i32>, %h: tensor<i32>, %i: tensor<i32>, %j: tensor<i32>, %own: tensor<2xf32>, %at: tensor<4x4xi32>):
    %place = fovea.score_load %at[%i, %j] : (tensor<4x4xi32>, tensor<i32>, tensor<i32>) -> tensor<i32>
    %distance = fovea.cast %place : tensor<i32> to tensor<f32>
    %slope = fovea.score_load %own[%h] : (tensor<2xf32>, tensor<i32>) -> tensor<f32>
    %1 = fovea.mul %slope, %distance : (tensor<f32>, tensor<f32>) -> tensor<f32>
    %2 = fovea.add %s, %1 : (tensor<f32>, tensor<f32>) -> tensor<f32>
    fovea.yield %2 : tensor<f32>
  } : (!x, !x, !x, tensor<2xf32>, tensor<4x4xi32>) -> (!x, tensor<2x2x4xf32>)
  %loss = fovea.sum %0 [0, 1, 2, 3] : (!x) -> tensor<f32>
  return %loss : tensor<f32>
}
// CHECK: fovea.attention_grad
// CHECK: } gradient {
// CHECK-NEXT: ^bb0(%{{[^:]+}}: tensor<f32>, %[[D:[^:]+]]: tensor<f32>, %{{[^:]+}}: tensor<i32>, %[[H:[^:]+]]: tensor<i32>
// CHECK: %[[VALUE:.*]] = fovea.mul %[[D]]
// CHECK-NOT: fovea.score_add
// CHECK: fovea.score_add %[[VALUE]] to %{{.*}}[%[[H]]] : tensor<f32>, tensor<2xf32>, tensor<i32>
// CHECK-NEXT: fovea.yield %[[D]]
// CHECK: -> ({{.*}}, tensor<2x2xf32>)
// CHECK: fovea.sum {{.*}} [0] {{.*}} -> tensor<2xf32>
