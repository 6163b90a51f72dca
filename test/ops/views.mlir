// RUN: fovea-opt %s | fovea-opt | FileCheck %s

!x = tensor<?x6x4xf32, #fovea.dims<[B] -> (B, 6, 4)>>

func.func @views(%x: !x, %row: tensor<1x4xf32>) {
  // CHECK: fovea.broadcast %{{.*}} : tensor<1x4xf32> to tensor<?x6x4xf32, #fovea.dims<[B] -> (B, 6, 4)>>
  %0 = fovea.broadcast %row : tensor<1x4xf32> to !x
  // CHECK: fovea.reshape {{.*}} to tensor<?x8xf32, #fovea.dims<[B] -> (B * 3, 8)>>
  %1 = fovea.reshape %x : !x to tensor<?x8xf32, #fovea.dims<[B] -> (3 * B, 8)>>
  // CHECK: fovea.transpose %{{.*}} [2, 0, 1] : {{.*}} -> tensor<4x?x6xf32, #fovea.dims<[B] -> (4, B, 6)>>
  %2 = fovea.transpose %x [2, 0, 1] : (!x) -> tensor<4x?x6xf32, #fovea.dims<[B] -> (4, B, 6)>>
  // The last of 3 elements from 1 in steps of 2 is 5.
  // CHECK: fovea.slice {{.*}} -> tensor<?x3x4xf32
  %3 = fovea.slice %x {axis = 1, start = 1, size = 3, step = 2} : (!x) -> tensor<?x3x4xf32, #fovea.dims<[B] -> (B, 3, 4)>>
  // 1 + (4 - 1) * 2 + 1 + 3.
  // CHECK: fovea.pad {{.*}} -> tensor<?x6x11xf32
  %4 = fovea.pad %x {axis = 2, low = 1, high = 3, step = 2} : (!x) -> tensor<?x6x11xf32, #fovea.dims<[B] -> (B, 6, 11)>>
  // CHECK: fovea.concat {{.*}} -> tensor<?x9x4xf32
  %5 = fovea.concat %x, %3 {axis = 1} : (!x, tensor<?x3x4xf32, #fovea.dims<[B] -> (B, 3, 4)>>) -> tensor<?x9x4xf32, #fovea.dims<[B] -> (B, 9, 4)>>
  // CHECK: fovea.pack %{{.*}} <axis = 1, size = 4> : {{.*}} -> tensor<2x?x4x4xf32, #fovea.dims<[B] -> (2, B, 4, 4)>>
  %6 = fovea.pack %x <axis = 1, size = 4> : (!x) -> tensor<2x?x4x4xf32, #fovea.dims<[B] -> (2, B, 4, 4)>>
  // CHECK: fovea.unpack %{{.*}} <axis = 1, size = 4> : {{.*}} to tensor<?x6x4xf32
  %7 = fovea.unpack %6 <axis = 1, size = 4> : tensor<2x?x4x4xf32, #fovea.dims<[B] -> (2, B, 4, 4)>> to !x
  return
}
