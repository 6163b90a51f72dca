// RUN: fovea-opt %s -fovea-grad | FileCheck %s

// CHECK-DAG: fovea.state "optimizer" @"moment1/w" : tensor<4xf32>
// CHECK-DAG: fovea.state "optimizer" @"moment2/w" : tensor<4xf32>
fovea.state "parameter" @w : tensor<4xf32> {decay}

// Decay is added to the gradient, before the moments.
// CHECK: func.func @update
// CHECK: %[[W:.*]] = fovea.load @w
// CHECK: %[[PULL:.*]] = fovea.mul %[[W]], %{{.*}}
// CHECK: %[[G:.*]] = fovea.add %{{.*}}, %[[PULL]]
// CHECK: fovea.load @"moment1/w"
// CHECK: fovea.mul %[[G]], %{{.*}}
// CHECK: fovea.store %{{.*}}, @"moment1/w"
// CHECK: fovea.store %{{.*}}, @"moment2/w"
// CHECK: fovea.store %{{.*}}, @w
func.func @model() -> (tensor<f32> {fovea.loss})
    attributes {fovea.optimizer = #fovea.optimizer<"adam", {beta1 = 0.9, beta2 = 0.999, epsilon = 1.0e-8, weight_decay = 0.05}>} {
  %w = fovea.load @w : tensor<4xf32>
  %0 = fovea.sum %w [0] : (tensor<4xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}
