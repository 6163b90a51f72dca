// RUN: fovea-opt %s -fovea-rewrite | FileCheck %s

// Before grad the stage stays; equal ops become one.
// CHECK: fovea.stage = "model"
// CHECK: fovea.exp
// CHECK-NOT: fovea.exp
module attributes {fovea.stage = "model"} {
  func.func @model(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
    %0 = fovea.exp %x : tensor<4xf32>
    %1 = fovea.exp %x : tensor<4xf32>
    return %0, %1 : tensor<4xf32>, tensor<4xf32>
  }
}
