// A product's inner loop is made of fused multiply-adds of whole registers: one for each vector of its register tile.
// RUN: foveac %s --compile-to=asm --target=x86-64-v4 | FileCheck %s --check-prefix=V4
// RUN: foveac %s --compile-to=asm --target=x86-64-v3 | FileCheck %s --check-prefix=V3

// V4: // matmul_0 for x86-64-v4
// V4-COUNT-24: vfmadd231ps {{.*}}%zmm
// V3: // matmul_0 for x86-64-v3
// V3-COUNT-12: vfmadd231ps {{.*}}%ymm

!x = tensor<256x192xf32>
!w = tensor<192x576xf32>
!y = tensor<256x576xf32>
module @product attributes {fovea.stage = "model"} {
  func.func @model(%x: !x {fovea.name = "x"}, %w: !w {fovea.name = "w"}) -> (!y {fovea.name = "y"}) {
    %y = fovea.matmul %x, %w : (!x, !w) -> !y
    return %y : !y
  }
}
