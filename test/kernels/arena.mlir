// RUN: fovea-opt %s -fovea-kernels | FileCheck %s

// A value's place is free again after its last reader: the third value takes the first's. Sizes are rounded up to 64 bytes.
// CHECK: fovea.arena = #fovea.dims<[] -> (128)>
// CHECK: fovea.arena <[] -> (0)>
// CHECK: fovea.arena <[] -> (64)>
// CHECK: fovea.arena <[] -> (0)>
// CHECK-NOT: fovea.arena
func.func @chain(%x: tensor<3x3xf32>) -> tensor<3x3xf32> {
  %0 = fovea.softmax %x : tensor<3x3xf32>
  %1 = fovea.softmax %0 : tensor<3x3xf32>
  %2 = fovea.softmax %1 : tensor<3x3xf32>
  %3 = fovea.softmax %2 : tensor<3x3xf32>
  return %3 : tensor<3x3xf32>
}
