// The threads that share a row meet in memory of their block.
// RUN: foveac %s --target=cuda-sm80 --compile-to=ptx | FileCheck %s --implicit-check-not=.local

// CHECK: // softmax_0 for cuda-sm80, #fovea.schedule<"Rt"
// CHECK: ld.global
// CHECK: st.shared
// CHECK: bar.sync
// CHECK: ld.shared
// CHECK: st.global

!x = tensor<?x197xf32, #fovea.dims<[batch] -> (batch, 197)>>
module attributes {fovea.stage = "model"} {
  func.func @model(%x: !x {fovea.name = "x"}) -> (!x {fovea.name = "y"}) {
    %0 = fovea.softmax %x : !x
    return %0 : !x
  }
}
