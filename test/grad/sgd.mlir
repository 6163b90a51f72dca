// RUN: fovea-opt %s -fovea-grad | FileCheck %s

fovea.state "parameter" @w : tensor<4xf32> {decay}
fovea.state "parameter" @b : tensor<4xf32> {rate = 0.5}
fovea.state "parameter" @frozen : tensor<4xf32> {frozen}
// CHECK-DAG: fovea.state "optimizer" @"momentum/w" : tensor<4xf32>
// CHECK-DAG: fovea.state "optimizer" @"momentum/b" : tensor<4xf32>
// CHECK-NOT: "momentum/frozen"

// CHECK: func.func @update(%[[RATE:.*]]: tensor<f32> {fovea.name = "rate", fovea.scalar}, %[[SCALE:.*]]: tensor<f32> {fovea.name = "scale", fovea.scalar}) {
// CHECK: %[[GW:.*]] = fovea.load @"gradient/w"
// CHECK: %[[G:.*]] = fovea.mul %[[GW]], %[[SCALE]]
// CHECK: fovea.store %{{.*}}, @step
// w decays: 0.01 w joins its gradient.
// CHECK: %[[W:.*]] = fovea.load @w
// CHECK: %[[DECAY:.*]] = fovea.constant dense<0.00999999977>
// CHECK: %[[PULL:.*]] = fovea.mul %[[W]], %[[DECAY]]
// CHECK: %[[GD:.*]] = fovea.add %[[G]], %[[PULL]]
// CHECK: %[[M:.*]] = fovea.load @"momentum/w"
// CHECK: %[[MM:.*]] = fovea.mul %[[M]], %{{.*}}
// CHECK: %[[V:.*]] = fovea.add %[[MM]], %[[GD]]
// CHECK: fovea.store %[[V]], @"momentum/w"
// CHECK: %[[STEP:.*]] = fovea.mul %[[RATE]], %[[V]]
// CHECK: %[[NEW:.*]] = fovea.sub %[[W]], %[[STEP]]
// CHECK: fovea.store %[[NEW]], @w
// CHECK: fovea.store %{{.*}}, @"gradient/w"
// b does not decay and has a rate of its own.
// CHECK: %[[HALF:.*]] = fovea.constant dense<5.000000e-01>
// CHECK: fovea.mul %[[RATE]], %[[HALF]]
// CHECK-NOT: dense<0.00999999977>
// CHECK: fovea.store %{{.*}}, @b
// CHECK-NOT: @frozen
func.func @model() -> (tensor<f32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {momentum = 0.9, weight_decay = 0.01}>} {
  %w = fovea.load @w : tensor<4xf32>
  %0 = fovea.sum %w [0] : (tensor<4xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}
