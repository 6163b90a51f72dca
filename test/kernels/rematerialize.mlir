// RUN: fovea-opt %s -fovea-kernels -split-input-file | FileCheck %s

!t = tensor<8x8xf32>

// An activation that is read early and long after: the kernel that reads its argument late computes it again.
// CHECK: fovea.kernel @[[LATE:matmul_[0-9]+]]_in_place_0_of_2(
// CHECK: %[[SLOPE:.*]] = fovea.gelu_slope
// CHECK: %[[PRODUCT:.*]] = fovea.mul {{.*}}%[[SLOPE]]
// CHECK: %[[AGAIN:.*]] = fovea.gelu %
// CHECK: fovea.yield %[[PRODUCT]], %[[AGAIN]]
// CHECK: func.func @activation
// CHECK: fovea.launch @matmul_0({{.*}}) into(%[[H:[0-9]+]], %[[KEPT:[0-9]+]])
// CHECK: fovea.launch @{{.*}}(%[[KEPT]],
// CHECK-NOT: (%[[KEPT]],
// CHECK: fovea.launch @[[LATE]]{{.*}}, %[[H]]) into(%[[D:[0-9]+]], %[[V:[0-9]+]])
// CHECK-NEXT: fovea.launch @{{.*}}(%[[V]], %[[D]])
func.func @activation(%x: !t, %w: !t) -> (!t, !t) {
  %h = fovea.matmul %x, %w : (!t, !t) -> !t
  %v = fovea.gelu %h : !t
  %0 = fovea.matmul %v, %w : (!t, !t) -> !t
  %1 = fovea.matmul %0, %w : (!t, !t) -> !t
  %2 = fovea.matmul %1, %w : (!t, !t) -> !t
  %3 = fovea.matmul %2, %w : (!t, !t) -> !t
  %4 = fovea.matmul %3, %w : (!t, !t) -> !t
  %5 = fovea.matmul %4, %w : (!t, !t) -> !t
  %6 = fovea.matmul %5, %w : (!t, !t) -> !t
  %7 = fovea.matmul %6, %w : (!t, !t) -> !t
  %8 = fovea.matmul %7, %w : (!t, !t) -> !t
  %slope = fovea.gelu_slope %h : !t
  %d = fovea.mul %8, %slope : (!t, !t) -> !t
  %dw = fovea.matmul %v, %d {transpose_a = true} : (!t, !t) -> !t
  %dx = fovea.matmul %d, %w {transpose_b = true} : (!t, !t) -> !t
  return %dw, %dx : !t, !t
}

// -----

!t = tensor<8x8xf32>

// Read again soon, it is kept.
// CHECK: fovea.gelu %
// CHECK-NOT: fovea.gelu %
func.func @soon(%x: !t, %w: !t) -> (!t, !t) {
  %h = fovea.matmul %x, %w : (!t, !t) -> !t
  %v = fovea.gelu %h : !t
  %0 = fovea.matmul %v, %w : (!t, !t) -> !t
  %slope = fovea.gelu_slope %h : !t
  %d = fovea.mul %0, %slope : (!t, !t) -> !t
  %dw = fovea.matmul %v, %d {transpose_a = true} : (!t, !t) -> !t
  %dx = fovea.matmul %d, %w {transpose_b = true} : (!t, !t) -> !t
  return %dw, %dx : !t, !t
}

// -----

!t = tensor<8x8xf32>
!s = tensor<8x1xf32>
!b = tensor<8xf32>

// A norm from its statistics, read as a view.
// CHECK: fovea.kernel @[[LATE:matmul_[0-9]+]](%{{.*}}) -> (tensor<8x8xf32>, tensor<8x8xf32>)
// CHECK: func.func @norm
// CHECK: fovea.launch @layer_norm_0({{.*}}) into(%[[KEPT:[0-9]+]], %{{.*}}, %{{.*}})
// CHECK: fovea.launch @{{.*}}(%[[KEPT]],
// CHECK-NOT: %[[KEPT]]{{[, ]}}
// CHECK: fovea.launch @[[LATE]]({{.*}} into(%[[D:[0-9]+]], %[[V:[0-9]+]])
// CHECK: %[[VIEW:.*]] = fovea.subview %[[V]]
// CHECK: fovea.launch @{{.*}}(%[[VIEW]], %[[D]])
func.func @norm(%x: !t, %w: !t, %scale: !b, %bias: !b) -> !t {
  %v, %mean, %rstd = fovea.layer_norm %x, %scale, %bias {epsilon = 1.0e-6} : (!t, !b, !b) -> (!t, !s, !s)
  %0 = fovea.matmul %v, %w : (!t, !t) -> !t
  %1 = fovea.matmul %0, %w : (!t, !t) -> !t
  %2 = fovea.matmul %1, %w : (!t, !t) -> !t
  %3 = fovea.matmul %2, %w : (!t, !t) -> !t
  %4 = fovea.matmul %3, %w : (!t, !t) -> !t
  %5 = fovea.matmul %4, %w : (!t, !t) -> !t
  %6 = fovea.matmul %5, %w : (!t, !t) -> !t
  %7 = fovea.matmul %6, %w : (!t, !t) -> !t
  %8 = fovea.matmul %7, %w : (!t, !t) -> !t
  %apart = fovea.sub %x, %mean : (!t, !s) -> !t
  %normal = fovea.mul %apart, %rstd : (!t, !s) -> !t
  %d = fovea.mul %8, %normal : (!t, !t) -> !t
  %turned = fovea.transpose %v [1, 0] : (!t) -> !t
  %dw = fovea.matmul %turned, %d : (!t, !t) -> !t
  return %dw : !t
}
