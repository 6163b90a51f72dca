// RUN: fovea-opt %s -fovea-rewrite -split-input-file | FileCheck %s

!x = tensor<?x9x8xf32, #fovea.dims<[B] -> (B, 9, 8)>>
!one = tensor<?x1x8xf32, #fovea.dims<[B] -> (B, 1, 8)>>
!row = tensor<?x9x1xf32, #fovea.dims<[B] -> (B, 9, 1)>>

// Elements, and rows, of one token: operands that have no tokens stay.
// CHECK-LABEL: @token
// CHECK-DAG: %[[X:.*]] = fovea.slice %arg0 {axis = 1 : i64, size = 1 : i64, start = 2 : i64}
// CHECK-DAG: %[[V:.*]] = fovea.slice %arg1 {axis = 0 : i64, size = 1 : i64, start = 2 : i64}
// CHECK: fovea.add %[[X]], %[[V]] {{.*}} -> tensor<?x1x8xf32
// CHECK: fovea.mul %{{.*}}, %arg2
// CHECK: fovea.layer_norm {{.*}} -> (tensor<?x1x8xf32
// CHECK-NOT: fovea.slice
func.func @token(%x: !x, %v: tensor<9x8xf32>, %w: tensor<8xf32>) -> !one {
  %0 = fovea.add %x, %v : (!x, tensor<9x8xf32>) -> !x
  %1 = fovea.mul %0, %w : (!x, tensor<8xf32>) -> !x
  %2, %mean, %rstd = fovea.layer_norm %1, %w, %w {epsilon = 1.0e-5 : f64} : (!x, tensor<8xf32>, tensor<8xf32>) -> (!x, !row, !row)
  %3 = fovea.slice %2 {axis = 1 : i64, start = 2 : i64, size = 1 : i64} : (!x) -> !one
  return %3 : !one
}

// -----

!x = tensor<?x9x8xf32, #fovea.dims<[B] -> (B, 9, 8)>>
!one = tensor<?x1x4xf32, #fovea.dims<[B] -> (B, 1, 4)>>
!rows = tensor<?x8xf32, #fovea.dims<[B] -> (B * 9, 8)>>
!y = tensor<?x4xf32, #fovea.dims<[B] -> (B * 9, 4)>>

// A product of rows.
// CHECK-LABEL: @linear
// CHECK: %[[X:.*]] = fovea.slice %arg0 {axis = 1
// CHECK: %[[ROWS:.*]] = fovea.reshape %[[X]] : {{.*}} to tensor<?x8xf32, #fovea.dims<[B] -> (B, 8)>>
// CHECK: fovea.matmul %[[ROWS]], %arg1
// CHECK: fovea.gelu {{.*}} tensor<?x4xf32, #fovea.dims<[B] -> (B, 4)>>
func.func @linear(%x: !x, %w: tensor<8x4xf32>, %b: tensor<4xf32>) -> !one {
  %0 = fovea.reshape %x : !x to !rows
  %1 = fovea.matmul %0, %w : (!rows, tensor<8x4xf32>) -> !y
  %2 = fovea.add %1, %b : (!y, tensor<4xf32>) -> !y
  %3 = fovea.gelu %2 : !y
  %4 = fovea.reshape %3 : !y to tensor<?x9x4xf32, #fovea.dims<[B] -> (B, 9, 4)>>
  %5 = fovea.slice %4 {axis = 1 : i64, start = 0 : i64, size = 1 : i64} : (tensor<?x9x4xf32, #fovea.dims<[B] -> (B, 9, 4)>>) -> !one
  return %5 : !one
}

// -----

!x = tensor<2x4x9x8xf32>
!merged = tensor<2x9x4x8xf32>
!lse = tensor<2x4x9xf32>

// Queries keep what they see.
// CHECK-LABEL: @attention
// CHECK: %[[Q:.*]] = fovea.slice %arg0 {axis = 2 : i64, size = 2 : i64, start = 7 : i64}
// CHECK: fovea.attention %[[Q]], %arg1, %arg1 attributes {offset = 8 : i64, scale = 1.000000e+00 : f64, window_right = 0 : i64}
// CHECK: fovea.transpose
// CHECK: return
func.func @attention(%q: !x, %k: !x) -> tensor<2x2x32xf32> {
  %0, %lse = fovea.attention %q, %k, %k attributes {scale = 1.0, window_right = 0 : i64, offset = 1 : i64} : (!x, !x, !x) -> (!x, !lse)
  %1 = fovea.transpose %0 [0, 2, 1, 3] : (!x) -> !merged
  %2 = fovea.reshape %1 : !merged to tensor<2x9x32xf32>
  %3 = fovea.slice %2 {axis = 1 : i64, start = 7 : i64, size = 2 : i64} : (tensor<2x9x32xf32>) -> tensor<2x2x32xf32>
  return %3 : tensor<2x2x32xf32>
}

// -----

!x = tensor<4x8xf32>

// Not what is read elsewhere, too much of it, columns, or a draw by place.
// CHECK-LABEL: @stay
// CHECK: fovea.exp {{.*}} tensor<4x8xf32>
// CHECK: fovea.sin {{.*}} tensor<4x8xf32>
// CHECK: fovea.cos {{.*}} tensor<4x8xf32>
// CHECK: fovea.dropout {{.*}} tensor<4x8xf32>
func.func @stay(%x: !x) -> (!x, tensor<1x8xf32>, tensor<3x8xf32>, tensor<4x1xf32>, tensor<1x8xf32>) {
  %0 = fovea.exp %x : !x
  %1 = fovea.slice %0 {axis = 0 : i64, start = 0 : i64, size = 1 : i64} : (!x) -> tensor<1x8xf32>
  %2 = fovea.sin %x : !x
  %3 = fovea.slice %2 {axis = 0 : i64, start = 0 : i64, size = 3 : i64} : (!x) -> tensor<3x8xf32>
  %4 = fovea.cos %x : !x
  %5 = fovea.slice %4 {axis = 1 : i64, start = 0 : i64, size = 1 : i64} : (!x) -> tensor<4x1xf32>
  %6 = fovea.dropout %x {rate = 0.5} : !x
  %7 = fovea.slice %6 {axis = 0 : i64, start = 0 : i64, size = 1 : i64} : (!x) -> tensor<1x8xf32>
  return %0, %1, %3, %5, %7 : !x, tensor<1x8xf32>, tensor<3x8xf32>, tensor<4x1xf32>, tensor<1x8xf32>
}
