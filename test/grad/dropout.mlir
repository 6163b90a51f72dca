// RUN: fovea-opt %s -fovea-grad | FileCheck %s

!x = tensor<?x4xf32, #fovea.dims<[B] -> (B, 4)>>
fovea.state "parameter" @w : tensor<4xf32>

// CHECK: func.func @forward
// CHECK-NOT: fovea.random
// CHECK: return

// Each op has its row of the keys, and a draw of the shape of its input: 0 below the rate, else 1 / (1 - rate).
// CHECK: func.func @gradients
// CHECK: %[[SEED:.*]] = fovea.load @seed
// CHECK: %[[DRAWS:.*]] = fovea.load @draws
// CHECK: %[[KEYS:.*]] = fovea.random_keys %[[SEED]], %[[DRAWS]] : {{.*}} -> tensor<2x2xi32>
// CHECK: fovea.slice %[[KEYS]] {axis = 0 : i64, size = 1 : i64, start = 0 : i64}
// CHECK: fovea.slice %[[KEYS]] {axis = 0 : i64, size = 1 : i64, start = 1 : i64}
// CHECK: %[[DRAW:.*]] = fovea.random_uniform %{{.*}} -> tensor<?x4xf32, #fovea.dims<[B] -> (B, 4)>>
// CHECK: %[[RATE:.*]] = fovea.constant dense<2.500000e-01>
// CHECK: %[[DROPPED:.*]] = fovea.compare "lt" %[[DRAW]], %[[RATE]]
// CHECK-DAG: %[[ZERO:.*]] = fovea.constant dense<0.0
// CHECK-DAG: %[[SCALE:.*]] = fovea.constant dense<1.33333337>
// CHECK: fovea.select %[[DROPPED]], %[[ZERO]], %[[SCALE]]
// CHECK-NOT: fovea.dropout
// The next call draws others.
// CHECK: %[[NEXT:.*]] = fovea.add %{{.*}} : (tensor<i64>, tensor<i64>)
// CHECK: fovea.store %[[NEXT]], @draws
func.func @model(%x: !x) -> (!x, tensor<f32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
  %w = fovea.load @w : tensor<4xf32>
  %0 = fovea.mul %x, %w : (!x, tensor<4xf32>) -> !x
  %1 = fovea.dropout %0 {rate = 0.25} : !x
  %2 = fovea.dropout %1 {rate = 0.5} : !x
  %loss = fovea.sum %2 [0, 1] : (!x) -> tensor<f32>
  return %2, %loss : !x, tensor<f32>
}
