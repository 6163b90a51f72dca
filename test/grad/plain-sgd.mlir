// RUN: fovea-opt %s -fovea-grad | FileCheck %s

fovea.state "parameter" @w : tensor<4xf32>
// No momentum, no state; no clip_norm, no norm.
// CHECK-NOT: fovea.state "optimizer"
// CHECK: func.func @update
// CHECK-NOT: fovea.sqrt
// CHECK: %[[W:.*]] = fovea.load @w
// CHECK-NEXT: %[[STEP:.*]] = fovea.mul %arg0, %{{.*}}
// CHECK-NEXT: fovea.sub %[[W]], %[[STEP]]
func.func @model() -> (tensor<f32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
  %w = fovea.load @w : tensor<4xf32>
  %0 = fovea.sum %w [0] : (tensor<4xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}
