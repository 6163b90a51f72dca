// RUN: fovea-opt %s -fovea-kernels -split-input-file | FileCheck %s

// What is trained alike lies together, in each kind of state.
// CHECK: @a : tensor<5x3xf32> {decay, offset = 0 : i64}
// CHECK: @b : tensor<7xf32> {offset = 192 : i64}
// CHECK: @c : tensor<17xf32> {decay, offset = 64 : i64}
// CHECK: @"gradient/a" : tensor<5x3xf32> {offset = 256 : i64}
// CHECK: @"gradient/b" : tensor<7xf32> {offset = 448 : i64}
// CHECK: @"gradient/c" : tensor<17xf32> {offset = 320 : i64}
fovea.state "parameter" @a : tensor<5x3xf32> {decay}
fovea.state "parameter" @b : tensor<7xf32>
fovea.state "parameter" @c : tensor<17xf32> {decay}
fovea.state "gradient" @"gradient/a" : tensor<5x3xf32>
fovea.state "gradient" @"gradient/b" : tensor<7xf32>
fovea.state "gradient" @"gradient/c" : tensor<17xf32>

// One launch updates both with decay, the padding between them too, and one the other; each writes its own zeros.
// CHECK-LABEL: func.func @update
// CHECK: %[[A:.*]] = fovea.state_buffer @a
// CHECK: %[[AC:.*]] = fovea.subview %[[A]] <[] -> (0)> {{.*}} to <tensor<48xf32>, <[] -> (1)>>
// CHECK: fovea.launch @{{.*}}_over_48(%[[AC]], %{{.*}}, %arg0) into
// CHECK: %[[B:.*]] = fovea.state_buffer @b
// CHECK: fovea.launch @{{.*}}(%[[B]], %{{.*}}, %arg0) into
// CHECK-NOT: fovea.launch
func.func @update(%rate: tensor<f32>) {
  %zero = fovea.constant dense<0.0> : tensor<f32>
  %small = fovea.constant dense<0.5> : tensor<f32>
  %a = fovea.load @a : tensor<5x3xf32>
  %ga = fovea.load @"gradient/a" : tensor<5x3xf32>
  %a1 = fovea.mul %ga, %rate : (tensor<5x3xf32>, tensor<f32>) -> tensor<5x3xf32>
  %a2 = fovea.mul %a, %small : (tensor<5x3xf32>, tensor<f32>) -> tensor<5x3xf32>
  %a3 = fovea.sub %a2, %a1 : (tensor<5x3xf32>, tensor<5x3xf32>) -> tensor<5x3xf32>
  fovea.store %a3, @a : tensor<5x3xf32>
  %za = fovea.broadcast %zero : tensor<f32> to tensor<5x3xf32>
  fovea.store %za, @"gradient/a" : tensor<5x3xf32>
  %b = fovea.load @b : tensor<7xf32>
  %gb = fovea.load @"gradient/b" : tensor<7xf32>
  %b1 = fovea.mul %gb, %rate : (tensor<7xf32>, tensor<f32>) -> tensor<7xf32>
  %b2 = fovea.sub %b, %b1 : (tensor<7xf32>, tensor<7xf32>) -> tensor<7xf32>
  fovea.store %b2, @b : tensor<7xf32>
  %zb = fovea.broadcast %zero : tensor<f32> to tensor<7xf32>
  fovea.store %zb, @"gradient/b" : tensor<7xf32>
  %c = fovea.load @c : tensor<17xf32>
  %gc = fovea.load @"gradient/c" : tensor<17xf32>
  %c1 = fovea.mul %gc, %rate : (tensor<17xf32>, tensor<f32>) -> tensor<17xf32>
  %c2 = fovea.mul %c, %small : (tensor<17xf32>, tensor<f32>) -> tensor<17xf32>
  %c3 = fovea.sub %c2, %c1 : (tensor<17xf32>, tensor<17xf32>) -> tensor<17xf32>
  fovea.store %c3, @c : tensor<17xf32>
  %zc = fovea.broadcast %zero : tensor<f32> to tensor<17xf32>
  fovea.store %zc, @"gradient/c" : tensor<17xf32>
  return
}

// Sums of squares for a norm are one as well; those of other terms, which zeros between states could change, are not.
// CHECK-LABEL: func.func @norm
// CHECK: fovea.launch @sum_{{[0-9]+}}(
// CHECK-COUNT-2: fovea.launch @sum_{{[0-9]+}}_in_place_0_of_0(
// CHECK: fovea.launch @sum_{{.*}}_over_64(
// CHECK: fovea.launch @sum_{{[0-9]+}}(
// CHECK-NOT: fovea.launch
func.func @norm() -> tensor<f32> {
  %a = fovea.load @a : tensor<5x3xf32>
  %b = fovea.load @b : tensor<7xf32>
  %c = fovea.load @c : tensor<17xf32>
  %ga = fovea.load @"gradient/a" : tensor<5x3xf32>
  %gb = fovea.load @"gradient/b" : tensor<7xf32>
  %gc = fovea.load @"gradient/c" : tensor<17xf32>
  %0 = fovea.sum %b [0] : (tensor<7xf32>) -> tensor<f32>
  %1 = fovea.exp %a : tensor<5x3xf32>
  %2 = fovea.sum %1 [0, 1] : (tensor<5x3xf32>) -> tensor<f32>
  %3 = fovea.add %0, %2 : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %4 = fovea.exp %c : tensor<17xf32>
  %5 = fovea.sum %4 [0] : (tensor<17xf32>) -> tensor<f32>
  %6 = fovea.add %3, %5 : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %7 = fovea.mul %ga, %ga : (tensor<5x3xf32>, tensor<5x3xf32>) -> tensor<5x3xf32>
  %8 = fovea.sum %7 [0, 1] : (tensor<5x3xf32>) -> tensor<f32>
  %9 = fovea.add %6, %8 : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %10 = fovea.mul %gb, %gb : (tensor<7xf32>, tensor<7xf32>) -> tensor<7xf32>
  %11 = fovea.sum %10 [0] : (tensor<7xf32>) -> tensor<f32>
  %12 = fovea.add %9, %11 : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %13 = fovea.mul %gc, %gc : (tensor<17xf32>, tensor<17xf32>) -> tensor<17xf32>
  %14 = fovea.sum %13 [0] : (tensor<17xf32>) -> tensor<f32>
  %15 = fovea.add %12, %14 : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %16 = fovea.sum %gb [0] : (tensor<7xf32>) -> tensor<f32>
  %17 = fovea.mul %15, %16 : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %17 : tensor<f32>
}

// -----

fovea.state "parameter" @a : tensor<16xf32>
fovea.state "parameter" @b : tensor<16xf32>

// What runs in between reads what would be written before.
// CHECK-LABEL: func.func @between
// CHECK: fovea.launch @point_0_in_place_0_of_0(
// CHECK: fovea.launch @max_1(
// CHECK: fovea.launch @point_0_in_place_0_of_0(
func.func @between() -> tensor<f32> {
  %a = fovea.load @a : tensor<16xf32>
  %0 = fovea.exp %a : tensor<16xf32>
  fovea.store %0, @a : tensor<16xf32>
  %b = fovea.load @b : tensor<16xf32>
  %1 = fovea.max %b [0] : (tensor<16xf32>) -> tensor<f32>
  %2 = fovea.exp %b : tensor<16xf32>
  fovea.store %2, @b : tensor<16xf32>
  return %1 : tensor<f32>
}
