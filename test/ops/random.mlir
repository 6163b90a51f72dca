// RUN: fovea-opt %s | fovea-opt | FileCheck %s

!x = tensor<?x4xf32, #fovea.dims<[B] -> (B, 4)>>

func.func @random(%seed: tensor<i64>, %counter: tensor<i64>, %key: tensor<2xi32>, %x: !x) {
  // CHECK: fovea.random_keys %{{.*}} : (tensor<i64>, tensor<i64>) -> tensor<3x2xi32>
  %0 = fovea.random_keys %seed, %counter : (tensor<i64>, tensor<i64>) -> tensor<3x2xi32>
  // CHECK: fovea.random_uniform %{{.*}} : (tensor<2xi32>) -> tensor<?x4xf32, #fovea.dims<[B] -> (B, 4)>>
  %1 = fovea.random_uniform %key : (tensor<2xi32>) -> !x
  // CHECK: fovea.dropout %{{.*}} {rate = 1.000000e-01 : f64} : tensor<?x4xf32
  %2 = fovea.dropout %x {rate = 0.1} : !x
  return
}
