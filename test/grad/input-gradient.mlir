// RUN: fovea-opt %s -fovea-grad | FileCheck %s

// An input's gradient is a result, after the loss and the reports; the parameters' go to the state as ever.
!x = tensor<?x4xf32, #fovea.dims<[B] -> (B, 4)>>

fovea.state "parameter" @w : tensor<4xf32>

// CHECK: func.func @forward(%{{.*}}: tensor<?x4xf32, {{.*}}> {fovea.name = "x"})
// CHECK: func.func @gradients(%[[X:.*]]: tensor<?x4xf32, {{.*}}> {fovea.name = "x"}) -> (tensor<f32> {fovea.loss}, tensor<f32> {fovea.report}, tensor<?x4xf32, {{.*}}> {fovea.name = "gradient_x", fovea.report}) {
// CHECK: %[[W:.*]] = fovea.load @w
// CHECK: %[[ONES:.*]] = fovea.broadcast
// CHECK: %[[GRADIENT:.*]] = fovea.mul %[[ONES]], %[[W]]
// CHECK: fovea.store %{{.*}}, @"gradient/w"
// CHECK: return %{{.*}}, %{{.*}}, %[[GRADIENT]]
func.func @model(%x: !x {fovea.name = "x", fovea.gradient}) -> (!x, tensor<f32> {fovea.report}, tensor<f32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
  %w = fovea.load @w : tensor<4xf32>
  %y = fovea.mul %x, %w : (!x, tensor<4xf32>) -> !x
  %loss = fovea.sum %y [0, 1] : (!x) -> tensor<f32>
  %report = fovea.neg %loss : tensor<f32>
  return %y, %report, %loss : !x, tensor<f32>, tensor<f32>
}
