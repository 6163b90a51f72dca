// Threads read and write four neighbours at once where rows are of groups of four.
// RUN: foveac %s --target=cuda-sm80 --compile-to=ptx | FileCheck %s

// CHECK: // point_0 for cuda-sm80, #fovea.schedule<"Bt", vector = 4
// CHECK-COUNT-2: ld.global.nc.v4.b32
// CHECK-NOT: ld.global
// CHECK: st.global.v4.b32
// CHECK-NOT: st.global

!x = tensor<?x192xf32, #fovea.dims<[batch] -> (batch, 192)>>
module attributes {fovea.stage = "model"} {
  func.func @model(%x: !x {fovea.name = "x"}, %b: tensor<192xf32> {fovea.name = "b"}) -> (!x {fovea.name = "y"}) {
    %0 = fovea.add %x, %b : (!x, tensor<192xf32>) -> !x
    return %0 : !x
  }
}
