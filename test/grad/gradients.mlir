// RUN: fovea-opt %s -fovea-grad | FileCheck %s

!x = tensor<?x4xf32, #fovea.dims<[B] -> (B, 4)>>

fovea.state "parameter" @w : tensor<4xf32>
fovea.state "parameter" @frozen : tensor<f32> {frozen}

// CHECK: fovea.state "gradient" @"gradient/w" : tensor<4xf32>
// CHECK-NOT: @"gradient/frozen"

// The loss is what it returns, with what is marked as a report; the gradient is added to the one in the state.
// CHECK: func.func @gradients({{.*}}) -> (tensor<f32> {fovea.loss}, tensor<f32> {fovea.report}) {
// CHECK: %[[SUM:.*]] = fovea.sum %{{.*}} [0] : {{.*}} -> tensor<4xf32>
// CHECK: %[[OLD:.*]] = fovea.load @"gradient/w"
// CHECK: %[[NEW:.*]] = fovea.add %[[OLD]], %[[SUM]]
// CHECK: fovea.store %[[NEW]], @"gradient/w"
// CHECK-NOT: fovea.store
// CHECK: return
func.func @model(%x: !x) -> (!x, tensor<f32> {fovea.report}, tensor<f32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
  %w = fovea.load @w : tensor<4xf32>
  %f = fovea.load @frozen : tensor<f32>
  %y = fovea.mul %x, %w : (!x, tensor<4xf32>) -> !x
  %z = fovea.mul %y, %f : (!x, tensor<f32>) -> !x
  %loss = fovea.sum %z [0, 1] : (!x) -> tensor<f32>
  %report = fovea.neg %loss : tensor<f32>
  return %z, %report, %loss : !x, tensor<f32>, tensor<f32>
}
