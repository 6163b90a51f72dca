// A product's operands are staged in memory that the threads of a block share, between barriers; a thread reads four
// elements of it at once and has its sums in registers.
// RUN: foveac %s --target=cuda-sm80 --compile-to=ptx | FileCheck %s

// CHECK: // matmul_0 for cuda-sm80, #fovea.schedule<"MNkmn", rows = 8, columns = 8, vector = 4, task = 128, width = 128, depth = 16>
// CHECK-NOT: .local
// CHECK: ld.global.nc.b32
// CHECK: st.shared.b32
// CHECK: bar.sync
// CHECK: ld.shared.v4.b32
// CHECK-COUNT-64: fma.rn.f32
// CHECK: bar.sync
// CHECK: st.global
// CHECK-NOT: .local

!m = tensor<2048x2048xf32>
module attributes {fovea.stage = "model"} {
  func.func @model(%a: !m {fovea.name = "a"}, %b: !m {fovea.name = "b"}) -> (!m {fovea.name = "c"}) {
    %0 = fovea.matmul %a, %b : (!m, !m) -> !m
    return %0 : !m
  }
}
