// RUN: fovea-opt %s | fovea-opt | FileCheck %s

!q = tensor<?x8x5x16xf32, #fovea.dims<[B] -> (B, 8, 5, 16)>>
!k = tensor<?x2x7x16xf32, #fovea.dims<[B] -> (B, 2, 7, 16)>>
!v = tensor<?x2x7x4xf32, #fovea.dims<[B] -> (B, 2, 7, 4)>>
!out = tensor<?x8x5x4xf32, #fovea.dims<[B] -> (B, 8, 5, 4)>>
!rows = tensor<?x8x5xf32, #fovea.dims<[B] -> (B, 8, 5)>>
!mean = tensor<?x5x7xf32, #fovea.dims<[B] -> (B, 5, 7)>>
!rows_of_heads = tensor<?x8xf32, #fovea.dims<[B] -> (B, 8)>>
!lengths = tensor<?xi32, #fovea.dims<[B] -> (B)>>

// Two key heads serve eight query heads; values have a size of their own.
func.func @attention(%q: !q, %k: !k, %v: !v, %lengths: !lengths, %key: tensor<2xi32>) {
  // CHECK: fovea.attention %{{.*}} lengths %{{.*}} random %{{.*}} attributes {dropout = 1.000000e-01 : f64, offset = 2 : i64, scale = 2.500000e-01 : f64, window_right = 0 : i64}
  // CHECK-SAME: -> (tensor<?x8x5x4xf32, #fovea.dims<[B] -> (B, 8, 5, 4)>>, tensor<?x8x5xf32, #fovea.dims<[B] -> (B, 8, 5)>>)
  %0, %lse = fovea.attention %q, %k, %v lengths %lengths random %key attributes {scale = 0.25, window_right = 0 : i64, offset = 2 : i64, dropout = 0.1}
    : (!q, !k, !v, !lengths, tensor<2xi32>) -> (!out, !rows)
  // CHECK: fovea.attention_grad
  %dq, %dk, %dv = fovea.attention_grad %q, %k, %v, %0, %lse, %lse lengths %lengths random %key attributes {scale = 0.25}
    : (!q, !k, !v, !out, !rows, !rows, !lengths, tensor<2xi32>) -> (!q, !k, !v)
  return
}

func.func @map(%q: !q, %k: !k, %v: !v, %out: !out, %lse: !rows) -> !mean {
  // CHECK: fovea.attention_map %{{.*}} log_sum_exp %{{.*}} cotangent %{{.*}} value %{{.*}} gives "weight" over "heads" attributes {scale = 2.500000e-01 : f64}
  %0 = fovea.attention_map %q, %k log_sum_exp %lse cotangent %out value %v gives "weight" over "heads" attributes {scale = 0.25}
    : (!q, !k, !rows, !out, !v) -> !mean
  return %0 : !mean
}

// Regions see what they capture as arguments of their own.
func.func @regions(%q: !q, %k: !k, %v: !v, %slopes: tensor<8xf32>) {
  // CHECK: captures %{{.*}} attributes {scale = 2.500000e-01 : f64} score {
  // CHECK: fovea.score_load %{{.*}}[%{{.*}}] : (tensor<8xf32>, tensor<i32>) -> tensor<f32>
  // CHECK: } mask {
  %0, %lse = fovea.attention %q, %k, %v captures %slopes attributes {scale = 0.25} score {
  ^bb0(%s: tensor<f32>, %b: tensor<i32>, %h: tensor<i32>, %i: tensor<i32>, %j: tensor<i32>, %captured: tensor<8xf32>):
    %slope = fovea.score_load %captured[%h] : (tensor<8xf32>, tensor<i32>) -> tensor<f32>
    %1 = fovea.mul %s, %slope : (tensor<f32>, tensor<f32>) -> tensor<f32>
    fovea.yield %1 : tensor<f32>
  } mask {
  ^bb0(%b: tensor<i32>, %h: tensor<i32>, %i: tensor<i32>, %j: tensor<i32>, %captured: tensor<8xf32>):
    %1 = fovea.compare "le" %j, %i : (tensor<i32>, tensor<i32>) -> tensor<i1>
    fovea.yield %1 : tensor<i1>
  } : (!q, !k, !v, tensor<8xf32>) -> (!out, !rows)
  // CHECK: fovea.attention_grad
  // CHECK: } gradient {
  // CHECK: fovea.score_add %{{.*}} to %{{.*}}[%{{.*}}] : tensor<f32>, tensor<8xf32>, tensor<i32>
  %dq, %dk, %dv, %ds = fovea.attention_grad %q, %k, %v, %0, %lse, %lse captures %slopes attributes {scale = 0.25} score {
  ^bb0(%s: tensor<f32>, %b: tensor<i32>, %h: tensor<i32>, %i: tensor<i32>, %j: tensor<i32>, %captured: tensor<8xf32>):
    %slope = fovea.score_load %captured[%h] : (tensor<8xf32>, tensor<i32>) -> tensor<f32>
    %1 = fovea.mul %s, %slope : (tensor<f32>, tensor<f32>) -> tensor<f32>
    fovea.yield %1 : tensor<f32>
  } gradient {
  ^bb0(%s: tensor<f32>, %g: tensor<f32>, %b: tensor<i32>, %h: tensor<i32>, %i: tensor<i32>, %j: tensor<i32>, %captured: tensor<8xf32>):
    %slope = fovea.score_load %captured[%h] : (tensor<8xf32>, tensor<i32>) -> tensor<f32>
    %1 = fovea.mul %g, %s : (tensor<f32>, tensor<f32>) -> tensor<f32>
    fovea.score_add %1 to %captured[%h] : tensor<f32>, tensor<8xf32>, tensor<i32>
    %2 = fovea.mul %g, %slope : (tensor<f32>, tensor<f32>) -> tensor<f32>
    fovea.yield %2 : tensor<f32>
  } : (!q, !k, !v, !out, !rows, !rows, tensor<8xf32>) -> (!q, !k, !v, !rows_of_heads)
  return
}
