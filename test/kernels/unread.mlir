// RUN: fovea-opt %s -fovea-kernels | FileCheck %s

// What nothing reads needs no kernel.
// CHECK-NOT: fovea.kernel
// CHECK-NOT: fovea.launch
func.func @forward(%x: tensor<4xf32>) {
  %0 = fovea.softmax %x : tensor<4xf32>
  %1 = fovea.exp %0 : tensor<4xf32>
  return
}
