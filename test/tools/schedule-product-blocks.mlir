// Many narrow panels read a so often that it goes block by block, each of which stays in the third cache, and b, which
// all blocks read, is copied as a whole. Wider panels read it less often.
// RUN: foveac %s --compile-to=kernels --target=x86-64-v3 | FileCheck %s --check-prefix=NARROW
// NARROW: @matmul_0({{.*}}schedule<"bMNnmkn", rows = 4, columns = 24, vector = 8, task = 1024, width = 24>
// RUN: foveac %s --compile-to=kernels --target=x86-64-v4 | FileCheck %s --check-prefix=WIDE
// WIDE: @matmul_0({{.*}}schedule<"MNbnmkn", rows = 6, columns = 64, vector = 16, task = {{.*}}, width = 64>

module attributes {fovea.stage = "model"} {
  func.func @model(%a: tensor<2048x1024xf32> {fovea.name = "a"}, %b: tensor<1024x512xf32> {fovea.name = "b"})
      -> (tensor<2048x512xf32> {fovea.name = "y"}) {
    %y = fovea.matmul %a, %b : (tensor<2048x1024xf32>, tensor<1024x512xf32>) -> tensor<2048x512xf32>
    return %y : tensor<2048x512xf32>
  }
}
