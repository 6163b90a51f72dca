// RUN: fovea-opt %s -fovea-grad | FileCheck %s

// CHECK-DAG: fovea.state "optimizer" @"ema/w" : tensor<4xf32>
// CHECK-NOT: @"ema/frozen"
fovea.state "parameter" @w : tensor<4xf32>
fovea.state "parameter" @frozen : tensor<4xf32> {frozen}

// CHECK: func.func @update
// CHECK: fovea.store %[[NEXT:.*]], @w
// CHECK: %[[OLD:.*]] = fovea.load @"ema/w"
// CHECK: %[[WAY:.*]] = fovea.sub %[[NEXT]], %[[OLD]]
// CHECK: %[[PART:.*]] = fovea.mul %[[WAY]], %{{.*}}
// CHECK: %[[AVERAGE:.*]] = fovea.add %[[OLD]], %[[PART]]
// CHECK: fovea.store %[[AVERAGE]], @"ema/w"
func.func @model() -> (tensor<f32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {ema = 0.999}>} {
  %w = fovea.load @w : tensor<4xf32>
  %frozen = fovea.load @frozen : tensor<4xf32>
  %0 = fovea.mul %w, %frozen : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = fovea.sum %0 [0] : (tensor<4xf32>) -> tensor<f32>
  return %1 : tensor<f32>
}
