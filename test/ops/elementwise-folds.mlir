// RUN: fovea-opt %s -canonicalize | FileCheck %s

!x = tensor<?x4xf32, #fovea.dims<[B] -> (B, 4)>>

// CHECK: @identities(%[[X:.*]]: tensor<?x4xf32
// CHECK-NEXT: return %[[X]], %[[X]], %[[X]], %[[X]], %[[X]]
func.func @identities(%x: !x) -> (!x, !x, !x, !x, !x) {
  %zero = fovea.constant dense<0.0> : tensor<f32>
  %one = fovea.constant dense<1.0> : tensor<f32>
  %0 = fovea.sub %x, %zero : (!x, tensor<f32>) -> !x
  %1 = fovea.mul %x, %one : (!x, tensor<f32>) -> !x
  %2 = fovea.mul %one, %x : (tensor<f32>, !x) -> !x
  %3 = fovea.div %x, %one : (!x, tensor<f32>) -> !x
  %4 = fovea.cast %x : !x to !x
  return %0, %1, %2, %3, %4 : !x, !x, !x, !x, !x
}

// A factor of 1 in every element.
// CHECK: @ones(%[[X:.*]]: tensor
// CHECK-NEXT: return %[[X]]
func.func @ones(%x: !x) -> !x {
  %one = fovea.constant dense<1.0> : tensor<f32>
  %0 = fovea.reshape %one : tensor<f32> to tensor<1x1xf32>
  %1 = fovea.broadcast %0 : tensor<1x1xf32> to !x
  %2 = fovea.mul %1, %x : (!x, !x) -> !x
  return %2 : !x
}

// -0.0 + 0.0 is 0.0.
// CHECK: @kept
// CHECK: fovea.add
func.func @kept(%x: !x) -> !x {
  %zero = fovea.constant dense<0.0> : tensor<f32>
  %0 = fovea.add %x, %zero : (!x, tensor<f32>) -> !x
  return %0 : !x
}

// A factor of 1 that makes the result larger stays.
// CHECK: @widened
// CHECK: fovea.mul
func.func @widened(%x: tensor<4xf32>) -> tensor<2x4xf32> {
  %one = fovea.constant dense<1.0> : tensor<2x4xf32>
  %0 = fovea.mul %x, %one : (tensor<4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// CHECK: @scalars
// CHECK-DAG: %[[SUM:.*]] = fovea.constant dense<8.000000e+00>
// CHECK-DAG: %[[DIFFERENCE:.*]] = fovea.constant dense<4.000000e+00>
// CHECK-DAG: %[[PRODUCT:.*]] = fovea.constant dense<1.200000e+01>
// CHECK-DAG: %[[QUOTIENT:.*]] = fovea.constant dense<3.000000e+00>
// CHECK: return %[[SUM]], %[[DIFFERENCE]], %[[PRODUCT]], %[[QUOTIENT]]
func.func @scalars() -> (tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>) {
  %a = fovea.constant dense<6.0> : tensor<f32>
  %b = fovea.constant dense<2.0> : tensor<f32>
  %0 = fovea.add %a, %b : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %1 = fovea.sub %a, %b : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %2 = fovea.mul %a, %b : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %3 = fovea.div %a, %b : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0, %1, %2, %3 : tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>
}

// CHECK: @size
// CHECK-DAG: %[[TWELVE:.*]] = fovea.constant dense<1.200000e+01> : tensor<f32>
// CHECK-DAG: %[[COUNT:.*]] = fovea.constant dense<12> : tensor<i64>
// CHECK-DAG: %[[BATCH:.*]] = fovea.size <[B] -> (B * 3)> : tensor<f32>
// CHECK: return %[[TWELVE]], %[[COUNT]], %[[BATCH]]
func.func @size() -> (tensor<f32>, tensor<i64>, tensor<f32>) {
  %0 = fovea.size <[] -> (12)> : tensor<f32>
  %1 = fovea.size <[] -> (12)> : tensor<i64>
  %2 = fovea.size <[B] -> (B * 3)> : tensor<f32>
  return %0, %1, %2 : tensor<f32>, tensor<i64>, tensor<f32>
}

// Constants are rounded when they are cast.
// CHECK: @cast_constants
// CHECK-DAG: fovea.constant dense<0x7F800000> : tensor<f32>
// CHECK-DAG: fovea.constant dense<[3.332520e-01, 1.000000e+00]> : tensor<2xf16>
// CHECK-NOT: fovea.cast
func.func @cast_constants() -> (tensor<f32>, tensor<2xf16>) {
  %infinity = fovea.constant dense<0x7C00> : tensor<f16>
  %numbers = fovea.constant dense<[0.333333343, 1.0]> : tensor<2xf32>
  %0 = fovea.cast %infinity : tensor<f16> to tensor<f32>
  %1 = fovea.cast %numbers : tensor<2xf32> to tensor<2xf16>
  return %0, %1 : tensor<f32>, tensor<2xf16>
}
