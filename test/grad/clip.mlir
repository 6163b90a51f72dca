// RUN: fovea-opt %s -fovea-grad | FileCheck %s

fovea.state "parameter" @w : tensor<2x3xf32>
fovea.state "parameter" @b : tensor<f32>
// CHECK: func.func @update
// CHECK: %[[W:.*]] = fovea.sum %{{.*}} [0, 1] : (tensor<2x3xf32>) -> tensor<f32>
// CHECK: %[[B:.*]] = fovea.sum %{{.*}} [] : (tensor<f32>) -> tensor<f32>
// CHECK: %[[SQUARES:.*]] = fovea.add %[[W]], %[[B]]
// CHECK: %[[NORM:.*]] = fovea.sqrt %[[SQUARES]]
// CHECK: fovea.div %{{.*}}, %{{.*}} : (tensor<f32>, tensor<f32>)
// CHECK: %[[FACTOR:.*]] = fovea.minimum
// CHECK: fovea.mul %{{.*}}, %[[FACTOR]] : (tensor<2x3xf32>, tensor<f32>)
// CHECK: fovea.mul %{{.*}}, %[[FACTOR]] : (tensor<f32>, tensor<f32>)
func.func @model() -> (tensor<f32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {clip_norm = 1.0}>} {
  %b = fovea.load @b : tensor<f32>
  return %b : tensor<f32>
}
