// RUN: fovea-opt %s -fovea-grad | FileCheck %s

// CHECK-DAG: fovea.state "optimizer" @loss_scale : tensor<f32> {a = 6.553600e+04 : f64}
// CHECK-DAG: fovea.state "counter" @good_steps : tensor<i64>
fovea.state "parameter" @w : tensor<4xf32>

// The loss's gradient is the scale; an input's gradient is given without it.
// CHECK: func.func @gradients
// CHECK: %[[SCALE:.*]] = fovea.load @loss_scale
// CHECK: fovea.reshape %[[SCALE]] :
// CHECK: fovea.store %{{.*}}, @"gradient/w"
// CHECK: %[[DX:.*]] = fovea.div %{{.*}}, %[[SCALE]] :
// CHECK: return %{{.*}}, %[[DX]]

// CHECK: func.func @update(%{{.*}}: tensor<f32> {{.*}}, %[[FACTOR:.*]]: tensor<f32>
// CHECK: %[[NOW:.*]] = fovea.load @loss_scale
// CHECK: %[[WITHOUT:.*]] = fovea.div %[[FACTOR]], %[[NOW]]
// CHECK: %[[G:.*]] = fovea.mul %{{.*}}, %[[WITHOUT]]
// CHECK: %[[ABS:.*]] = fovea.abs %[[G]]
// CHECK: fovea.max %[[ABS]] [0]
// CHECK: %[[FINITE:.*]] = fovea.compare "lt"
// CHECK: fovea.store %{{.*}}, @loss_scale
// CHECK: fovea.store %{{.*}}, @good_steps
// CHECK: %[[STEP:.*]] = fovea.select %[[FINITE]], {{.*}} -> tensor<i64>
// CHECK: fovea.store %[[STEP]], @step
// CHECK: %[[W:.*]] = fovea.select %[[FINITE]], {{.*}} -> tensor<4xf32>
// CHECK: fovea.store %[[W]], @w
// CHECK-NOT: fovea.select
// CHECK: fovea.store %{{.*}}, @"gradient/w"
func.func @model(%x: tensor<4xf32> {fovea.name = "x", fovea.gradient}) -> (tensor<f32> {fovea.loss})
    attributes {fovea.optimizer = #fovea.optimizer<"sgd", {loss_scale = 65536.0, growth_interval = 2000.0}>} {
  %w = fovea.load @w : tensor<4xf32>
  %0 = fovea.mul %w, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = fovea.sum %0 [0] : (tensor<4xf32>) -> tensor<f32>
  return %1 : tensor<f32>
}
