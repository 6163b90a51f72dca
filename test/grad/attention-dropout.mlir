// RUN: fovea-opt %s -fovea-grad | FileCheck %s

!x = tensor<1x2x4x8xf32>
fovea.state "parameter" @q : !x

// CHECK: func.func @forward
// CHECK: fovea.attention %{{.*}}, %{{.*}}, %{{.*}} attributes {scale = 5.000000e-01 : f64}
// CHECK: func.func @gradients
// CHECK: %[[KEY:.*]] = fovea.reshape %{{.*}} : tensor<1x2xi32> to tensor<2xi32>
// CHECK: fovea.attention %{{.*}} random %[[KEY]] attributes {dropout = 1.000000e-01 : f64, scale = 5.000000e-01 : f64}
// The gradient drops the same weights.
// CHECK: fovea.attention_grad %{{.*}} random %[[KEY]] attributes {dropout = 1.000000e-01 : f64, scale = 5.000000e-01 : f64}
func.func @model(%k: !x) -> (!x, tensor<f32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
  %q = fovea.load @q : !x
  %0, %lse = fovea.attention %q, %k, %k attributes {scale = 0.5, dropout = 0.1} : (!x, !x, !x) -> (!x, tensor<1x2x4xf32>)
  %loss = fovea.sum %0 [0, 1, 2, 3] : (!x) -> tensor<f32>
  return %0, %loss : !x, tensor<f32>
}
