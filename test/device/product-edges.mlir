// Products whose columns do not fill groups have their sums in registers too.
// RUN: foveac %s --target=cuda-sm80 --compile-to=ptx | FileCheck %s --implicit-check-not=.local

// CHECK: // matmul_0 for cuda-sm80, #fovea.schedule<"MNkmn", rows = 2, columns = 2
// CHECK: fma.rn.f32

!x = tensor<?x784xf32, #fovea.dims<[batch] -> (batch, 784)>>
!g = tensor<?x65xf32, #fovea.dims<[batch] -> (batch, 65)>>
module attributes {fovea.stage = "model"} {
  func.func @model(%x: !x {fovea.name = "x"}, %g: !g {fovea.name = "g"}) -> (tensor<784x65xf32> {fovea.name = "y"}) {
    %0 = fovea.matmul %x, %g {transpose_a = true} : (!x, !g) -> tensor<784x65xf32>
    return %0 : tensor<784x65xf32>
  }
}
