// While a panel of keys or values is multiplied, the tiles fetch the next one: some lines at each turn of the loop over
// terms, each tile its own.
// RUN: foveac %s --compile-to=kernels --target=x86-64-v4 -o %t.mlir
// RUN: sed -i '/@attention_1(/s/task = 48/task = 18/' %t.mlir
// RUN: foveac %t.mlir --compile-to=schedule | FileCheck %s
// CHECK-LABEL: // attention_0
// CHECK: for (score.s1.rs$y, 0, 8)
// CHECK: let dot.s1.rd$x.turn.ahead0 = mux(min(score.s1.rs$y{{.*}}, 0, 16, 32, 48, 64, 80, 96, 112)
// CHECK-NEXT: for (dot.s1.rd$x.turn, 0, 32)
// CHECK-NEXT: llvm.prefetch{{.*}}(keys)
// CHECK: for (sums.s1.ro$y, 0, 8)
// Rows of values are those of four heads.
// CHECK: let product.s1.rj$x.turn.ahead0 = mux(min(sums.s1.ro$y{{.*}}, 0, 16, 32, 48, 256, 272, 288, 304)
// CHECK-NEXT: for (product.s1.rj$x.turn, 0, 32)
// CHECK-NEXT: llvm.prefetch{{.*}}(input1)
// Three tiles fetch two lines each at a turn, but no more.
// CHECK-LABEL: // attention_1
// CHECK: for (score.s1.rs$y, 0, 3)
// CHECK: .ahead0 =
// CHECK: .ahead1 =
// CHECK-NOT: .ahead2 =
// CHECK: for (dot.s1.rd$x.turn

// RUN: foveac %t.mlir --compile-to=asm | FileCheck %s --check-prefix=ASM
// ASM-LABEL: // attention_0
// ASM: dot.s1.rd$x
// ASM: prefetcht1
// ASM-COUNT-48: vfmadd231ps {{.*}}, %zmm{{[0-9]+}}, %zmm{{[0-9]+}}
// ASM: jne

// A line that holds several vectors is fetched once.
// RUN: foveac %s --compile-to=schedule --target=x86-64-v3 | FileCheck %s --check-prefix=AVX2
// AVX2-LABEL: // attention_0
// AVX2: let dot.s1.rd$x.turn.ahead0 = mux(min(score.s1.rs$y{{.*}}, 0, 16, 32)

// A panel may be the only one, and one block of queries reads each key but once.
// CHECK-LABEL: // attention_2
// CHECK-NOT: prefetch
// CHECK-LABEL: // attention_3
// CHECK-NOT: prefetch

!far = tensor<1x4x4096x64xf32>
!rows = tensor<1x4096x4x64xf32>
!few = tensor<1x4x48x64xf32>
!one = tensor<1x4x1x64xf32>
module attributes {fovea.stage = "model"} {
  func.func @model(%x: !far {fovea.name = "x"}, %rows: !rows {fovea.name = "rows"}, %y: !few {fovea.name = "y"},
                   %z: !one {fovea.name = "z"})
      -> (!far {fovea.name = "a"}, !far {fovea.name = "b"}, !few {fovea.name = "c"}, !one {fovea.name = "d"}) {
    %value = fovea.transpose %rows [0, 2, 1, 3] : (!rows) -> !far
    %a, %lse0 = fovea.attention %x, %x, %value attributes {scale = 1.0} : (!far, !far, !far) -> (!far, tensor<1x4x4096xf32>)
    %b, %lse1 = fovea.attention %x, %x, %x attributes {scale = 1.0, window_right = 0} : (!far, !far, !far) -> (!far, tensor<1x4x4096xf32>)
    %c, %lse2 = fovea.attention %y, %y, %y attributes {scale = 1.0} : (!few, !few, !few) -> (!few, tensor<1x4x48xf32>)
    %d, %lse3 = fovea.attention %z, %x, %x attributes {scale = 1.0} : (!one, !far, !far) -> (!one, tensor<1x4x1xf32>)
    return %a, %b, %c, %d : !far, !far, !few, !one
  }
}
