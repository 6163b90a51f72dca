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
