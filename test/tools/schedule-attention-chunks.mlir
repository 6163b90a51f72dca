// Attention's keys are cut into chunks where a block's scores would not stay near, and, shared among threads, where there
// are few heads and queries. A window's keys are few.
// RUN: foveac %s --compile-to=kernels --target=x86-64-v4 -o %t.mlir
// RUN: FileCheck %s --check-prefix=CHOSEN <%t.mlir
// CHOSEN: @attention_0({{.*}}schedule<"BIjijd", rows = 6, columns = 64, vector = 16, task = 48, chunks = 12>
// CHOSEN: @attention_1({{.*}}schedule<"BIijd", rows = 6, columns = 64, vector = 16, task = 48>
// CHOSEN: @attention_2({{.*}}schedule<"biJijd", columns = 64, vector = 16, chunks = 8>
// CHOSEN: @attention_3({{.*}}schedule<"bIijd", rows = 6, columns = 64, vector = 16, task = 48>

// A smaller second cache holds the scores of fewer keys.
// RUN: foveac %s --compile-to=kernels --target=x86-64-v3 | FileCheck %s --check-prefix=AVX2
// AVX2: @attention_3({{.*}}schedule<"bIjijd", rows = {{[0-9]+}}, columns = {{[0-9]+}}, vector = 8, task = 48, chunks = 3>

// RUN: foveac %t.mlir --compile-to=schedule | FileCheck %s --check-prefix=LOOPS
// LOOPS-LABEL: // attention_0
// LOOPS: {{^ *}}for (part.s0.chunk, 0, 12)
// LOOPS: produce score
// LOOPS-LABEL: // attention_1
// LOOPS-NOT: part
// LOOPS: allocate score[float32 * 64 * 48 * 6 *
// LOOPS-LABEL: // attention_2
// LOOPS: parallel (part.s0.chunk, 0, 8)
// LOOPS: produce score

// What sees but a window has no tiles that go through all keys.
// RUN: sed '/@attention_1(/s/"BIijd"/"BIijqd"/' %t.mlir >%t.wrong && not foveac %t.wrong --name=wrong -o %t.wrong.out 2>&1 | FileCheck %s --check-prefix=WINDOW
// WINDOW: error: @attention_1 has loops "BIijqd", but can have only "BIijd" or "BIJijd"

!long = tensor<1x8x16384x64xf32>
!one = tensor<1x1x1x64xf32>
!past = tensor<1x1x4096x64xf32>
module attributes {fovea.stage = "model"} {
  func.func @model(%x: !long {fovea.name = "x"}, %q: !one {fovea.name = "q"}, %k: !past {fovea.name = "k"})
      -> (!long {fovea.name = "full"}, !long {fovea.name = "window"}, !one {fovea.name = "next"}, !past {fovea.name = "some"}) {
    %full, %lse0 = fovea.attention %x, %x, %x attributes {scale = 1.0} : (!long, !long, !long) -> (!long, tensor<1x8x16384xf32>)
    %window, %lse1 = fovea.attention %x, %x, %x attributes {scale = 1.0, window_left = 127, window_right = 128} : (!long, !long, !long) -> (!long, tensor<1x8x16384xf32>)
    %next, %lse2 = fovea.attention %q, %k, %k attributes {scale = 1.0} : (!one, !past, !past) -> (!one, tensor<1x1x1xf32>)
    %some, %lse3 = fovea.attention %k, %k, %k attributes {scale = 1.0} : (!past, !past, !past) -> (!past, tensor<1x1x4096xf32>)
    return %full, %window, %next, %some : !long, !long, !one, !past
  }
}
