// RUN: fovea-opt %s -fovea-kernels | FileCheck %s

!x = tensor<?x6x4xf32, #fovea.dims<[B] -> (B, 6, 4)>>

// Each product reads its operand where it lies, with other strides and offset: no kernel moves elements.
// CHECK-NOT: fovea.kernel @point
// CHECK: func.func @forward
// CHECK: fovea.subview %arg0 <[] -> (0)> : {{.*}} to <tensor<?x4x6xf32, {{.*}}>, <[] -> (24, 1, 4)>>
// CHECK: fovea.subview %arg0 <[] -> (4)> : {{.*}} to <tensor<?x3x4xf32, {{.*}}>, <[] -> (24, 8, 1)>>
// CHECK: fovea.subview %arg0 <[] -> (0)> : {{.*}} to <tensor<?x4xf32, #fovea.dims<[B] -> (B * 6, 4)>>, <[] -> (4, 1)>>
// CHECK: fovea.subview %arg1 <[] -> (0)> : {{.*}} to <tensor<3x4x6xf32>, <[] -> (0, 0, 1)>>
func.func @forward(%x: !x, %row: tensor<6xf32>) -> (tensor<?x4x1xf32, #fovea.dims<[B] -> (B, 4, 1)>>,
    tensor<?x3x1xf32, #fovea.dims<[B] -> (B, 3, 1)>>, tensor<?x1xf32, #fovea.dims<[B] -> (B * 6, 1)>>, tensor<3x4x1xf32>) {
  %six = fovea.constant dense<1.0> : tensor<6x1xf32>
  %four = fovea.constant dense<1.0> : tensor<4x1xf32>
  %0 = fovea.transpose %x [0, 2, 1] : (!x) -> tensor<?x4x6xf32, #fovea.dims<[B] -> (B, 4, 6)>>
  %1 = fovea.matmul %0, %six : (tensor<?x4x6xf32, #fovea.dims<[B] -> (B, 4, 6)>>, tensor<6x1xf32>) -> tensor<?x4x1xf32, #fovea.dims<[B] -> (B, 4, 1)>>
  %2 = fovea.slice %x {axis = 1, start = 1, size = 3, step = 2} : (!x) -> tensor<?x3x4xf32, #fovea.dims<[B] -> (B, 3, 4)>>
  %3 = fovea.matmul %2, %four : (tensor<?x3x4xf32, #fovea.dims<[B] -> (B, 3, 4)>>, tensor<4x1xf32>) -> tensor<?x3x1xf32, #fovea.dims<[B] -> (B, 3, 1)>>
  %4 = fovea.reshape %x : !x to tensor<?x4xf32, #fovea.dims<[B] -> (B * 6, 4)>>
  %5 = fovea.matmul %4, %four : (tensor<?x4xf32, #fovea.dims<[B] -> (B * 6, 4)>>, tensor<4x1xf32>) -> tensor<?x1xf32, #fovea.dims<[B] -> (B * 6, 1)>>
  %6 = fovea.broadcast %row : tensor<6xf32> to tensor<3x4x6xf32>
  %7 = fovea.matmul %6, %six : (tensor<3x4x6xf32>, tensor<6x1xf32>) -> tensor<3x4x1xf32>
  return %1, %3, %5, %7 : tensor<?x4x1xf32, #fovea.dims<[B] -> (B, 4, 1)>>, tensor<?x3x1xf32, #fovea.dims<[B] -> (B, 3, 1)>>,
    tensor<?x1xf32, #fovea.dims<[B] -> (B * 6, 1)>>, tensor<3x4x1xf32>
}
