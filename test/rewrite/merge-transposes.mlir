// RUN: fovea-opt %s -fovea-rewrite | FileCheck %s

// CHECK: func.func @both(%[[A:.*]]: tensor<2x3x5xf32>, %[[B:.*]]: tensor<4x3xf32>)
// CHECK-NEXT: %[[Y:.*]] = fovea.matmul %[[A]], %[[B]] {transpose_a = true, transpose_b = true}
// CHECK-NEXT: return %[[Y]]
func.func @both(%a: tensor<2x3x5xf32>, %b: tensor<4x3xf32>) -> tensor<2x5x4xf32> {
  %0 = fovea.transpose %a [0, 2, 1] : (tensor<2x3x5xf32>) -> tensor<2x5x3xf32>
  %1 = fovea.transpose %b [1, 0] : (tensor<4x3xf32>) -> tensor<3x4xf32>
  %2 = fovea.matmul %0, %1 : (tensor<2x5x3xf32>, tensor<3x4xf32>) -> tensor<2x5x4xf32>
  return %2 : tensor<2x5x4xf32>
}

// CHECK: func.func @twice(%[[A:.*]]: tensor<5x3xf32>, %[[B:.*]]: tensor<3x4xf32>)
// CHECK-NEXT: fovea.matmul %[[A]], %[[B]] :
func.func @twice(%a: tensor<5x3xf32>, %b: tensor<3x4xf32>) -> tensor<5x4xf32> {
  %0 = fovea.transpose %a [1, 0] : (tensor<5x3xf32>) -> tensor<3x5xf32>
  %1 = fovea.matmul %0, %b {transpose_a = true} : (tensor<3x5xf32>, tensor<3x4xf32>) -> tensor<5x4xf32>
  return %1 : tensor<5x4xf32>
}

// CHECK: func.func @kept
// CHECK: fovea.transpose %{{.*}} [1, 2, 0]
func.func @kept(%a: tensor<3x2x5xf32>, %b: tensor<3x4xf32>) -> tensor<2x5x4xf32> {
  %0 = fovea.transpose %a [1, 2, 0] : (tensor<3x2x5xf32>) -> tensor<2x5x3xf32>
  %1 = fovea.matmul %0, %b : (tensor<2x5x3xf32>, tensor<3x4xf32>) -> tensor<2x5x4xf32>
  return %1 : tensor<2x5x4xf32>
}
