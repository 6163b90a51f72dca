// RUN: fovea-opt %s -fovea-grad | FileCheck %s

// A straight-through rounding: the gradient goes by the rule, and nothing of custom_vjp is left.
fovea.state "parameter" @w : tensor<3xf32>
func.func @model(%x: tensor<3xf32>) -> (tensor<f32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
  %w = fovea.load @w : tensor<3xf32>
  %0 = fovea.round %w : tensor<3xf32>
  %1 = fovea.custom_vjp(%w) gives %0 {
  ^bb0(%input: tensor<3xf32>, %value: tensor<3xf32>, %cotangent: tensor<3xf32>):
    %half = fovea.constant dense<0.5> : tensor<f32>
    %2 = fovea.mul %cotangent, %half : (tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
    fovea.yield %2 : tensor<3xf32>
  } : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %3 = fovea.mul %1, %x : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %loss = fovea.sum %3 [0] : (tensor<3xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
// CHECK-LABEL: func.func @gradients
// CHECK-NOT: custom_vjp
// CHECK: %[[W:.*]] = fovea.round
// CHECK: fovea.mul %[[W]]
// CHECK: %[[HALF:.*]] = fovea.constant dense<5.000000e-01>
// CHECK: %[[D:.*]] = fovea.mul %{{.*}}, %[[HALF]]
// CHECK: fovea.add %{{.*}}, %[[D]]
// CHECK-LABEL: func.func @update
