// RUN: fovea-opt %s -fovea-rewrite | FileCheck %s

!image = tensor<?x3x8x6xf32, #fovea.dims<[B] -> (B, 3, 8, 6)>>
!map = tensor<?x16x2x2xf32, #fovea.dims<[B] -> (B, 16, 2, 2)>>

// CHECK: func.func @patches
// CHECK: fovea.transpose %{{.*}} [0, 2, 4, 1, 3, 5] : {{.*}} -> tensor<?x2x2x3x4x3xf32
// CHECK: fovea.matmul {{.*}} {transpose_b = true} : (tensor<?x36xf32, #fovea.dims<[B] -> (B * 4, 36)>>, tensor<16x36xf32>)
// CHECK: fovea.transpose %{{.*}} [0, 3, 1, 2] : {{.*}} -> tensor<?x16x2x2xf32
// CHECK-NOT: fovea.conv2d
func.func @patches(%x: !image, %w: tensor<16x3x4x3xf32>) -> !map {
  %0 = fovea.conv2d %x, %w {stride = array<i64: 4, 3>, padding = array<i64: 0, 0>} : (!image, tensor<16x3x4x3xf32>) -> !map
  return %0 : !map
}

// Windows that overlap, padding, and an image that is no whole number of patches.
// CHECK: func.func @kept
// CHECK-COUNT-3: fovea.conv2d
// CHECK-NOT: fovea.matmul
func.func @kept(%x: tensor<1x1x5x5xf32>, %y: tensor<1x1x4x4xf32>, %w: tensor<1x1x2x2xf32>)
    -> (tensor<1x1x3x3xf32>, tensor<1x1x3x3xf32>, tensor<1x1x2x2xf32>) {
  %0 = fovea.conv2d %y, %w {stride = array<i64: 1, 1>, padding = array<i64: 0, 0>} : (tensor<1x1x4x4xf32>, tensor<1x1x2x2xf32>) -> tensor<1x1x3x3xf32>
  %1 = fovea.conv2d %y, %w {stride = array<i64: 2, 2>, padding = array<i64: 1, 1>} : (tensor<1x1x4x4xf32>, tensor<1x1x2x2xf32>) -> tensor<1x1x3x3xf32>
  %2 = fovea.conv2d %x, %w {stride = array<i64: 2, 2>, padding = array<i64: 0, 0>} : (tensor<1x1x5x5xf32>, tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  return %0, %1, %2 : tensor<1x1x3x3xf32>, tensor<1x1x3x3xf32>, tensor<1x1x2x2xf32>
}
