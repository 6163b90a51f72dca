// Low precision is computed with in f32, stored as it is, and rounded once where a kernel stores it.
// RUN: fovea-opt %s --fovea-widen | FileCheck %s
// RUN: fovea-opt %s --fovea-widen --fovea-kernels | FileCheck %s --check-prefix=KERNELS

!x = tensor<8x8xbf16>

// CHECK-LABEL: @chain
// CHECK: %[[A:.*]] = fovea.cast %{{.*}} : tensor<8x8xbf16> to tensor<8x8xf32>
// CHECK: %[[PRODUCT:.*]] = fovea.matmul %[[A]], %[[A]] : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
// CHECK: fovea.cast %[[PRODUCT]] : tensor<8x8xf32> to tensor<8x8xbf16>
// Views move what is stored.
// CHECK: fovea.transpose %{{.*}} : (tensor<8x8xbf16>) -> tensor<8x8xbf16>
// The product's kernel reads and writes bf16 and rounds at its end only; the next reads the result transposed in place.
// KERNELS: fovea.kernel @matmul_0(%arg0: tensor<8x8xbf16>) -> tensor<8x8xbf16>
// KERNELS: fovea.matmul
// KERNELS-NEXT: fovea.tanh %{{.*}} : tensor<8x8xf32>
// KERNELS-NEXT: fovea.cast %{{.*}} : tensor<8x8xf32> to tensor<8x8xbf16>
// KERNELS-NEXT: fovea.yield
// KERNELS: fovea.kernel @softmax_{{.*}}(%arg0: tensor<8x8xbf16> {{.*}}) -> tensor<8x8xbf16>
// KERNELS-LABEL: func.func @chain
// KERNELS-COUNT-2: fovea.launch
// KERNELS-NOT: fovea.launch
// KERNELS: return
func.func @chain(%x: !x) -> !x {
  %0 = fovea.matmul %x, %x : (!x, !x) -> !x
  %1 = fovea.tanh %0 : !x
  %2 = fovea.transpose %1 [1, 0] : (!x) -> !x
  %3 = fovea.softmax %2 : !x
  return %3 : !x
}

// What is kept for the gradient stays in f32.
!q = tensor<1x2x8x4xf16>
!l = tensor<1x2x8xf16>
// CHECK-LABEL: @statistics
// CHECK: %[[OUT:.*]], %[[LSE:.*]] = fovea.attention
// CHECK: fovea.neg %[[LSE]] : tensor<1x2x8xf32>
func.func @statistics(%q: !q) -> (!q, !l) {
  %out, %lse = fovea.attention %q, %q, %q attributes {scale = 5.000000e-01 : f64} : (!q, !q, !q) -> (!q, !l)
  %0 = fovea.neg %lse : !l
  return %out, %0 : !q, !l
}
