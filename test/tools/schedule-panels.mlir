// A product stored in panels: its tiles must fill them, and its tasks take whole ones.
// RUN: fovea-opt %s --fovea-pack-parameters=target=x86-64-v3 --fovea-kernels=target=x86-64-v3 -o %t.mlir
// RUN: FileCheck %s <%t.mlir
// CHECK: @matmul_1{{.*}}schedule<"MNnmkn", rows = 4, columns = 24, vector = 8, task = 8, width = 24>

// RUN: sed 's/columns = 24/columns = 16/; s/width = 24/width = 48/' %t.mlir | not foveac - --name=wrong --compile-to=schedule 2>&1 | FileCheck %s --check-prefix=COLUMNS
// COLUMNS: error: @matmul_1{{.*}} has columns = 16 but stores its product in #fovea.panels<axis = 1, size = 24>: columns must divide the panels' size
// RUN: sed 's/columns = 24/columns = 8/; s/width = 24/width = 8/' %t.mlir | not foveac - --name=wrong --compile-to=schedule 2>&1 | FileCheck %s --check-prefix=WIDTH
// WIDTH: error: @matmul_1{{.*}} has width = 8 but stores its product in #fovea.panels<axis = 1, size = 24>: width must be a multiple of the panels' size

fovea.state "parameter" @w : tensor<8x48xf32>
fovea.state "gradient" @"gradient/w" : tensor<8x48xf32>
func.func @gradients(%x: tensor<3x8xf32> {fovea.name = "x"}, %g: tensor<3x48xf32> {fovea.name = "g"}) -> (tensor<3x48xf32> {fovea.name = "y"}) {
  %w = fovea.load @w : tensor<8x48xf32>
  %y = fovea.matmul %x, %w : (tensor<3x8xf32>, tensor<8x48xf32>) -> tensor<3x48xf32>
  %old = fovea.load @"gradient/w" : tensor<8x48xf32>
  %0 = fovea.matmul %x, %g {transpose_a = true} : (tensor<3x8xf32>, tensor<3x48xf32>) -> tensor<8x48xf32>
  %1 = fovea.add %old, %0 : (tensor<8x48xf32>, tensor<8x48xf32>) -> tensor<8x48xf32>
  fovea.store %1, @"gradient/w" : tensor<8x48xf32>
  return %y : tensor<3x48xf32>
}
