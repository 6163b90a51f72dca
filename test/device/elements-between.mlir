// A slice begins between two multiples of 16 bytes, where a device cannot read four elements at once.
// RUN: foveac %s --target=cuda-sm80 --compile-to=ptx | FileCheck %s

// CHECK: // point_0 for cuda-sm80, #fovea.schedule<"Bt", task = 256>
// CHECK-NOT: .global{{.*}}.v4

module attributes {fovea.stage = "model"} {
  func.func @model(%x: tensor<8x196xf32> {fovea.name = "x"}, %b: tensor<192xf32> {fovea.name = "b"}) -> (tensor<8x192xf32> {fovea.name = "y"}) {
    %s = fovea.slice %x {axis = 1, start = 1, size = 192, step = 1} : (tensor<8x196xf32>) -> tensor<8x192xf32>
    %0 = fovea.add %s, %b : (tensor<8x192xf32>, tensor<192xf32>) -> tensor<8x192xf32>
    return %0 : tensor<8x192xf32>
  }
}
