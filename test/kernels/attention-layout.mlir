// RUN: fovea-opt %s -fovea-kernels | FileCheck %s

!heads = tensor<?x4x5x8xf32, #fovea.dims<[B] -> (B, 4, 5, 8)>>
!merged = tensor<?x5x4x8xf32, #fovea.dims<[B] -> (B, 5, 4, 8)>>
!rows = tensor<?x32xf32, #fovea.dims<[B] -> (B * 5, 32)>>

// The heads are written side by side, so that merging them is a view.
// CHECK: fovea.kernel @attention_0({{.*}}) -> (tensor<?x4x5x8xf32, {{.*}}> {fovea.strides = #fovea.dims<[] -> (160, 8, 32, 1)>})
// CHECK: fovea.launch @attention_0
// CHECK: fovea.subview %{{.*}} to <tensor<?x32xf32, #fovea.dims<[B] -> (B * 5, 32)>>, <[] -> (32, 1)>>
// CHECK-NEXT: fovea.launch @matmul_1
func.func @forward(%q: !heads, %w: tensor<32x8xf32>) -> tensor<?x8xf32, #fovea.dims<[B] -> (B * 5, 8)>> {
  %0, %lse = fovea.attention %q, %q, %q attributes {scale = 1.0} : (!heads, !heads, !heads) -> (!heads, tensor<?x4x5xf32, #fovea.dims<[B] -> (B, 4, 5)>>)
  %1 = fovea.transpose %0 [0, 2, 1, 3] : (!heads) -> !merged
  %2 = fovea.reshape %1 : !merged to !rows
  %3 = fovea.matmul %2, %w : (!rows, tensor<32x8xf32>) -> tensor<?x8xf32, #fovea.dims<[B] -> (B * 5, 8)>>
  return %3 : tensor<?x8xf32, #fovea.dims<[B] -> (B * 5, 8)>>
}
