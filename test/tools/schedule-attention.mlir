// Attention's schedules: tiles of queries by keys in registers, and of keys only those panels that a block of queries sees.
// Where queries see all of some keys, tiles of the result go through all of them.
// RUN: foveac %s --compile-to=kernels --target=x86-64-v4 -o %t.mlir
// RUN: FileCheck %s --check-prefix=CHOSEN <%t.mlir
// CHOSEN: @attention_0({{.*}}schedule<"BIijd", rows = 6, columns = 64, vector = 16, task = 48>
// CHOSEN: @attention_1({{.*}}schedule<"BIijqd", rows = 18, columns = 16, vector = 16, task = 18, width = 6>
// CHOSEN: @attention_2({{.*}}schedule<"BIijqd", rows = 6, columns = 64, vector = 16, task = 18, width = 6>

// RUN: foveac %t.mlir --compile-to=schedule | FileCheck %s --check-prefix=LOOPS
// LOOPS-LABEL: // attention_0
// LOOPS: parallel (output.s0.dim1.head, 0, 8)
// LOOPS: for (score.s1.rs$z, 0, t{{[0-9]+}} + 1)
// LOOPS: for (sums.s1.ro$w, 0, t{{[0-9]+}} + 1)
// LOOPS-LABEL: // attention_1
// LOOPS: for (score.s1.rs$z, 0, 13)
// LOOPS: for (output.s0.dim2.at.tile, 0, 3)
// LOOPS: produce weight
// LOOPS: produce product
// LOOPS: for (product.s1.rj$y, 0, 13)
// The scores of all of a block do not stay near: the largest is sought tile by tile.
// LOOPS-LABEL: // attention_2
// LOOPS: for (score.s1.rs$z, 0, 16)
// LOOPS-NOT: produce largest
// LOOPS: for (output.s0.dim2.at.tile, 0, 3)
// LOOPS: for (peak.s1.rp$x, 0, 16)
// LOOPS: produce largest
// LOOPS: for (weight.s0.q
// LOOPS: for (weight.s0.panel, 0, 16)

// The products are multiply-adds on whole registers, with nothing else in their loops than loads and counters.
// RUN: foveac %t.mlir --compile-to=asm | FileCheck %s --check-prefix=ASM
// ASM-LABEL: // attention_1
// ASM: dot.s1.rd$x
// ASM-COUNT-18: vfmadd231ps {{.*}}, %zmm{{[0-9]+}}, %zmm{{[0-9]+}}
// ASM-NOT: rsp
// ASM: jne
// ASM: product.s1.rj$x
// ASM-COUNT-24: vfmadd231ps %zmm{{[0-9]+}}, %zmm{{[0-9]+}}, %zmm{{[0-9]+}}
// ASM-NOT: rsp
// ASM: jne

// With half the registers a tile of one vector is bound by its loads, and rows of the result are cut into pairs.
// RUN: foveac %s --compile-to=kernels --target=x86-64-v3 -o %t.avx2.mlir
// RUN: FileCheck %s --check-prefix=AVX2 <%t.avx2.mlir
// AVX2: @attention_1({{.*}}schedule<"BIijqd", rows = 6, columns = 16, vector = 8, task = 18, width = 6>
// AVX2: @attention_3({{.*}}schedule<"BIijqd", rows = 7, columns = 8, vector = 8, task = 28, width = 4>
// RUN: foveac %t.avx2.mlir --compile-to=schedule | FileCheck %s --check-prefix=PAIRS
// PAIRS-LABEL: // attention_0
// PAIRS: for (sums.s1.d.columns, 0, 4)
// PAIRS: produce product
// PAIRS: product[ramp(88, 1, 8)] = x8(0.000000f)
// PAIRS-NOT: product[ramp(96
// PAIRS: consume product

!causal = tensor<1x8x1024x64xf32>
!window = tensor<4x3x49x32xf32>
!image = tensor<8x3x197x64xf32>
module attributes {fovea.stage = "model"} {
  func.func @model(%x: !causal {fovea.name = "x"}, %y: !image {fovea.name = "y"}, %z: !window {fovea.name = "z"})
      -> (!causal {fovea.name = "a"}, !image {fovea.name = "b"}, !causal {fovea.name = "c"}, !window {fovea.name = "d"}) {
    %a, %lse = fovea.attention %x, %x, %x attributes {scale = 1.0, window_right = 0} : (!causal, !causal, !causal) -> (!causal, tensor<1x8x1024xf32>)
    %b, %lse2 = fovea.attention %y, %y, %y attributes {scale = 1.0} : (!image, !image, !image) -> (!image, tensor<8x3x197xf32>)
    %c, %lse3 = fovea.attention %x, %x, %x attributes {scale = 1.0} : (!causal, !causal, !causal) -> (!causal, tensor<1x8x1024xf32>)
    %d, %lse4 = fovea.attention %z, %z, %z attributes {scale = 1.0} : (!window, !window, !window) -> (!window, tensor<4x3x49xf32>)
    return %a, %b, %c, %d : !causal, !image, !causal, !window
  }
}
