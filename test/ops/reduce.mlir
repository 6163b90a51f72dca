// RUN: fovea-opt %s | fovea-opt -canonicalize | FileCheck %s

!x = tensor<?x3x4xf32, #fovea.dims<[B] -> (B, 3, 4)>>

func.func @reduce(%x: !x) -> (tensor<4xf32>, tensor<?x1x4xf32, #fovea.dims<[B] -> (B, 1, 4)>>) {
  // CHECK: fovea.sum %{{.*}} [0, 1] : {{.*}} -> tensor<4xf32>
  %0 = fovea.sum %x [0, 1] : (!x) -> tensor<4xf32>
  // CHECK: fovea.max %{{.*}} [1] {keep = true} : {{.*}} -> tensor<?x1x4xf32, #fovea.dims<[B] -> (B, 1, 4)>>
  %1 = fovea.max %x [1] {keep = true} : (!x) -> tensor<?x1x4xf32, #fovea.dims<[B] -> (B, 1, 4)>>
  return %0, %1 : tensor<4xf32>, tensor<?x1x4xf32, #fovea.dims<[B] -> (B, 1, 4)>>
}

// CHECK: @no_axes(%[[X:.*]]: tensor<f32>)
// CHECK-NEXT: return %[[X]]
func.func @no_axes(%x: tensor<f32>) -> tensor<f32> {
  %0 = fovea.sum %x [] : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
