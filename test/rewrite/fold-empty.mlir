// RUN: fovea-opt %s -fovea-rewrite -split-input-file -verify-diagnostics=only-expected | FileCheck %s

// What is computed from no elements is a constant; what has none is filled with nothing.
// CHECK: func.func @constants(%[[X:.*]]: tensor<2x0xf32>, %[[Y:.*]]: tensor<2x3xf32>)
func.func @constants(%x: tensor<2x0xf32>, %y: tensor<2x3xf32>) -> (tensor<2xf32>, tensor<2x0xf32>, tensor<2x3xf32>) {
  // CHECK: %[[ZERO:.*]] = fovea.constant dense<0.0{{.*}}> : tensor<f32>
  // CHECK: %[[SUM:.*]] = fovea.broadcast %[[ZERO]] : tensor<f32> to tensor<2xf32>
  // CHECK: %[[EXP:.*]] = fovea.broadcast %[[ZERO]] : tensor<f32> to tensor<2x0xf32>
  // CHECK: return %[[SUM]], %[[EXP]], %[[Y]]
  %0 = fovea.sum %x [1] : (tensor<2x0xf32>) -> tensor<2xf32>
  %1 = fovea.exp %x : tensor<2x0xf32>
  %2 = fovea.concat %x, %y {axis = 1} : (tensor<2x0xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0, %1, %2 : tensor<2xf32>, tensor<2x0xf32>, tensor<2x3xf32>
}

// -----

func.func @no_largest(%x: tensor<2x0xf32>) -> tensor<2xi64> {
  // expected-error@+1 {{argmax of (2, 0), which has no elements, has no value: give it some}}
  %0 = fovea.argmax %x 1 : (tensor<2x0xf32>) -> tensor<2xi64>
  return %0 : tensor<2xi64>
}
