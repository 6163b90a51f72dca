// RUN: fovea-opt %s -fovea-kernels | FileCheck %s

!x = tensor<?x20xf32, #fovea.dims<[B] -> (B, 20)>>

// What does not grow with the batch comes first (80 bytes, so 128); then each item of the batch has 2 * 128.
// CHECK: fovea.arena = #fovea.dims<[B] -> (B * 256 + 128)>
// CHECK-DAG: fovea.arena <[] -> (0)> : <tensor<20xf32>
// CHECK-DAG: fovea.arena <[B] -> (B * 128 + 128)> : <tensor<?x20xf32
// CHECK-DAG: fovea.arena <[] -> (128)> : <tensor<?x20xf32
func.func @forward(%x: !x) -> (tensor<20xf32>, !x) {
  %0 = fovea.softmax %x : !x
  %1 = fovea.softmax %0 : !x
  %2 = fovea.sum %1 [0] : (!x) -> tensor<20xf32>
  %3 = fovea.softmax %2 : tensor<20xf32>
  %4 = fovea.softmax %1 : !x
  return %3, %4 : tensor<20xf32>, !x
}
