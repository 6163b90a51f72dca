// RUN: fovea-opt %s -fovea-rewrite | FileCheck %s

// Elementwise: a bias over the kept last dimension and a scalar go along; another operand is reshaped.
// CHECK: func.func @point(%[[X:.*]]: tensor<6x4xf32>, %[[B:.*]]: tensor<4xf32>, %[[R:.*]]: tensor<2x3x4xf32>)
// CHECK: %[[Y:.*]] = fovea.add %[[X]], %[[B]] : (tensor<6x4xf32>, tensor<4xf32>)
// CHECK: %[[RESIDUAL:.*]] = fovea.reshape %[[R]] : tensor<2x3x4xf32> to tensor<6x4xf32>
// CHECK: %[[SUM:.*]] = fovea.add %[[Y]], %[[RESIDUAL]] : (tensor<6x4xf32>, tensor<6x4xf32>)
// CHECK: fovea.reshape %[[SUM]] : tensor<6x4xf32> to tensor<2x3x4xf32>
func.func @point(%x: tensor<6x4xf32>, %b: tensor<4xf32>, %r: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %0 = fovea.reshape %x : tensor<6x4xf32> to tensor<2x3x4xf32>
  %1 = fovea.add %0, %b : (tensor<2x3x4xf32>, tensor<4xf32>) -> tensor<2x3x4xf32>
  %2 = fovea.add %1, %r : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return %2 : tensor<2x3x4xf32>
}

// CHECK: func.func @rows(%[[X:.*]]: tensor<6x4xf32>
// CHECK-DAG: fovea.softmax %[[X]]
// CHECK-DAG: fovea.sum %[[X]] [1]
// CHECK-DAG: fovea.layer_norm %[[X]]
// CHECK-DAG: fovea.rms_norm %[[X]]
// CHECK-DAG: fovea.log_softmax %[[X]]
// CHECK-DAG: fovea.log_sum_exp %[[X]] : (tensor<6x4xf32>) -> tensor<6xf32>
// CHECK-DAG: fovea.cumsum %[[X]] {exclusive = true}
func.func @rows(%x: tensor<6x4xf32>, %s: tensor<4xf32>)
    -> (tensor<2x3x4xf32>, tensor<2x3xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3xf32>, tensor<2x3x4xf32>) {
  %0 = fovea.reshape %x : tensor<6x4xf32> to tensor<2x3x4xf32>
  %1 = fovea.softmax %0 : tensor<2x3x4xf32>
  %2 = fovea.sum %0 [2] : (tensor<2x3x4xf32>) -> tensor<2x3xf32>
  %3, %4, %5 = fovea.layer_norm %0, %s, %s {epsilon = 1.0e-5} : (tensor<2x3x4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<2x3x4xf32>, tensor<2x3x1xf32>, tensor<2x3x1xf32>)
  %6, %7 = fovea.rms_norm %0, %s {epsilon = 1.0e-5} : (tensor<2x3x4xf32>, tensor<4xf32>) -> (tensor<2x3x4xf32>, tensor<2x3x1xf32>)
  %8 = fovea.log_softmax %0 : tensor<2x3x4xf32>
  %9 = fovea.log_sum_exp %0 : (tensor<2x3x4xf32>) -> tensor<2x3xf32>
  %10 = fovea.cumsum %0 {exclusive = true} : tensor<2x3x4xf32>
  return %1, %2, %3, %6, %8, %9, %10
    : tensor<2x3x4xf32>, tensor<2x3xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3xf32>, tensor<2x3x4xf32>
}

// A column broadcasts only in the shape after the reshape; a sum over another axis, or a softmax whose rows the reshape cuts, too.
// CHECK: func.func @kept
// CHECK-DAG: fovea.mul %{{.*}} : (tensor<2x3x4xf32>, tensor<3x1xf32>)
// CHECK-DAG: fovea.sum %{{.*}} [0] : (tensor<2x3x4xf32>)
// CHECK-DAG: fovea.softmax %{{.*}} : tensor<12x2xf32>
func.func @kept(%x: tensor<6x4xf32>, %c: tensor<3x1xf32>) -> (tensor<2x3x4xf32>, tensor<3x4xf32>, tensor<12x2xf32>) {
  %0 = fovea.reshape %x : tensor<6x4xf32> to tensor<2x3x4xf32>
  %1 = fovea.mul %0, %c : (tensor<2x3x4xf32>, tensor<3x1xf32>) -> tensor<2x3x4xf32>
  %2 = fovea.sum %0 [0] : (tensor<2x3x4xf32>) -> tensor<3x4xf32>
  %3 = fovea.reshape %x : tensor<6x4xf32> to tensor<12x2xf32>
  %4 = fovea.softmax %3 : tensor<12x2xf32>
  return %1, %2, %4 : tensor<2x3x4xf32>, tensor<3x4xf32>, tensor<12x2xf32>
}

// Reshapes of equal rank stay where they are: two operands would push each other's back and forth for ever.
// CHECK: func.func @ends
// CHECK: fovea.add %{{.*}} : (tensor<12x1xf32>, tensor<12x1xf32>)
func.func @ends(%x: tensor<2x6xf32>, %y: tensor<3x4xf32>) -> tensor<12x1xf32> {
  %0 = fovea.reshape %x : tensor<2x6xf32> to tensor<12x1xf32>
  %1 = fovea.reshape %y : tensor<3x4xf32> to tensor<12x1xf32>
  %2 = fovea.add %0, %1 : (tensor<12x1xf32>, tensor<12x1xf32>) -> tensor<12x1xf32>
  return %2 : tensor<12x1xf32>
}
