// Schedules of convolutions: what is chosen, what may be edited, and that the sums are multiply-adds on whole registers.
// RUN: foveac %s --compile-to=kernels --target=x86-64-v4 -o %t.mlir
// RUN: FileCheck %s --check-prefix=CHOSEN <%t.mlir
// CHOSEN-DAG: @conv2d_0({{.*}}schedule<"Tokf", rows = 8, columns = 48, vector = 16, task = 14, chunks = 2>
// CHOSEN-DAG: @conv2d_input_grad_1({{.*}}schedule<"Tokf"
// CHOSEN-DAG: @conv2d_weight_grad_2({{.*}}schedule<"Cuwf", rows = 12, columns = 32, vector = 16, task = 4, chunks = 16>

// RUN: foveac %t.mlir --compile-to=schedule | FileCheck %s --check-prefix=LOOPS
// LOOPS-LABEL: // conv2d_0
// LOOPS: parallel (output
// LOOPS: produce flat
// LOOPS: produce sums
// LOOPS: produce product
// LOOPS-LABEL: // conv2d_weight_grad_2
// LOOPS: parallel (partial.s1
// LOOPS: produce flat
// LOOPS: produce turned
// LOOPS: produce total

// RUN: foveac %t.mlir --compile-to=asm | FileCheck %s --check-prefix=ASM
// ASM-LABEL: // conv2d_0
// ASM: product.s1.k$y
// ASM-COUNT-72: vfmadd231ps %zmm{{[0-9]+}}, %zmm{{[0-9]+}}, %zmm{{[0-9]+}}
// ASM: {{j[a-z]+}} .LBB

// A small second cache gets a part of the channels at a time, for all outputs of a task.
// RUN: foveac %s --compile-to=kernels --target=x86-64-v3 -o %t.avx2.mlir
// RUN: FileCheck %s --check-prefix=PARTS <%t.avx2.mlir
// PARTS: @conv2d_0({{.*}}schedule<"Tkokf", rows = 4, columns = 24, vector = 8, task = 14, chunks = 2, depth = 16>
// RUN: foveac %t.avx2.mlir --compile-to=schedule | FileCheck %s --check-prefix=PARTED
// PARTED-LABEL: // conv2d_0
// PARTED: for (sums.s1.parts$x, 0, 4)
// PARTED: for (sums.s1.o.tiles, 0, 8)
// PARTED: for (sums.s1.pixel.runs
// PARTED: produce product

// RUN: sed 's/"Tokf", rows = 8/"tokf", rows = 4/' %t.mlir | foveac - --compile-to=schedule | FileCheck %s --check-prefix=EDITED
// EDITED-LABEL: // conv2d_0
// EDITED-NOT: parallel
// EDITED: produce output

// RUN: sed 's/columns = 32/columns = 40/' %t.mlir >%t.wrong && not foveac %t.wrong --name=wrong -o %t.out 2>&1 | FileCheck %s --check-prefix=COLUMNS
// COLUMNS: error: @conv2d_weight_grad_2 has columns = 40 and vector = 16: columns must be a multiple of vector

!x = tensor<?x64x56x56xf32, #fovea.dims<[batch] -> (batch, 64, 56, 56)>>
!w = tensor<64x64x3x3xf32>
module attributes {fovea.stage = "model"} {
  func.func @model(%x: !x {fovea.name = "x"}, %w: !w {fovea.name = "w"}) -> (!x {fovea.name = "y"}, !x {fovea.name = "dx"}, !w {fovea.name = "dw"}) {
    %y = fovea.conv2d %x, %w {stride = array<i64: 1, 1>, padding = array<i64: 1, 1>} : (!x, !w) -> !x
    %dx = fovea.conv2d_input_grad %x, %w {stride = array<i64: 1, 1>, padding = array<i64: 1, 1>} : (!x, !w) -> !x
    %dw = fovea.conv2d_weight_grad %x, %x {stride = array<i64: 1, 1>, padding = array<i64: 1, 1>} : (!x, !x) -> !w
    return %y, %dx, %dw : !x, !x, !w
  }
}
