// The gradient of a head with one block and one panel, whose rows are a line each: what the next head reads is fetched,
// whose item may be the next one, and the sums begin with their only product.
// RUN: foveac %s --compile-to=schedule --target=x86-64-v4 | FileCheck %s
// CHECK-LABEL: // attention_grad
// CHECK: parallel (d_query.s0.dim1.fused.head, 0, 4)
// CHECK-COUNT-16: {{llvm.prefetch.*\(d_query.s0.dim1.fused.head \+ 1\) % 4.*, 0, 2, 1\)}}
// CHECK: produce sums
// CHECK-NOT: sums[{{.*}}] = x16(0.000000f)
// CHECK: consume sums

!x = tensor<8x4x16x16xf32>
module attributes {fovea.stage = "model"} {
  fovea.state "parameter" @x : !x
  func.func @model() -> (tensor<f32> {fovea.loss, fovea.name = "loss"}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
    %x = fovea.load @x : !x
    %a, %lse = fovea.attention %x, %x, %x attributes {scale = 1.0} : (!x, !x, !x) -> (!x, tensor<8x4x16xf32>)
    %loss = fovea.sum %a [0, 1, 2, 3] : (!x) -> tensor<f32>
    return %loss : tensor<f32>
  }
}
