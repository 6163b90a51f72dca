// RUN: fovea-opt %s -fovea-grad | FileCheck %s

// CHECK: fovea.state "optimizer" @"squares/w" : tensor<4xf32>
// CHECK-NOT: fovea.state "optimizer"
fovea.state "parameter" @w : tensor<4xf32>

// CHECK: func.func @update
// CHECK: %[[OLD:.*]] = fovea.load @"squares/w"
// CHECK: %[[SQUARES:.*]] = fovea.add %[[OLD]], %{{.*}}
// CHECK: fovea.store %[[SQUARES]], @"squares/w"
// CHECK: fovea.sqrt %[[SQUARES]]
// CHECK: fovea.store %{{.*}}, @w
func.func @model() -> (tensor<f32> {fovea.loss})
    attributes {fovea.optimizer = #fovea.optimizer<"adagrad", {epsilon = 1.0e-10}>} {
  %w = fovea.load @w : tensor<4xf32>
  %0 = fovea.sum %w [0] : (tensor<4xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}
