// fovea-opt: text that is no module, passes and files that do not exist.
// RUN: not fovea-opt %s 2>&1 | FileCheck %s
// RUN: not fovea-opt %s -fovea-fly 2>&1 | FileCheck %s --check-prefix=PASS
// RUN: not fovea-opt %t.none 2>&1 | FileCheck %s --check-prefix=NONE

// CHECK: fovea-opt.mlir:[[# @LINE + 5]]:8: error:
// PASS: Unknown command line argument '-fovea-fly'
// NONE: No such file or directory

func.func @forward(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = fovea.fly %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}
