// RUN: fovea-opt %s | fovea-opt | FileCheck %s

// Defaults are not printed; what was set is.
// CHECK: fovea.state "parameter" @w : tensor<4xf32> {b = 2.000000e-02 : f64, decay, initializer = "normal", rate = 5.000000e-01 : f64}
fovea.state "parameter" @w : tensor<4xf32> {initializer = "normal", a = 0.0, b = 0.02, decay, rate = 0.5}
// CHECK: fovea.state "parameter" @"blocks/0/norm" : tensor<4xf32> {frozen}
fovea.state "parameter" @"blocks/0/norm" : tensor<4xf32> {frozen}
// CHECK: fovea.state "counter" @step : tensor<i64>{{$}}
fovea.state "counter" @step : tensor<i64>

func.func @main() {
  // CHECK: %[[W:.*]] = fovea.load @w : tensor<4xf32>
  %0 = fovea.load @w : tensor<4xf32>
  // CHECK: fovea.store %[[W]], @"blocks/0/norm" : tensor<4xf32>
  fovea.store %0, @"blocks/0/norm" : tensor<4xf32>
  return
}

// The rule takes the input, the value and its cotangent.
func.func @custom_vjp(%x: tensor<3xf32>) -> tensor<3xf32> {
  // CHECK: fovea.custom_vjp(%{{.*}}) gives %{{.*}} {
  // CHECK-NEXT: ^bb0(%{{.*}}: tensor<3xf32>, %{{.*}}: tensor<3xf32>, %{{.*}}: tensor<3xf32>):
  // CHECK: } : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %0 = fovea.round %x : tensor<3xf32>
  %1 = fovea.custom_vjp(%x) gives %0 {
  ^bb0(%input: tensor<3xf32>, %value: tensor<3xf32>, %cotangent: tensor<3xf32>):
    fovea.yield %cotangent : tensor<3xf32>
  } : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %1 : tensor<3xf32>
}
