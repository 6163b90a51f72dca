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
