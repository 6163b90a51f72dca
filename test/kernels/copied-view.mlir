// RUN: fovea-opt %s -fovea-kernels | FileCheck %s

// No strides give the flattened transpose: a kernel copies it.
// CHECK: fovea.kernel @point_0
// CHECK: fovea.reshape
// CHECK: fovea.launch @point_0
// CHECK: fovea.launch @matmul_1
func.func @forward(%x: tensor<4x6x2xf32>, %w: tensor<2x3xf32>) -> tensor<24x3xf32> {
  %0 = fovea.transpose %x [1, 0, 2] : (tensor<4x6x2xf32>) -> tensor<6x4x2xf32>
  %1 = fovea.reshape %0 : tensor<6x4x2xf32> to tensor<24x2xf32>
  %2 = fovea.matmul %1, %w : (tensor<24x2xf32>, tensor<2x3xf32>) -> tensor<24x3xf32>
  return %2 : tensor<24x3xf32>
}
