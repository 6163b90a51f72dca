// RUN: fovea-opt %s -fovea-kernels=target=x86-64-v4 | FileCheck %s
// RUN: fovea-opt %s -fovea-kernels=target=x86-64+x86-64-v3 | FileCheck %s --check-prefix=BEST

// A schedule for the best of the targets: vectors of 16 f32, or of 8.
// CHECK: fovea.target = "x86-64-v4"
// CHECK: @matmul_0{{.*}}vector = 16
// BEST: fovea.target = "x86-64-v3"
// BEST: @matmul_0{{.*}}vector = 8
func.func @forward(%x: tensor<64x64xf32>) -> tensor<64x64xf32> {
  %0 = fovea.matmul %x, %x : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  return %0 : tensor<64x64xf32>
}
