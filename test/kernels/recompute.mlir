// RUN: fovea-opt %s -fovea-kernels -split-input-file | FileCheck %s

// Cheap: both readers compute it again.
// CHECK: fovea.kernel @sum_0(%{{.*}}: tensor<8x8xf32>) -> tensor<8xf32>
// CHECK: fovea.add
// CHECK: fovea.kernel @max_1
// CHECK: fovea.add
// CHECK: fovea.arena = #fovea.dims<[] -> (0)>
func.func @cheap(%x: tensor<8x8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %0 = fovea.add %x, %x : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = fovea.sum %0 [1] : (tensor<8x8xf32>) -> tensor<8xf32>
  %2 = fovea.max %0 [1] : (tensor<8x8xf32>) -> tensor<8xf32>
  return %1, %2 : tensor<8xf32>, tensor<8xf32>
}

// -----

// Dear: it is computed once and stored.
// CHECK: fovea.kernel @point_0
// CHECK: fovea.gelu
// CHECK-NOT: fovea.gelu
// CHECK: fovea.arena = #fovea.dims<[] -> (256)>
// CHECK: %[[STORED:.*]] = fovea.arena
// CHECK: into(%[[STORED]])
// CHECK: fovea.launch @sum_{{.}}(%[[STORED]])
// CHECK: fovea.launch @max_{{.}}(%[[STORED]])
func.func @dear(%x: tensor<8x8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %0 = fovea.gelu %x : tensor<8x8xf32>
  %1 = fovea.sum %0 [1] : (tensor<8x8xf32>) -> tensor<8xf32>
  %2 = fovea.max %0 [1] : (tensor<8x8xf32>) -> tensor<8xf32>
  return %1, %2 : tensor<8xf32>, tensor<8xf32>
}
