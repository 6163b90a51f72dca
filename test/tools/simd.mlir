// A product's inner loop is made of fused multiply-adds of whole registers: one for each vector of its register tile.
// RUN: foveac %s --compile-to=asm --target=x86-64-v4 | FileCheck %s --check-prefix=V4
// RUN: foveac %s --compile-to=asm --target=x86-64-v3 | FileCheck %s --check-prefix=V3

// V4: // matmul_0 for x86-64-v4
// V4-COUNT-48: vfmadd231ps {{.*}}%zmm
// Its tile goes from registers to where the result lies.
// V4-NOT: (%rsp)
// V4-COUNT-24: vmovups %zmm{{[0-9]+}}, {{.*}}(%r
// V3: // matmul_0 for x86-64-v3
// V3-COUNT-12: vfmadd231ps {{.*}}%ymm

// Where much is computed of its elements, it does so through memory, which is not filled with zeros before.
// RUN: foveac %s --compile-to=schedule --target=x86-64-v4 | FileCheck %s --check-prefix=KEPT
// RUN: foveac %s --compile-to=asm --target=x86-64-v4 | FileCheck %s --check-prefix=GELU
// KEPT-LABEL: // matmul_0
// KEPT-NOT: produce kept
// KEPT-LABEL: // matmul_1
// KEPT: produce product
// KEPT: produce kept
// KEPT: consume kept
// GELU: // matmul_1 for x86-64-v4
// GELU-NOT: memset

!x = tensor<256x192xf32>
!w = tensor<192x576xf32>
!y = tensor<256x576xf32>
module @product attributes {fovea.stage = "model"} {
  func.func @model(%x: !x {fovea.name = "x"}, %w: !w {fovea.name = "w"}, %v: !w {fovea.name = "v"}) -> (!y {fovea.name = "y"}, !y {fovea.name = "z"}) {
    %y = fovea.matmul %x, %w : (!x, !w) -> !y
    %product = fovea.matmul %x, %v : (!x, !w) -> !y
    %z = fovea.gelu %product : !y
    return %y, %z : !y, !y
  }
}
