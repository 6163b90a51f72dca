// RUN: fovea-opt %s -fovea-kernels | FileCheck %s

// The value before the activation is wanted too, for the gradient: one kernel writes both.
// CHECK: fovea.kernel @matmul_0({{.*}}) -> (tensor<8x8xf32>, tensor<8x8xf32>)
// CHECK: %[[Y:.*]] = fovea.matmul
// CHECK: %[[E:.*]] = fovea.relu %[[Y]]
// CHECK: fovea.yield %[[Y]], %[[E]]
// CHECK: fovea.launch @matmul_0(%{{.*}}, %{{.*}}) into(%{{.*}}, %{{.*}})
// CHECK-NOT: fovea.launch
func.func @forward(%x: tensor<8x8xf32>, %w: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>) {
  %0 = fovea.matmul %x, %w : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = fovea.relu %0 : tensor<8x8xf32>
  return %0, %1 : tensor<8x8xf32>, tensor<8x8xf32>
}

// The product is read at other rows as well, which its kernel may not have yet: another one reads them.
// CHECK: fovea.kernel @matmul_1({{.*}}) -> tensor<8x8xf32>
// CHECK: fovea.kernel @point_2(
// CHECK: fovea.launch @matmul_1
// CHECK: fovea.launch @point_2
func.func @elsewhere(%x: tensor<8x8xf32>, %w: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>) {
  %0 = fovea.matmul %x, %w : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = fovea.slice %0 {axis = 0 : i64, start = 4 : i64, size = 4 : i64} : (tensor<8x8xf32>) -> tensor<4x8xf32>
  %2 = fovea.slice %0 {axis = 0 : i64, start = 0 : i64, size = 4 : i64} : (tensor<8x8xf32>) -> tensor<4x8xf32>
  %3 = fovea.concat %1, %2 {axis = 0 : i64} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<8x8xf32>
  %4 = fovea.add %0, %3 : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  return %0, %4 : tensor<8x8xf32>, tensor<8x8xf32>
}
