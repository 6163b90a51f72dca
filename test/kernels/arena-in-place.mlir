// RUN: fovea-opt %s -fovea-kernels | FileCheck %s

// The residual is read for the last time where the sum is written: the second product's sum takes its place in the arena.
// CHECK: fovea.kernel @{{.*}}_in_place_0_of_2({{.*}}) -> (tensor<8x8xf32> {fovea.in_place = 2 : i64})
// CHECK-LABEL: func.func @residual
// CHECK-SAME: fovea.arena = #fovea.dims<[] -> (256)>
// CHECK: %[[SUM:.*]] = fovea.arena <[] -> (0)>
// CHECK: %[[AGAIN:.*]] = fovea.arena <[] -> (0)>
// CHECK: fovea.launch @{{.*}}_in_place_0_of_2(%{{.*}}, %{{.*}}, %[[SUM]]) into(%[[AGAIN]])
func.func @residual(%x: tensor<8x8xf32>, %w: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = fovea.softmax %x : tensor<8x8xf32>
  %1 = fovea.matmul %x, %w : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %2 = fovea.add %1, %0 : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %3 = fovea.softmax %2 : tensor<8x8xf32>
  return %3 : tensor<8x8xf32>
}

// A product reads other elements than the one that it writes, and a value that is read again keeps its place.
// CHECK-LABEL: func.func @apart
// CHECK-SAME: fovea.arena = #fovea.dims<[] -> (512)>
// CHECK-NOT: in_place
func.func @apart(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = fovea.softmax %x : tensor<8x8xf32>
  %1 = fovea.matmul %0, %0 : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %2 = fovea.softmax %1 : tensor<8x8xf32>
  return %2 : tensor<8x8xf32>
}

// What each task of the first product reads is in the caches of all threads: the sum is written elsewhere.
// CHECK-LABEL: func.func @shared
// CHECK-NOT: in_place
// CHECK: return
func.func @shared(%x: tensor<8x8xf32>, %w: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>) {
  %0 = fovea.softmax %x : tensor<8x8xf32>
  %1 = fovea.matmul %x, %0 {transpose_a = true} : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %2 = fovea.matmul %1, %w : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %3 = fovea.add %2, %0 : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %4 = fovea.softmax %3 : tensor<8x8xf32>
  return %1, %4 : tensor<8x8xf32>, tensor<8x8xf32>
}
