// What keys next to each other load that lies side by side is one vector, and panels that a mask hides cost one look.
// RUN: foveac %s --compile-to=stmt --target=x86-64-v4 | FileCheck %s

// CHECK-LABEL: // attention_0
// CHECK: for (seen_panels.s1.panel,
// CHECK: seen_columns[ramp({{.*}}) aligned(16, 0)] = {{.*}} == input[[IDS:[0-9]+]][ramp({{.*}})
// CHECK: for (score.s1.rf$y,
// CHECK-NEXT: if (seen_panels[
// CHECK: produce raw
// CHECK: strict_add(raw[ramp({{.*}}], input{{[0-9]+}}[ramp(
// CHECK-NEXT: score[ramp({{.*}} != input[[IDS]][ramp(
// CHECK: for (peak.s1.rp$x,
// CHECK-NEXT: if (seen_panels[
// CHECK: for (sums.s1.ro$w,

!q = tensor<1x4x128x16xf32>
!rows = tensor<1x4x128xf32>
!table = tensor<4x255xf32>
!ids = tensor<1x128xi32>
!index = tensor<i32>
!number = tensor<f32>
module attributes {fovea.stage = "model"} {
  func.func @model(%q: !q {fovea.name = "q"}, %table: !table {fovea.name = "table"}, %ids: !ids {fovea.name = "ids"})
      -> (!q {fovea.name = "y"}) {
    %y, %lse = fovea.attention %q, %q, %q captures %table, %ids attributes {scale = 0.25} score {
    ^bb0(%s: !number, %b: !index, %h: !index, %i: !index, %j: !index, %0: !table, %1: !ids):
      %distance = fovea.sub %j, %i : (!index, !index) -> !index
      %last = fovea.constant dense<127> : !index
      %place = fovea.add %distance, %last : (!index, !index) -> !index
      %bias = fovea.score_load %0[%h, %place] : (!table, !index, !index) -> !number
      %score = fovea.add %s, %bias : (!number, !number) -> !number
      fovea.yield %score : !number
    } mask {
    ^bb0(%b: !index, %h: !index, %i: !index, %j: !index, %0: !table, %1: !ids):
      %query = fovea.score_load %1[%b, %i] : (!ids, !index, !index) -> !index
      %key = fovea.score_load %1[%b, %j] : (!ids, !index, !index) -> !index
      %same = fovea.compare "eq" %query, %key : (!index, !index) -> tensor<i1>
      fovea.yield %same : tensor<i1>
    } : (!q, !q, !q, !table, !ids) -> (!q, !rows)
    return %y : !q
  }
}
