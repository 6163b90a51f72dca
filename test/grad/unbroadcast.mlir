// RUN: fovea-opt %s -fovea-grad -canonicalize | FileCheck %s

!x = tensor<?x3x4xf32, #fovea.dims<[B] -> (B, 3, 4)>>
fovea.state "parameter" @row : tensor<4xf32>
fovea.state "parameter" @column : tensor<3x1xf32>
fovea.state "parameter" @scalar : tensor<f32>
fovea.state "parameter" @ones : tensor<1x1x4xf32>

// A cotangent is summed over what its operand was repeated along.
// CHECK: func.func @gradients
// CHECK-DAG: fovea.sum %{{.*}} [0, 1] : {{.*}} -> tensor<4xf32>
// CHECK-DAG: %[[C:.*]] = fovea.sum %{{.*}} [0, 2] : {{.*}} -> tensor<3xf32>
// CHECK-DAG: fovea.reshape %[[C]] : tensor<3xf32> to tensor<3x1xf32>
// CHECK-DAG: fovea.sum %{{.*}} [0, 1, 2] : {{.*}} -> tensor<f32>
// CHECK-DAG: fovea.reshape %{{.*}} : tensor<4xf32> to tensor<1x1x4xf32>
func.func @model(%x: !x) -> (tensor<f32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
  %row = fovea.load @row : tensor<4xf32>
  %column = fovea.load @column : tensor<3x1xf32>
  %scalar = fovea.load @scalar : tensor<f32>
  %ones = fovea.load @ones : tensor<1x1x4xf32>
  %0 = fovea.mul %x, %row : (!x, tensor<4xf32>) -> !x
  %1 = fovea.mul %0, %column : (!x, tensor<3x1xf32>) -> !x
  %2 = fovea.mul %1, %scalar : (!x, tensor<f32>) -> !x
  %3 = fovea.mul %2, %ones : (!x, tensor<1x1x4xf32>) -> !x
  %loss = fovea.sum %3 [0, 1, 2] : (!x) -> tensor<f32>
  return %loss : tensor<f32>
}
