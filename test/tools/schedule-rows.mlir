// While a row is computed, what rows some way after it read and store is fetched, vector by vector: what is read in the
// last loop that reads it, what is stored to be written.
// RUN: foveac %s --compile-to=schedule --target=x86-64-v4 | FileCheck %s
// RUN: foveac %s --compile-to=asm --target=x86-64-v4 | FileCheck %s --check-prefix=ASM
// CHECK-LABEL: // softmax_0 {{.*}}rows = 2
// CHECK: for (output.s0.dim0.dim0.row, 0, 42)
// CHECK-NOT: prefetch
// CHECK: for (powers.s0.dim1.dim1, 0, 12)
// CHECK-NEXT: {{llvm.prefetch.*\(input0\).*output.s0.dim0.dim0.row \+ 1\).*, 0, 3, 1\)}}
// CHECK-NOT: prefetch
// CHECK: for (output.s0.dim1.dim1, 0, 12)
// CHECK-NEXT: {{llvm.prefetch.*\(output\).*output.s0.dim0.dim0.row \+ 1\).*, 1, 3, 1\)}}
// ASM-LABEL: // softmax_0
// ASM: prefetcht0
// ASM: prefetchw
// Where nothing can be fetched to be written, only what is read.
// RUN: foveac %s --compile-to=schedule --target=x86-64-v3 | FileCheck %s --check-prefix=READ --implicit-check-not="1, 3, 1)"
// READ-LABEL: // softmax_0
// READ: {{llvm.prefetch.*\(input0\).*, 0, 3, 1\)}}

// Where there is one row, so many vectors after this one; each of as many registers as its long chains pay for, and all
// lines of it.
// CHECK-LABEL: // point_1 {{.*}}vector = 64
// CHECK: for (output.s0.dim0.row.row, 0, 256)
// CHECK-COUNT-4: {{llvm.prefetch.*\(input0\).*row.row \+ 6\).*, 0, 3, 1\)}}
// CHECK-COUNT-4: {{llvm.prefetch.*\(output\).*row.row \+ 6\).*, 1, 3, 1\)}}

// A symbolic size may be large.
// CHECK-LABEL: // point_2
// CHECK: llvm.prefetch

// Not what is near, nor so much at a time that it would not stay in the first cache.
// CHECK-LABEL: // softmax_3
// CHECK-NOT: prefetch
// CHECK-LABEL: // point_4
// CHECK-NOT: prefetch

!x = tensor<4728x197xf32>
!v = tensor<1048576xf32>
!a = tensor<?x192xf32, #fovea.dims<[batch] -> (batch, 192)>>
!b = tensor<640x197xf32>
!c = tensor<512x4096xf32>
module attributes {fovea.stage = "model"} {
  func.func @model(%x: !x {fovea.name = "x"}, %v: !v {fovea.name = "v"}, %a: !a {fovea.name = "a"}, %b: !b {fovea.name = "b"}, %c: !c {fovea.name = "c"})
      -> (!x {fovea.name = "far"}, !v {fovea.name = "row"}, !a {fovea.name = "symbolic"}, !b {fovea.name = "near"}, !c {fovea.name = "long"}) {
    %0 = fovea.softmax %x : !x
    %1 = fovea.tanh %v : !v
    %2 = fovea.tanh %a : !a
    %3 = fovea.softmax %b : !b
    %4 = fovea.tanh %c : !c
    return %0, %1, %2, %3, %4 : !x, !v, !a, !b, !c
  }
}
