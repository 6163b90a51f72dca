// RUN: fovea-opt %s | fovea-opt -canonicalize | FileCheck %s
// Result types are inferred: a wrong one does not parse.

!x = tensor<?x4xf32, #fovea.dims<[B] -> (B, 4)>>
!i = tensor<?x4xi1, #fovea.dims<[B] -> (B, 4)>>

func.func @broadcast(%x: !x, %row: tensor<4xf32>, %one: tensor<1x1x1xf32>, %c: tensor<f32>)
    -> (!x, !x, tensor<1x?x4xf32, #fovea.dims<[B] -> (1, B, 4)>>, !x, !x, !x, !x, !x, !i) {
  // CHECK: fovea.add %{{.*}} -> tensor<?x4xf32, #fovea.dims<[B] -> (B, 4)>>
  %0 = fovea.add %x, %row : (!x, tensor<4xf32>) -> !x
  // CHECK: fovea.sub
  %1 = fovea.sub %c, %x : (tensor<f32>, !x) -> !x
  // CHECK: fovea.mul
  %2 = fovea.mul %x, %one : (!x, tensor<1x1x1xf32>) -> tensor<1x?x4xf32, #fovea.dims<[B] -> (1, B, 4)>>
  // CHECK: fovea.div
  %3 = fovea.div %x, %x : (!x, !x) -> !x
  // CHECK: fovea.pow
  %4 = fovea.pow %x, %c : (!x, tensor<f32>) -> !x
  // CHECK: fovea.maximum
  %5 = fovea.maximum %x, %row : (!x, tensor<4xf32>) -> !x
  // CHECK: fovea.minimum
  %6 = fovea.minimum %x, %row : (!x, tensor<4xf32>) -> !x
  // CHECK: fovea.compare "lt" {{.*}} -> tensor<?x4xi1
  %7 = fovea.compare "lt" %x, %row : (!x, tensor<4xf32>) -> !i
  // CHECK: fovea.select
  %8 = fovea.select %7, %x, %c : (!i, !x, tensor<f32>) -> !x
  return %0, %1, %2, %3, %4, %5, %6, %8, %7 : !x, !x, tensor<1x?x4xf32, #fovea.dims<[B] -> (1, B, 4)>>, !x, !x, !x, !x, !x, !i
}

func.func @unary(%x: !x) -> (!x, tensor<?x4xi32, #fovea.dims<[B] -> (B, 4)>>) {
  // CHECK: fovea.neg %{{.*}} : tensor<?x4xf32, #fovea.dims<[B] -> (B, 4)>>
  %0 = fovea.neg %x : !x
  // CHECK: fovea.exp
  %1 = fovea.exp %0 : !x
  // CHECK: fovea.log
  %2 = fovea.log %1 : !x
  // CHECK: fovea.sqrt
  %3 = fovea.sqrt %2 : !x
  // CHECK: fovea.tanh
  %4 = fovea.tanh %3 : !x
  // CHECK: fovea.erf
  %5 = fovea.erf %4 : !x
  // CHECK: fovea.sigmoid
  %6 = fovea.sigmoid %5 : !x
  // CHECK: fovea.relu
  %7 = fovea.relu %6 : !x
  // CHECK: fovea.gelu
  %8 = fovea.gelu %7 : !x
  // CHECK: fovea.gelu_slope
  %slope = fovea.gelu_slope %8 : !x
  // CHECK: fovea.abs
  %10 = fovea.abs %slope : !x
  // CHECK: fovea.floor
  %11 = fovea.floor %10 : !x
  // CHECK: fovea.round
  %12 = fovea.round %11 : !x
  // CHECK: fovea.sin
  %13 = fovea.sin %12 : !x
  // CHECK: fovea.cos
  %14 = fovea.cos %13 : !x
  // CHECK: fovea.gelu_tanh
  %15 = fovea.gelu_tanh %14 : !x
  // CHECK: fovea.softplus
  %16 = fovea.softplus %15 : !x
  // CHECK: fovea.remainder {{.*}} -> tensor<?x4xf32, #fovea.dims<[B] -> (B, 4)>>
  %17 = fovea.remainder %16, %x : (!x, !x) -> !x
  // CHECK: fovea.cast {{.*}} to tensor<?x4xi32, #fovea.dims<[B] -> (B, 4)>>
  %9 = fovea.cast %8 : !x to tensor<?x4xi32, #fovea.dims<[B] -> (B, 4)>>
  // CHECK: fovea.floor_div {{.*}} -> tensor<?x4xi32, #fovea.dims<[B] -> (B, 4)>>
  %18 = fovea.floor_div %9, %9 : (tensor<?x4xi32, #fovea.dims<[B] -> (B, 4)>>, tensor<?x4xi32, #fovea.dims<[B] -> (B, 4)>>) -> tensor<?x4xi32, #fovea.dims<[B] -> (B, 4)>>
  return %17, %18 : !x, tensor<?x4xi32, #fovea.dims<[B] -> (B, 4)>>
}
