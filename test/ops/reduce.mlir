// RUN: fovea-opt %s | fovea-opt -canonicalize | FileCheck %s

!x = tensor<?x3x4xf32, #fovea.dims<[B] -> (B, 3, 4)>>

func.func @reduce(%x: !x)
    -> (tensor<4xf32>, tensor<?x1x4xf32, #fovea.dims<[B] -> (B, 1, 4)>>, tensor<?x3xf32, #fovea.dims<[B] -> (B, 3)>>,
        tensor<?x3xi64, #fovea.dims<[B] -> (B, 3)>>, tensor<1x3x4xi64>) {
  // CHECK: fovea.sum %{{.*}} [0, 1] : {{.*}} -> tensor<4xf32>
  %0 = fovea.sum %x [0, 1] : (!x) -> tensor<4xf32>
  // CHECK: fovea.max %{{.*}} [1] {keep = true} : {{.*}} -> tensor<?x1x4xf32, #fovea.dims<[B] -> (B, 1, 4)>>
  %1 = fovea.max %x [1] {keep = true} : (!x) -> tensor<?x1x4xf32, #fovea.dims<[B] -> (B, 1, 4)>>
  // CHECK: fovea.prod %{{.*}} [2] : {{.*}} -> tensor<?x3xf32, #fovea.dims<[B] -> (B, 3)>>
  %2 = fovea.prod %x [2] : (!x) -> tensor<?x3xf32, #fovea.dims<[B] -> (B, 3)>>
  // CHECK: fovea.argmax %{{.*}} 2 : {{.*}} -> tensor<?x3xi64, #fovea.dims<[B] -> (B, 3)>>
  %3 = fovea.argmax %x 2 : (!x) -> tensor<?x3xi64, #fovea.dims<[B] -> (B, 3)>>
  // CHECK: fovea.argmax %{{.*}} 0 {keep = true} : {{.*}} -> tensor<1x3x4xi64>
  %4 = fovea.argmax %x 0 {keep = true} : (!x) -> tensor<1x3x4xi64>
  return %0, %1, %2, %3, %4 : tensor<4xf32>, tensor<?x1x4xf32, #fovea.dims<[B] -> (B, 1, 4)>>, tensor<?x3xf32, #fovea.dims<[B] -> (B, 3)>>,
    tensor<?x3xi64, #fovea.dims<[B] -> (B, 3)>>, tensor<1x3x4xi64>
}

// CHECK: @no_axes(%[[X:.*]]: tensor<f32>)
// CHECK-NEXT: return %[[X]], %[[X]]
func.func @no_axes(%x: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  %0 = fovea.sum %x [] : (tensor<f32>) -> tensor<f32>
  %1 = fovea.prod %x [] : (tensor<f32>) -> tensor<f32>
  return %0, %1 : tensor<f32>, tensor<f32>
}
