// RUN: fovea-opt %s -canonicalize | FileCheck %s

// CHECK: @identities(%[[X:.*]]: tensor<2x6xf32>)
// CHECK-NEXT: return %[[X]], %[[X]], %[[X]], %[[X]], %[[X]]
func.func @identities(%x: tensor<2x6xf32>) -> (tensor<2x6xf32>, tensor<2x6xf32>, tensor<2x6xf32>, tensor<2x6xf32>, tensor<2x6xf32>) {
  %0 = fovea.broadcast %x : tensor<2x6xf32> to tensor<2x6xf32>
  %1 = fovea.reshape %x : tensor<2x6xf32> to tensor<2x6xf32>
  %2 = fovea.transpose %x [0, 1] : (tensor<2x6xf32>) -> tensor<2x6xf32>
  %3 = fovea.slice %x {axis = 1, start = 0, size = 6} : (tensor<2x6xf32>) -> tensor<2x6xf32>
  %4 = fovea.concat %x {axis = 0} : (tensor<2x6xf32>) -> tensor<2x6xf32>
  return %0, %1, %2, %3, %4 : tensor<2x6xf32>, tensor<2x6xf32>, tensor<2x6xf32>, tensor<2x6xf32>, tensor<2x6xf32>
}

// CHECK: @chains(%[[X:.*]]: tensor<2x3x4xf32>
// CHECK-DAG: %[[RESHAPE:.*]] = fovea.reshape %[[X]] : tensor<2x3x4xf32> to tensor<24xf32>
// CHECK-DAG: %[[TRANSPOSE:.*]] = fovea.transpose %[[X]] [2, 1, 0]
// CHECK: return %[[RESHAPE]], %[[TRANSPOSE]], %[[X]]
func.func @chains(%x: tensor<2x3x4xf32>) -> (tensor<24xf32>, tensor<4x3x2xf32>, tensor<2x3x4xf32>) {
  %0 = fovea.reshape %x : tensor<2x3x4xf32> to tensor<6x4xf32>
  %1 = fovea.reshape %0 : tensor<6x4xf32> to tensor<24xf32>
  %2 = fovea.transpose %x [1, 2, 0] : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %3 = fovea.transpose %2 [1, 0, 2] : (tensor<3x4x2xf32>) -> tensor<4x3x2xf32>
  %4 = fovea.transpose %3 [2, 1, 0] : (tensor<4x3x2xf32>) -> tensor<2x3x4xf32>
  return %1, %3, %4 : tensor<24xf32>, tensor<4x3x2xf32>, tensor<2x3x4xf32>
}

// CHECK: @packed(%[[X:.*]]: tensor<3x5xf32>, %[[P:.*]]: tensor<2x3x4xf32>
// CHECK-NEXT: return %[[P]], %[[X]]
func.func @packed(%x: tensor<3x5xf32>, %p: tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<3x5xf32>) {
  %0 = fovea.unpack %p <axis = 1, size = 4> : tensor<2x3x4xf32> to tensor<3x5xf32>
  %1 = fovea.pack %0 <axis = 1, size = 4> : (tensor<3x5xf32>) -> tensor<2x3x4xf32>
  %2 = fovea.pack %x <axis = 1, size = 4> : (tensor<3x5xf32>) -> tensor<2x3x4xf32>
  %3 = fovea.unpack %2 <axis = 1, size = 4> : tensor<2x3x4xf32> to tensor<3x5xf32>
  return %1, %3 : tensor<2x3x4xf32>, tensor<3x5xf32>
}

// CHECK: @kept
// CHECK: fovea.slice
func.func @kept(%x: tensor<2x6xf32>) -> tensor<2x5xf32> {
  %0 = fovea.slice %x {axis = 1, start = 0, size = 5} : (tensor<2x6xf32>) -> tensor<2x5xf32>
  return %0 : tensor<2x5xf32>
}
