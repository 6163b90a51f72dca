// RUN: fovea-opt %s -fovea-grad | FileCheck %s

// CHECK-DAG: fovea.state "optimizer" @"moment1/w" : tensor<2x3xf32>
// CHECK-DAG: fovea.state "optimizer" @"moment2/w" : tensor<2x3xf32>
fovea.state "parameter" @w : tensor<2x3xf32>

// The step is as long as the parameter; where one of the two has no length, it stays.
// CHECK: func.func @update
// CHECK: %[[W:.*]] = fovea.load @w
// CHECK: %[[STEP:.*]] = fovea.div %{{.*}} : (tensor<2x3xf32>, tensor<2x3xf32>)
// CHECK: fovea.mul %[[W]], %[[W]]
// CHECK: %[[SIZE:.*]] = fovea.sqrt %{{.*}} : tensor<f32>
// CHECK: fovea.mul %[[STEP]], %[[STEP]]
// CHECK: %[[LENGTH:.*]] = fovea.sqrt %{{.*}} : tensor<f32>
// CHECK: %[[SHORTER:.*]] = fovea.minimum %[[SIZE]], %[[LENGTH]]
// CHECK: %[[KNOWN:.*]] = fovea.compare "lt" %{{.*}}, %[[SHORTER]]
// CHECK: %[[DIVISOR:.*]] = fovea.select %[[KNOWN]], %[[LENGTH]]
// CHECK: %[[TRUST:.*]] = fovea.div %[[SIZE]], %[[DIVISOR]]
// CHECK: %[[RATIO:.*]] = fovea.select %[[KNOWN]], %[[TRUST]]
// CHECK: fovea.mul %[[STEP]], %[[RATIO]]
func.func @model() -> (tensor<f32> {fovea.loss})
    attributes {fovea.optimizer = #fovea.optimizer<"lamb", {beta1 = 0.9, beta2 = 0.999, epsilon = 1.0e-6}>} {
  %w = fovea.load @w : tensor<2x3xf32>
  %0 = fovea.sum %w [0, 1] : (tensor<2x3xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}
