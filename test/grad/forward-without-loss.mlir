// RUN: fovea-opt %s -fovea-grad | FileCheck %s

// CHECK-NOT: fovea.state
// CHECK: func.func @forward
// CHECK-NOT: func.func
func.func @model(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = fovea.exp %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}
