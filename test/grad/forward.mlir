// RUN: fovea-opt %s -fovea-grad | FileCheck %s
// RUN: fovea-opt %s -fovea-grad=inference-only | FileCheck %s --check-prefix=INFERENCE

!x = tensor<?x4xf32, #fovea.dims<[B] -> (B, 4)>>

// @forward keeps the outputs, drops the loss, and does not ask for what only the loss needs.
// CHECK: fovea.stage = "grad"
// CHECK: func.func @forward(%[[X:.*]]: tensor<?x4xf32, {{.*}}> {fovea.name = "x"}) -> (tensor<?x4xf32, {{.*}}> {fovea.name = "y"}) {
// CHECK-NEXT: %[[Y:.*]] = fovea.exp %[[X]]
// CHECK-NEXT: return %[[Y]]
// CHECK-NOT: func.func @model
// INFERENCE-NOT: fovea.state
// INFERENCE: func.func @forward
// INFERENCE-NOT: func.func
func.func @model(%x: !x {fovea.name = "x"}, %target: !x {fovea.name = "target"})
    -> (!x {fovea.name = "y"}, tensor<f32> {fovea.name = "loss", fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
  %y = fovea.exp %x : !x
  %error = fovea.sub %y, %target : (!x, !x) -> !x
  %loss = fovea.sum %error [0, 1] : (!x) -> tensor<f32>
  return %y, %loss : !x, tensor<f32>
}
