// RUN: fovea-opt %s -fovea-rewrite | FileCheck %s

!x = tensor<1x2x4x8xf32>

// CHECK: func.func @product(%[[X:.*]]: tensor<4xf32>)
// CHECK-NEXT: %[[SIX:.*]] = fovea.constant dense<6.0{{.*}}> : tensor<f32>
// CHECK-NEXT: %[[Y:.*]] = fovea.mul %[[X]], %[[SIX]]
// CHECK-NEXT: return %[[Y]]
func.func @product(%x: tensor<4xf32>) -> tensor<4xf32> {
  %two = fovea.constant dense<2.0> : tensor<f32>
  %three = fovea.constant dense<3.0> : tensor<f32>
  %0 = fovea.mul %two, %x : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = fovea.mul %0, %three : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK: func.func @attention(%[[Q:arg0]]: tensor<1x2x4x8xf32>
// CHECK-NEXT: %{{.*}} = fovea.attention %[[Q]], {{.*}}scale = 1.500000e+00 : f64}
func.func @attention(%q: !x, %k: !x) -> !x {
  %three = fovea.constant dense<3.0> : tensor<f32>
  %scaled = fovea.mul %q, %three : (!x, tensor<f32>) -> !x
  %0, %1 = fovea.attention %scaled, %k, %k attributes {scale = 0.5} : (!x, !x, !x) -> (!x, tensor<1x2x4xf32>)
  return %0 : !x
}

// A product with another reader stays, and so does a factor that is no scalar.
// CHECK: func.func @kept
// CHECK-COUNT-4: fovea.mul
func.func @kept(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %two = fovea.constant dense<2.0> : tensor<f32>
  %row = fovea.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %0 = fovea.mul %x, %two : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = fovea.mul %0, %two : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %2 = fovea.mul %x, %row : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %3 = fovea.mul %2, %two : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %0, %1, %3 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
