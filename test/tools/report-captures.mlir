// --report names what attention captures where that is as large as the matrix that attention does not store.
// RUN: foveac %s --name=biased --report --target=x86-64-v3 -o %t | FileCheck %s

// CHECK: kernel of forward
// CHECK: all launches
// CHECK-NEXT: attention_0 captures queries by keys: (8, 5, 7){{$}}
// CHECK-NEXT: state:

!q = tensor<1x8x5x16xf32>
!k = tensor<1x8x7x16xf32>
!rows = tensor<1x8x5xf32>
!bias = tensor<8x5x7xf32>
!keys = tensor<8x7xf32>

module @biased attributes {fovea.stage = "model"} {
  func.func @model(%q: !q {fovea.name = "q"}, %k: !k {fovea.name = "k"}, %bias: !bias {fovea.name = "bias"}, %of_keys: !keys {fovea.name = "of_keys"}) -> (!q {fovea.name = "y"}) {
    %0, %lse = fovea.attention %q, %k, %k captures %bias, %of_keys attributes {scale = 0.25} score {
    ^bb0(%s: tensor<f32>, %b: tensor<i32>, %h: tensor<i32>, %i: tensor<i32>, %j: tensor<i32>, %one: !bias, %two: !keys):
      %1 = fovea.score_load %one[%h, %i, %j] : (!bias, tensor<i32>, tensor<i32>, tensor<i32>) -> tensor<f32>
      %2 = fovea.score_load %two[%h, %j] : (!keys, tensor<i32>, tensor<i32>) -> tensor<f32>
      %3 = fovea.add %s, %1 : (tensor<f32>, tensor<f32>) -> tensor<f32>
      %4 = fovea.add %3, %2 : (tensor<f32>, tensor<f32>) -> tensor<f32>
      fovea.yield %4 : tensor<f32>
    } : (!q, !k, !k, !bias, !keys) -> (!q, !rows)
    return %0 : !q
  }
}
