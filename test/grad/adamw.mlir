// RUN: fovea-opt %s -fovea-grad | FileCheck %s

fovea.state "parameter" @w : tensor<4xf32> {decay}
fovea.state "parameter" @b : tensor<4xf32>
// CHECK-DAG: fovea.state "optimizer" @"moment1/w" : tensor<4xf32>
// CHECK-DAG: fovea.state "optimizer" @"moment2/w" : tensor<4xf32>
// CHECK-DAG: fovea.state "optimizer" @"moment1/b" : tensor<4xf32>
// CHECK-DAG: fovea.state "optimizer" @"moment2/b" : tensor<4xf32>

// CHECK: func.func @update
// CHECK: %[[W:.*]] = fovea.load @w
// CHECK: fovea.store %[[M:.*]], @"moment1/w"
// CHECK: fovea.store %[[V:.*]], @"moment2/w"
// The bias corrections 1 - beta^step are computed in f64, once for both parameters.
// CHECK-COUNT-2: fovea.pow %{{.*}} : (tensor<f64>, tensor<f64>) -> tensor<f64>
// Decay is of the parameter, not of the gradient, and only of @w.
// CHECK: %[[PULL:.*]] = fovea.mul %[[W]], %{{.*}}
// CHECK: fovea.add %{{.*}}, %[[PULL]]
// CHECK: fovea.store %{{.*}}, @w
// CHECK: %[[B:.*]] = fovea.load @b
// CHECK-NOT: fovea.pow
// CHECK-NOT: fovea.mul %[[B]],
// CHECK: fovea.store %{{.*}}, @b
func.func @model() -> (tensor<f32> {fovea.loss})
    attributes {fovea.optimizer = #fovea.optimizer<"adamw", {beta1 = 0.9, beta2 = 0.999, epsilon = 1.0e-8, weight_decay = 0.05}>} {
  %w = fovea.load @w : tensor<4xf32>
  %0 = fovea.sum %w [0] : (tensor<4xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}
