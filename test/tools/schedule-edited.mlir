// Schedules edited by hand in a kernels file: what a kernel's lowering honours is taken, anything else is refused where the
// file is read, with the loops that the kernel can have.
// RUN: foveac %s --compile-to=kernels --target=x86-64-v3 -o %t.mlir
// RUN: FileCheck %s --check-prefix=CHOSEN <%t.mlir
// CHOSEN-DAG: @matmul_{{.*}}"bNMnmkn"
// CHOSEN-DAG: @attention_{{.*}}"BIijqd"
// CHOSEN-DAG: @sum_{{.*}}"Crn"
// CHOSEN-DAG: @softmax_{{.*}}"Rn"

// RUN: sed 's/"bNMnmkn"/"XXX"/' %t.mlir >%t.wrong
// RUN: not foveac %t.wrong --name=wrong -o %t.wrong.out 2>&1 | FileCheck %s --check-prefix=MATMUL
// RUN: not foveac %t.wrong --name=wrong --compile-to=schedule 2>&1 | FileCheck %s --check-prefix=MATMUL
// RUN: not foveac %t.wrong --name=wrong --compile-to=kernels 2>&1 | FileCheck %s --check-prefix=MATMUL
// MATMUL: schedule-edited.mlir:[[# @LINE + 36]]:{{.*}}: error: @matmul_{{[0-9]+}} has loops "XXX", but can have only "[b]MN[k][a][b]nmkn" or "[b]NM[k][a][b]nmkn", whose capitals may be small: only the loop of a capital is shared among threads; what stands in brackets may be left out
// RUN: sed 's/"BIijqd"/"BIiJd"/' %t.mlir >%t.wrong && not foveac %t.wrong --name=wrong -o %t.wrong.out 2>&1 | FileCheck %s --check-prefix=ATTENTION
// ATTENTION: error: @attention_{{[0-9]+}} has loops "BIiJd", but can have only "BIijd" or "BIJijd" or "BIijqd"
// RUN: sed '/@attention_/s/width = 8/width = 5/' %t.mlir >%t.wrong && not foveac %t.wrong --name=wrong -o %t.wrong.out 2>&1 | FileCheck %s --check-prefix=WIDTH
// WIDTH: error: @attention_{{[0-9]+}} has width = 5 and blocks of 16 queries: width must divide them
// RUN: sed 's/"Crn"/"CRN"/' %t.mlir >%t.wrong && not foveac %t.wrong --name=wrong -o %t.wrong.out 2>&1 | FileCheck %s --check-prefix=SUM
// SUM: error: @sum_{{[0-9]+}} has loops "CRN", but can have only "Crn" or "Rn"
// RUN: sed 's/chunks = 16/chunks = 4097/' %t.mlir >%t.wrong && not foveac %t.wrong --name=wrong -o %t.wrong.out 2>&1 | FileCheck %s --check-prefix=CHUNKS
// CHUNKS: error: @sum_{{[0-9]+}} has chunks = 4097: a processor takes at most 4096
// RUN: sed 's/"Rn"/"RN"/' %t.mlir >%t.wrong && not foveac %t.wrong --name=wrong -o %t.wrong.out 2>&1 | FileCheck %s --check-prefix=ROWS
// ROWS: error: @softmax_{{[0-9]+}} has loops "RN", but can have only "Rn"
// RUN: sed 's/"bNMnmkn"/""/' %t.mlir >%t.wrong && not foveac %t.wrong --name=wrong -o %t.wrong.out 2>&1 | FileCheck %s --check-prefix=NO-LOOPS
// NO-LOOPS: error: @matmul_{{[0-9]+}} has loops "", but can have only
// RUN: sed 's/, schedule = #fovea.schedule<[^>]*>//; s/ attributes {schedule = #fovea.schedule<[^>]*>}//' %t.mlir >%t.wrong && not foveac %t.wrong --name=wrong -o %t.wrong.out 2>&1 | FileCheck %s --check-prefix=UNSCHEDULED
// UNSCHEDULED: error: @{{.*}} has no schedule: give it one, or compile it anew from an earlier stage
// RUN: sed 's/columns = [0-9]*/columns = 12/' %t.mlir >%t.wrong && not foveac %t.wrong --name=wrong -o %t.wrong.out 2>&1 | FileCheck %s --check-prefix=COLUMNS
// COLUMNS-DAG: error: @matmul_{{[0-9]+}} has columns = 12 and vector = 8: columns must be a multiple of vector
// COLUMNS-DAG: error: @attention_{{[0-9]+}} has columns = 12 and vector = 8: columns must be a multiple of vector

// A capital is a loop that threads share, and may be small; the order of blocks and panels may change.
// RUN: foveac %t.mlir --compile-to=schedule | FileCheck %s --check-prefix=PANELS
// RUN: sed 's/"bNMnmkn"/"bMNnmkn"/' %t.mlir | foveac - --compile-to=schedule | FileCheck %s --check-prefix=BLOCKS
// RUN: sed 's/"bNMnmkn"/"bmNnmkn"/' %t.mlir | foveac - --compile-to=schedule | FileCheck %s --check-prefix=PANELS-ONLY
// PANELS: parallel (output.s0.dim0.tile.block.group,
// BLOCKS: parallel (output{{.*}}.s0.dim1.panel.group.block,
// PANELS-ONLY: parallel (output.s0.dim1.panel.group,
// RUN: sed 's/"bNMnmkn"/"bmnnmkn"/; s/"BIijqd"/"biijqd"/; s/"Crn"/"crn"/; s/"Rn"/"rn"/' %t.mlir >%t.small
// RUN: foveac %t.small --compile-to=schedule | FileCheck %s --check-prefix=SMALL --implicit-check-not=parallel
// RUN: foveac %t.small --name=small -o %t.small.out
// SMALL: produce

!x = tensor<2x4x16x8xf32>
module attributes {fovea.stage = "model"} {
  func.func @model(%x: !x {fovea.name = "x"}, %w: tensor<64x64xf32> {fovea.name = "w"})
      -> (!x {fovea.name = "mixed"}, tensor<64x64xf32> {fovea.name = "product"}, tensor<64xf32> {fovea.name = "sums"}, tensor<64x64xf32> {fovea.name = "weights"}) {
    %mixed, %lse = fovea.attention %x, %x, %x attributes {scale = 1.0} : (!x, !x, !x) -> (!x, tensor<2x4x16xf32>)
    %product = fovea.matmul %w, %w : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
    %sums = fovea.sum %w [0] : (tensor<64x64xf32>) -> tensor<64xf32>
    %weights = fovea.softmax %w : tensor<64x64xf32>
    return %mixed, %product, %sums, %weights : !x, tensor<64x64xf32>, tensor<64xf32>, tensor<64x64xf32>
  }
}
