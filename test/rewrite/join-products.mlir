// RUN: fovea-opt %s -fovea-rewrite | FileCheck %s

fovea.state "parameter" @q : tensor<8x4xf32>
fovea.state "parameter" @k : tensor<8x2xf32>
fovea.state "parameter" @batched : tensor<3x8x4xf32>

// CHECK: func.func @siblings(%[[X:.*]]: tensor<5x8xf32>)
// CHECK: %[[W:.*]] = fovea.concat %{{.*}}, %{{.*}} {axis = 1 : i64} : {{.*}} -> tensor<8x6xf32>
// CHECK: %[[Y:.*]] = fovea.matmul %[[X]], %[[W]]
// CHECK: %[[Q:.*]] = fovea.slice %[[Y]] {{{.*}}start = 0 : i64} : {{.*}} -> tensor<5x4xf32>
// CHECK: %[[K:.*]] = fovea.slice %[[Y]] {{{.*}}start = 4 : i64} : {{.*}} -> tensor<5x2xf32>
// CHECK-NOT: fovea.matmul
// CHECK: return %[[Q]], %[[K]]
func.func @siblings(%x: tensor<5x8xf32>) -> (tensor<5x4xf32>, tensor<5x2xf32>) {
  %q = fovea.load @q : tensor<8x4xf32>
  %0 = fovea.matmul %x, %q : (tensor<5x8xf32>, tensor<8x4xf32>) -> tensor<5x4xf32>
  %k = fovea.load @k : tensor<8x2xf32>
  %1 = fovea.matmul %x, %k : (tensor<5x8xf32>, tensor<8x2xf32>) -> tensor<5x2xf32>
  return %0, %1 : tensor<5x4xf32>, tensor<5x2xf32>
}

// Other inputs, computed weights and batches of weights stay apart.
// CHECK: func.func @kept
// CHECK-NOT: fovea.concat
func.func @kept(%x: tensor<5x8xf32>, %y: tensor<5x8xf32>, %w: tensor<8x2xf32>)
    -> (tensor<5x4xf32>, tensor<5x2xf32>, tensor<5x2xf32>, tensor<3x5x4xf32>) {
  %q = fovea.load @q : tensor<8x4xf32>
  %k = fovea.load @k : tensor<8x2xf32>
  %b = fovea.load @batched : tensor<3x8x4xf32>
  %0 = fovea.matmul %x, %q : (tensor<5x8xf32>, tensor<8x4xf32>) -> tensor<5x4xf32>
  %1 = fovea.matmul %y, %k : (tensor<5x8xf32>, tensor<8x2xf32>) -> tensor<5x2xf32>
  %2 = fovea.matmul %x, %w : (tensor<5x8xf32>, tensor<8x2xf32>) -> tensor<5x2xf32>
  %3 = fovea.matmul %x, %b : (tensor<5x8xf32>, tensor<3x8x4xf32>) -> tensor<3x5x4xf32>
  return %0, %1, %2, %3 : tensor<5x4xf32>, tensor<5x2xf32>, tensor<5x2xf32>, tensor<3x5x4xf32>
}
