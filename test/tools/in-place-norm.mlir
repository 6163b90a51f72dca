// A norm whose gradient is written in place of what it is added to: all results of an element are computed before the
// first is stored, also where scratch is freed in between.
// RUN: foveac %s --compile-to=stmt | FileCheck %s
// CHECK: let stored_value_1 = {{.*}}output.0[
// CHECK: output.0[{{.*}}] = stored_value_0
// CHECK: output.1[{{.*}}] = stored_value_1

!x = tensor<1x1x2xf64>
!row = tensor<1x1x1xf64>
module attributes {fovea.stage = "kernels", fovea.target = "x86-64-v4", fovea.state_bytes = 0 : i64} {
  fovea.kernel @norm(%x: !x, %scale: tensor<2xf64>, %g: !x, %other: !x) -> (!x {fovea.in_place = 3 : i64}, !x, !row, !row)
      attributes {schedule = #fovea.schedule<"Rn", rows = 4, vector = 8, task = 8192>} {
    %result, %rstd = fovea.rms_norm %x, %scale {epsilon = 1.250000e-01 : f64} : (!x, tensor<2xf64>) -> (!x, !row)
    %h = fovea.mul %x, %rstd : (!x, !row) -> !x
    %u = fovea.mul %g, %h : (!x, !x) -> !x
    %sum = fovea.sum %u [2] {fovea.row, keep = true} : (!x) -> !row
    %d = fovea.mul %h, %sum : (!x, !row) -> !x
    %y = fovea.add %d, %other : (!x, !x) -> !x
    %loss = fovea.mul %result, %g : (!x, !x) -> !x
    %rows = fovea.sum %loss [2] {fovea.row, keep = true} : (!x) -> !row
    fovea.yield %result, %y, %rstd, %rows : !x, !x, !row, !row
  }
}
