// Functions of f64 are those of NVIDIA's library for devices, in the kernel's own code.
// RUN: foveac %s --target=cuda-sm80 --compile-to=ptx | FileCheck %s --implicit-check-not=.extern

// CHECK: .entry
// CHECK: fma.rn.f64

!t = tensor<37xf64>
module attributes {fovea.stage = "model"} {
  func.func @model(%x: !t {fovea.name = "x"}, %z: !t {fovea.name = "z"}) -> (!t {fovea.name = "y"}) {
    %0 = fovea.gelu %x : !t
    %1 = fovea.pow %0, %z : (!t, !t) -> !t
    %2 = fovea.softplus %1 : !t
    %3 = fovea.remainder %2, %z : (!t, !t) -> !t
    %4 = fovea.sin %3 : !t
    %5 = fovea.cos %4 : !t
    %6 = fovea.tanh %5 : !t
    %7 = fovea.exp %6 : !t
    %8 = fovea.log %7 : !t
    return %8 : !t
  }
}
