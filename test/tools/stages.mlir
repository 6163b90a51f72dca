// foveac stops at every stage, and writes its text to a file or to standard output.
// RUN: foveac %s --compile-to=model | FileCheck %s --check-prefix=MODEL
// RUN: foveac %s --compile-to=grad | FileCheck %s --check-prefix=GRAD
// RUN: foveac %s --compile-to=optimized -o %t.optimized && FileCheck %s --check-prefix=OPTIMIZED <%t.optimized
// RUN: foveac - --compile-to=kernels --target=x86-64-v3 -o - <%s | FileCheck %s --check-prefix=KERNELS
// RUN: foveac %s --compile-to=schedule --target=x86-64-v3 | FileCheck %s --check-prefixes=TEXT,SCHEDULE --implicit-check-not=fovea_
// RUN: foveac %s --compile-to=stmt --target=x86-64-v3 | FileCheck %s --check-prefixes=TEXT,STMT
// RUN: foveac %s --compile-to=llvm --target=x86-64-v3 | FileCheck %s --check-prefixes=TEXT,LLVM
// RUN: foveac %s --compile-to=asm --target=x86-64-v3 -o %t.asm && FileCheck %s --check-prefixes=TEXT,ASM <%t.asm

// What the author wrote, with the author's lines.
// MODEL: fovea.stage = "model"
// MODEL: fovea.matmul {{.*}} loc(#[[LINE:loc[0-9]*]])
// MODEL: #[[LINE]] = loc("{{.*}}stages.mlir":[[# @LINE + 33]]:{{[0-9]+}})

// GRAD: fovea.stage = "grad"
// GRAD: func.func @forward
// GRAD: func.func @gradients
// GRAD: func.func @update
// GRAD: func.func private @train_step() attributes {fovea.sequence = [@gradients, @update]}

// OPTIMIZED: fovea.stage = "optimized"

// KERNELS: fovea.stage = "kernels"
// KERNELS-SAME: fovea.target = "x86-64-v3"
// KERNELS: fovea.kernel @matmul_0({{.*}}schedule = #fovea.schedule<"MNnmkn"
// KERNELS: fovea.launch @matmul_0

// One section for each kernel. Names are without the hash that symbols of kernels have.
// TEXT: // matmul_0 for x86-64-v3, #fovea.schedule<"MNnmkn"
// SCHEDULE: produce output
// SCHEDULE: parallel (output.s0.
// STMT: produce output
// LLVM: define {{.*}}i32 @fovea_
// ASM: fovea_{{[0-9a-f]+}}:
// ASM: vfmadd
// TEXT: {{^}}// {{[a-z_0-9]+}} for x86-64-v3, #fovea.schedule<

!batch = tensor<?xf32, #fovea.dims<[batch] -> (batch)>>
!out = tensor<?x8xf32, #fovea.dims<[batch] -> (batch, 8)>>
module @linear attributes {fovea.stage = "model"} {
  fovea.state "parameter" @w : tensor<16x8xf32> {b = 0.05, initializer = "normal", decay}
  func.func @model(%x: tensor<?x16xf32, #fovea.dims<[batch] -> (batch, 16)>> {fovea.name = "x"})
      -> (!out {fovea.name = "y"}, tensor<f32> {fovea.name = "loss", fovea.loss})
      attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
    %w = fovea.load @w : tensor<16x8xf32>
    %y = fovea.matmul %x, %w : (tensor<?x16xf32, #fovea.dims<[batch] -> (batch, 16)>>, tensor<16x8xf32>) -> !out
    %square = fovea.mul %y, %y : (!out, !out) -> !out
    %loss = fovea.sum %square [0, 1] : (!out) -> tensor<f32>
    return %y, %loss : !out, tensor<f32>
  }
}
