// RUN: fovea-opt %s | fovea-opt | FileCheck %s

!x = tensor<?x3x4xf32, #fovea.dims<[B] -> (B, 3, 4)>>

fovea.state "parameter" @mean : tensor<3xf32> {frozen}
fovea.state "parameter" @variance : tensor<3xf32> {frozen}

func.func @batch_norm(%x: !x, %scale: tensor<3xf32>) -> !x {
  // CHECK: fovea.batch_norm %{{.*}}, %{{.*}}, %{{.*}} running @mean, @variance {epsilon = 1.000000e-05 : f64, momentum = 1.000000e-01 : f64}
  // CHECK-SAME: -> tensor<?x3x4xf32, #fovea.dims<[B] -> (B, 3, 4)>>
  %0 = fovea.batch_norm %x, %scale, %scale running @mean, @variance {epsilon = 1.0e-5, momentum = 0.1}
    : (!x, tensor<3xf32>, tensor<3xf32>) -> !x
  return %0 : !x
}
