// A product of bf16 matrices with a row added is for tensor cores: a tile of 32 x 64 for each warp, whose sums stay in
// registers, with loads and stores of 16 bytes. Another product is Halide's.
// RUN: foveac %s --target=cuda-sm80 --compile-to=schedule | FileCheck %s --check-prefix=VECTORS
// VECTORS: scf.forall (%[[M:.*]], %[[N:.*]]) = (0, 0) to (%{{.*}}, 256) step (32, 64)
// VECTORS: scf.for %[[K:.*]] = %{{.*}} to %{{.*}} step
// VECTORS: vector.transfer_read %{{.*}}[%[[M]], %[[K]]], {{.*}} {in_bounds = [false, true]}
// VECTORS: vector.contract {{.*}} : vector<32x32xbf16>, vector<32x64xbf16> into vector<32x64xf32>
// VECTORS: arith.addf
// VECTORS: arith.truncf {{.*}} : vector<32x64xf32> to vector<32x64xbf16>
// VECTORS: vector.transfer_write %{{.*}}, %{{.*}}[%[[M]], %[[N]]] {in_bounds = [false, true]}

// RUN: foveac %s --target=cuda-sm80 --compile-to=stmt | FileCheck %s --check-prefix=THREADS
// THREADS: gpu.func @product(
// THREADS: scf.for
// THREADS-COUNT-4: vector.load %{{.*}} {alignment = 16 : i64} : {{.*}}, vector<8xbf16>
// THREADS: nvvm.mma.sync {{.*}} shape = #nvvm.shape<m = 16, n = 8, k = 16>

// RUN: foveac %s --target=cuda-sm80 --compile-to=ptx | FileCheck %s --check-prefix=PTX --check-prefix=SM80
// RUN: foveac %s --target=cuda-sm90 --compile-to=ptx | FileCheck %s --check-prefix=PTX --check-prefix=SM90
// SM80: .target sm_80
// SM90: .target sm_90
// PTX: .entry product(
// PTX: .maxntid 128, 1, 1
// PTX-NOT: ld.global
// PTX: $L__BB
// PTX-COUNT-12: ld.global.v4.b32
// PTX-NOT: ld.{{global|local|param}}
// PTX-COUNT-32: mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// PTX-NOT: mma.sync
// PTX: bra
// PTX-COUNT-64: add.{{(rn.)?}}f32
// PTX: cvt.rn.bf16x2.f32
// PTX: st.global.v4.b32
// PTX-LABEL: // matmul_1
// PTX-NOT: mma.sync

!x = tensor<?x64xbf16, #fovea.dims<[batch] -> (batch, 64)>>
!y = tensor<?x256xbf16, #fovea.dims<[batch] -> (batch, 256)>>
module attributes {fovea.stage = "model"} {
  func.func @model(%x: !x {fovea.name = "x"}, %w: tensor<64x256xbf16> {fovea.name = "w"}, %b: tensor<256xf32> {fovea.name = "b"},
                   %v: tensor<64x256xf32> {fovea.name = "v"}) -> (!y {fovea.name = "y"}, tensor<256x256xf32> {fovea.name = "z"}) {
    %low = fovea.cast %b : tensor<256xf32> to tensor<256xbf16>
    %0 = fovea.matmul %x, %w : (!x, tensor<64x256xbf16>) -> !y
    %y = fovea.add %0, %low : (!y, tensor<256xbf16>) -> !y
    %z = fovea.matmul %v, %v {transpose_a = true} : (tensor<64x256xf32>, tensor<64x256xf32>) -> tensor<256x256xf32>
    return %y, %z : !y, tensor<256x256xf32>
  }
}
