// Tiles of the result of more rows than a vector has lanes, in f64: the rows' log-sum-exps go by vectors.
// RUN: foveac %s --compile-to=kernels --target=x86-64-v3 -o %t.mlir
// RUN: FileCheck %s --check-prefix=CHOSEN <%t.mlir
// CHOSEN: schedule<"BIijqd", rows = {{[0-9]+}}, columns = {{[0-9]+}}, vector = 4, task = 35, width = 5>
// RUN: foveac %t.mlir --compile-to=schedule | FileCheck %s --check-prefix=LOOPS
// LOOPS: consume total
// LOOPS: log_sum_exp[ramp({{.*}}, 1, 4)] =
// RUN: foveac %t.mlir --compile-to=asm -o %t.s

!query = tensor<1x6x59x1xf64>
!value = tensor<1x6x2x16xf64>
!key = tensor<1x6x2x1xf64>
module attributes {fovea.stage = "model"} {
  func.func @model(%q: !query {fovea.name = "q"}, %k: !key {fovea.name = "k"}, %v: !value {fovea.name = "v"})
      -> (tensor<1x6x59x16xf64> {fovea.name = "y"}, tensor<1x6x59xf64> {fovea.name = "l"}) {
    %y, %l = fovea.attention %q, %k, %v attributes {scale = 1.0} : (!query, !key, !value) -> (tensor<1x6x59x16xf64>, tensor<1x6x59xf64>)
    return %y, %l : tensor<1x6x59x16xf64>, tensor<1x6x59xf64>
  }
}
