// Products of bf16 are dot products of pairs where the target has them, on whole registers, with nothing else in their
// loop than loads and counters; elsewhere they are products of f32.
// RUN: foveac %s --target=x86-64-v4-bf16 --compile-to=asm | FileCheck %s --check-prefix=PAIRS --implicit-check-not=extrq --implicit-check-not=insertq
// PAIRS-LABEL: // matmul_0
// PAIRS: product.s1.k$y
// PAIRS-NOT: rsp
// PAIRS-COUNT-24: vdpbf16ps %zmm{{[0-9]+}}, %zmm{{[0-9]+}}, %zmm{{[0-9]+}}
// PAIRS-NOT: rsp
// PAIRS: jne
// A sum of an odd number of terms does not fall into pairs.
// PAIRS-LABEL: // matmul_1
// PAIRS-NOT: vdpbf16ps
// PAIRS: vfmadd231ps {{.*}}zmm
// RUN: foveac %s --target=x86-64-v4 --compile-to=asm | FileCheck %s --check-prefix=SINGLE --implicit-check-not=vdpbf16ps
// SINGLE-COUNT-24: vfmadd231ps %zmm{{[0-9]+}}, %zmm{{[0-9]+}}, %zmm{{[0-9]+}}

!square = tensor<512x512xbf16>
module attributes {fovea.stage = "model"} {
  func.func @model(%a: !square {fovea.name = "a"}, %b: !square {fovea.name = "b"}, %c: tensor<512x333xbf16> {fovea.name = "c"}, %d: tensor<333x512xbf16> {fovea.name = "d"})
      -> (!square {fovea.name = "even"}, !square {fovea.name = "odd"}) {
    %even = fovea.matmul %a, %b : (!square, !square) -> !square
    %odd = fovea.matmul %c, %d : (tensor<512x333xbf16>, tensor<333x512xbf16>) -> !square
    return %even, %odd : !square, !square
  }
}
