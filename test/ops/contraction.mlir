// RUN: fovea-opt %s | fovea-opt | FileCheck %s

!x = tensor<?x5x8xf32, #fovea.dims<[B] -> (B, 5, 8)>>
!y = tensor<?x5x3xf32, #fovea.dims<[B] -> (B, 5, 3)>>
!image = tensor<?x2x9x7xf32, #fovea.dims<[B] -> (B, 2, 9, 7)>>

func.func @matmul(%x: !x, %w: tensor<8x3xf32>, %wt: tensor<3x8xf32>) -> (!y, !y, tensor<?x8x3xf32, #fovea.dims<[B] -> (B, 8, 3)>>) {
  // CHECK: fovea.matmul {{.*}} -> tensor<?x5x3xf32, #fovea.dims<[B] -> (B, 5, 3)>>
  %0 = fovea.matmul %x, %w : (!x, tensor<8x3xf32>) -> !y
  // CHECK: fovea.matmul {{.*}} {transpose_b = true} {{.*}} -> tensor<?x5x3xf32
  %1 = fovea.matmul %x, %wt {transpose_b = true} : (!x, tensor<3x8xf32>) -> !y
  // CHECK: fovea.matmul {{.*}} {transpose_a = true} {{.*}} -> tensor<?x8x3xf32
  %2 = fovea.matmul %x, %0 {transpose_a = true} : (!x, !y) -> tensor<?x8x3xf32, #fovea.dims<[B] -> (B, 8, 3)>>
  return %0, %1, %2 : !y, !y, tensor<?x8x3xf32, #fovea.dims<[B] -> (B, 8, 3)>>
}

// (9 + 2 - 3) / 2 + 1 rows and (7 - 2) / 3 + 1 columns.
func.func @conv2d(%x: !image, %w: tensor<4x2x3x2xf32>) {
  // CHECK: fovea.conv2d {{.*}} -> tensor<?x4x5x2xf32, #fovea.dims<[B] -> (B, 4, 5, 2)>>
  %0 = fovea.conv2d %x, %w {stride = array<i64: 2, 3>, padding = array<i64: 1, 0>} : (!image, tensor<4x2x3x2xf32>) -> tensor<?x4x5x2xf32, #fovea.dims<[B] -> (B, 4, 5, 2)>>
  // CHECK: fovea.conv2d_input_grad
  %1 = fovea.conv2d_input_grad %0, %w {stride = array<i64: 2, 3>, padding = array<i64: 1, 0>} : (tensor<?x4x5x2xf32, #fovea.dims<[B] -> (B, 4, 5, 2)>>, tensor<4x2x3x2xf32>) -> !image
  // CHECK: fovea.conv2d_weight_grad
  %2 = fovea.conv2d_weight_grad %0, %x {stride = array<i64: 2, 3>, padding = array<i64: 1, 0>} : (tensor<?x4x5x2xf32, #fovea.dims<[B] -> (B, 4, 5, 2)>>, !image) -> tensor<4x2x3x2xf32>
  return
}

// Two groups of three channels, (9 - 4 - 1) + 1 rows.
func.func @conv2d_groups(%x: tensor<1x6x9x7xf32>, %w: tensor<4x3x3x3xf32>) {
  // CHECK: fovea.conv2d {{.*}} {dilation = array<i64: 2, 1>, groups = 2 : i64, {{.*}} -> tensor<1x4x5x5xf32>
  %0 = fovea.conv2d %x, %w {stride = array<i64: 1, 1>, padding = array<i64: 0, 0>, dilation = array<i64: 2, 1>, groups = 2} : (tensor<1x6x9x7xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x5x5xf32>
  return
}
