// RUN: fovea-opt %s -split-input-file -fovea-kernels | FileCheck %s

!x = tensor<?x2x5x8xf32, #fovea.dims<[B] -> (B, 2, 5, 8)>>
!lse = tensor<?x2x5xf32, #fovea.dims<[B] -> (B, 2, 5)>>
!one = tensor<1x?x2x5x8xf32, #fovea.dims<[B] -> (1, B, 2, 5, 8)>>
!three = tensor<3x?x2x5x8xf32, #fovea.dims<[B] -> (3, B, 2, 5, 8)>>
!merged = tensor<?x5x3x2x8xf32, #fovea.dims<[B] -> (B, 5, 3, 2, 8)>>
!rows = tensor<?x48xf32, #fovea.dims<[B] -> (B * 5, 48)>>
!y = tensor<?x4xf32, #fovea.dims<[B] -> (B * 5, 4)>>

// The gradients are written where the product finds them side by side.
// CHECK-LABEL: fovea.kernel @attention_grad_0_joined
// CHECK-SAME: -> ({{.*}}fovea.strides = #fovea.dims<[] -> (240, 8, 48, 1)>
// CHECK-NOT: fovea.concat
// CHECK: %[[WHOLE:.*]] = fovea.arena {{.*}} <tensor<?x48xf32
// CHECK-NEXT: fovea.subview %[[WHOLE]] <[] -> (0)>
// CHECK-NEXT: fovea.subview %[[WHOLE]] <[] -> (16)>
// CHECK-NEXT: fovea.subview %[[WHOLE]] <[] -> (32)>
// CHECK-NEXT: fovea.launch @attention_grad_0_joined
// CHECK-NEXT: fovea.launch @matmul_2(%[[WHOLE]]
func.func @forward(%q: !x, %lse: !lse, %w: tensor<48x4xf32>) -> !y {
  %0:3 = fovea.attention_grad %q, %q, %q, %q, %lse, %lse attributes {scale = 1.0} : (!x, !x, !x, !x, !lse, !lse) -> (!x, !x, !x)
  %1 = fovea.reshape %0#0 : !x to !one
  %2 = fovea.reshape %0#1 : !x to !one
  %3 = fovea.reshape %0#2 : !x to !one
  %4 = fovea.concat %1, %2, %3 {axis = 0 : i64} : (!one, !one, !one) -> !three
  %5 = fovea.transpose %4 [1, 3, 0, 2, 4] : (!three) -> !merged
  %6 = fovea.reshape %5 : !merged to !rows
  %7 = fovea.matmul %6, %w : (!rows, tensor<48x4xf32>) -> !y
  return %7 : !y
}

// -----

!x = tensor<1x2x5x8xf32>
!lse = tensor<1x2x5xf32>

// What the caller gets is copied.
// CHECK-LABEL: func.func @returned
// CHECK: fovea.launch @attention_grad_0(
// CHECK: fovea.launch @point_1
func.func @returned(%q: !x, %lse: !lse) -> (tensor<1x2x15x8xf32>) {
  %0:3 = fovea.attention_grad %q, %q, %q, %q, %lse, %lse attributes {scale = 1.0} : (!x, !x, !x, !x, !lse, !lse) -> (!x, !x, !x)
  %1 = fovea.concat %0#0, %0#1, %0#2 {axis = 2 : i64} : (!x, !x, !x) -> tensor<1x2x15x8xf32>
  return %1 : tensor<1x2x15x8xf32>
}
