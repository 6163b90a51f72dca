// Halide's device code has no bf16: it is widened and rounded by its bits.
// RUN: foveac %s --target=cuda-sm80 --compile-to=ptx | FileCheck %s
// CHECK: ld.global.nc.b16
// CHECK: shl.b32 %{{.*}}, 16
// CHECK: mul.f32
// CHECK: shr.u32 %{{.*}}, 16
// CHECK: st.global.b16
module attributes {fovea.stage = "model"} {
  func.func @model(%x: tensor<64x64xbf16> {fovea.name = "x"}) -> (tensor<64x64xbf16> {fovea.name = "y"}) {
    %0 = fovea.mul %x, %x : (tensor<64x64xbf16>, tensor<64x64xbf16>) -> tensor<64x64xbf16>
    return %0 : tensor<64x64xbf16>
  }
}
