// RUN: fovea-opt %s -fovea-rewrite | FileCheck %s

// CHECK: func.func @thirds(%[[A:.*]]: tensor<2x1xf32>, %[[B:.*]]: tensor<2x2xf32>, %[[C:.*]]: tensor<2x3xf32>)
// CHECK-NEXT: %[[ALL:.*]] = fovea.concat %[[A]], %[[B]], %[[C]] {axis = 1 : i64}
// CHECK-NEXT: return %[[ALL]]
func.func @thirds(%a: tensor<2x1xf32>, %b: tensor<2x2xf32>, %c: tensor<2x3xf32>) -> tensor<2x6xf32> {
  %0 = fovea.pad %c {axis = 1, low = 3, high = 0} : (tensor<2x3xf32>) -> tensor<2x6xf32>
  %1 = fovea.pad %a {axis = 1, low = 0, high = 5} : (tensor<2x1xf32>) -> tensor<2x6xf32>
  %2 = fovea.pad %b {axis = 1, low = 1, high = 3} : (tensor<2x2xf32>) -> tensor<2x6xf32>
  %3 = fovea.add %0, %1 : (tensor<2x6xf32>, tensor<2x6xf32>) -> tensor<2x6xf32>
  %4 = fovea.add %3, %2 : (tensor<2x6xf32>, tensor<2x6xf32>) -> tensor<2x6xf32>
  return %4 : tensor<2x6xf32>
}

// CHECK: func.func @gap
// CHECK-NOT: fovea.concat
func.func @gap(%a: tensor<1xf32>) -> tensor<3xf32> {
  %0 = fovea.pad %a {axis = 0, low = 0, high = 2} : (tensor<1xf32>) -> tensor<3xf32>
  %1 = fovea.pad %a {axis = 0, low = 2, high = 0} : (tensor<1xf32>) -> tensor<3xf32>
  %2 = fovea.add %0, %1 : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %2 : tensor<3xf32>
}

// CHECK: func.func @overlap
// CHECK-NOT: fovea.concat
func.func @overlap(%a: tensor<2xf32>) -> tensor<3xf32> {
  %0 = fovea.pad %a {axis = 0, low = 0, high = 1} : (tensor<2xf32>) -> tensor<3xf32>
  %1 = fovea.pad %a {axis = 0, low = 1, high = 0} : (tensor<2xf32>) -> tensor<3xf32>
  %2 = fovea.add %0, %1 : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %2 : tensor<3xf32>
}

// CHECK: func.func @interleaved
// CHECK-NOT: fovea.concat
func.func @interleaved(%a: tensor<2xf32>) -> tensor<4xf32> {
  %0 = fovea.pad %a {axis = 0, low = 0, high = 1, step = 2} : (tensor<2xf32>) -> tensor<4xf32>
  %1 = fovea.pad %a {axis = 0, low = 1, high = 0, step = 2} : (tensor<2xf32>) -> tensor<4xf32>
  %2 = fovea.add %0, %1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}
