// The schedules of attention's gradient: long blocks of queries where there are many, chunks of them where heads are few;
// panels of several vectors, though a narrow one wastes less of 197 keys.
// RUN: foveac %s --compile-to=kernels --target=x86-64-v4 -o %t.mlir
// RUN: FileCheck %s --check-prefix=CHOSEN <%t.mlir
// CHOSEN: @attention_grad_{{[0-9]+}}({{.*}}schedule<"bIijd", rows = 8, columns = 48, vector = 16, task = 48, chunks = 5>
// CHOSEN: @attention_grad_{{[0-9]+}}({{.*}}schedule<"Biijd", rows = {{[0-9]+}}, columns = {{[0-9]+}}, vector = 16, task = 96>

// One loop over panels and blocks serves the three gradients, and the chunks of a head are tasks.
// RUN: foveac %t.mlir --compile-to=schedule | FileCheck %s --check-prefix=LOOPS
// LOOPS-LABEL: // attention_grad
// LOOPS: parallel (sums.s1.chunk, 0, 5)
// LOOPS: produce weights
// LOOPS-NOT: produce weights
// LOOPS-LABEL: // attention_grad
// LOOPS: parallel (d_query.s0.dim1.fused.head, 0, 8)
// LOOPS: produce weights
// LOOPS-NOT: produce weights

// AVX2 has registers for two vectors of a row of the gradients beside some rows.
// RUN: foveac %s --compile-to=schedule --target=x86-64-v3 | FileCheck %s --check-prefix=PAIRS
// PAIRS-LABEL: // attention_grad
// PAIRS: for (sums.s1.d.columns, 0, 4)
// PAIRS: produce product
// PAIRS: product[ramp(88, 1, 8)] = x8(0.000000f)
// PAIRS-NOT: product[ramp(96
// PAIRS: consume product

!long = tensor<1x8x1024x64xf32>
!few = tensor<1x1x197x64xf32>
module attributes {fovea.stage = "model"} {
  fovea.state "parameter" @x : !long
  fovea.state "parameter" @y : !few
  func.func @model() -> (tensor<f32> {fovea.loss, fovea.name = "loss"}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
    %x = fovea.load @x : !long
    %y = fovea.load @y : !few
    %a, %lse = fovea.attention %x, %x, %x attributes {scale = 1.0} : (!long, !long, !long) -> (!long, tensor<1x8x1024xf32>)
    %b, %lse2 = fovea.attention %y, %y, %y attributes {scale = 1.0} : (!few, !few, !few) -> (!few, tensor<1x1x197xf32>)
    %s = fovea.sum %a [0, 1, 2, 3] : (!long) -> tensor<f32>
    %t = fovea.sum %b [0, 1, 2, 3] : (!few) -> tensor<f32>
    %loss = fovea.add %s, %t : (tensor<f32>, tensor<f32>) -> tensor<f32>
    return %loss : tensor<f32>
  }
}
