// Schedules of products, edited by hand: where sums are cut, what is copied and where; and what is refused.
// RUN: foveac %s --compile-to=kernels --target=x86-64-v4 -o %t.mlir
// RUN: FileCheck %s --check-prefix=CHOSEN <%t.mlir
// A small matrix is copied as a whole, another matrix by each task; the sum of a gradient, whose length is symbolic, is cut,
// and each part of b copied; where there are enough tasks of several panels, those copy theirs of a as well.
// A thread goes through the panels that it has copied, where a is no larger than b.
// CHOSEN-DAG: @matmul_0({{.*}}schedule<"bNMnmkn", rows = 8, columns = 48, vector = 16, task = 72, width = 48>
// CHOSEN-DAG: @matmul_1({{.*}}schedule<"MNbnmkn", rows = 6, columns = 64, vector = 16, task = 1026, width = 64>
// CHOSEN-DAG: @matmul_2({{.*}}schedule<"MNkbnmkn", rows = 8, columns = 48, vector = 16, task = 48, width = 48, depth = 112>
// CHOSEN-DAG: @matmul_3({{.*}}schedule<"MNkabnmkn", rows = 8, columns = 48, vector = 16, task = 96, width = 192, depth = 112>
// A b that is one panel itself is not copied.
// CHOSEN-DAG: @matmul_9({{.*}}schedule<"MNknmkn", rows = 8, columns = 48, vector = 16, task = 48, width = 48, depth = 112>
// With rows enough for all threads, a task has some of them whole, where the panels stay in the second cache.
// CHOSEN-DAG: @matmul_4({{.*}}schedule<"bMNnmkn", rows = 8, columns = 48, vector = 16, task = 8, width = 576>
// CHOSEN-DAG: @matmul_5({{.*}}schedule<"bMNnmkn", rows = 8, columns = 48, vector = 16, task = 24, width = 576>
// Of symbolic rows two tiles at least are taken to be often enough, but not fewer.
// CHOSEN-DAG: @matmul_7({{.*}}schedule<"bMNnmkn", rows = 8, columns = 48, vector = 16, task = 24, width = 576>
// CHOSEN-DAG: @matmul_8({{.*}}schedule<"bMNnmkn", rows = 8, columns = 48, vector = 16, task = 768, width = 48>

// RUN: foveac %t.mlir --compile-to=schedule | FileCheck %s --check-prefix=LOOPS
// LOOPS-LABEL: // matmul_0
// LOOPS: produce panels
// LOOPS: produce output
// LOOPS-NOT: llvm.prefetch
// Where a large result goes is fetched, a tile at a time.
// LOOPS-LABEL: // matmul_1
// LOOPS: produce output
// LOOPS: produce panels
// LOOPS: for (output.s0.dim0.tile.tile
// LOOPS-NEXT: {{llvm.prefetch.*\(output\)}}
// LOOPS: produce product
// LOOPS-LABEL: // matmul_2
// LOOPS: produce output
// LOOPS: produce sums
// LOOPS: for (sums.s1.part$x
// LOOPS-NOT: produce tiles
// LOOPS: produce panels
// LOOPS-NOT: produce tiles
// LOOPS-LABEL: // matmul_3
// LOOPS: for (sums.s1.part$x
// LOOPS-DAG: produce tiles
// LOOPS-DAG: produce panels
// Meanwhile the tiles of a part fetch what the next one copies, each another line of every second term: four panels of b
// have three lines each, twelve tiles of a six together.
// LOOPS: product.s1.k$x.turn.copied0 = select({{.*}}/2) < 12, {{.*}}(input1){{.*}}(input0){{.*}}mux({{.*}}, 704, 0, 64, 128, 192, 256, 320)
// LOOPS-NOT: copied1
// LOOPS: for (product.s1.k$x.turn
// LOOPS-NEXT: llvm.prefetch
// Of symbolic rows a task has three tiles where those are enough, else one; they share in fetching the next panel, two
// lines at a turn. Whether the result is large is seen when it runs.
// LOOPS-LABEL: // matmul_5
// LOOPS: max(min({{.*}}/128, 3), 1)
// LOOPS: for (output.s0.dim0.tile.tile
// LOOPS-NEXT: if ((int64)455 < int64(batch*197))
// LOOPS-NEXT: {{llvm.prefetch.*\(output\)}}
// LOOPS: product.s1.k$x.turn.ahead0 = mux({{.*}}tile.tile
// LOOPS-NEXT: product.s1.k$x.turn.ahead1 = mux({{.*}}tile.tile
// LOOPS-NEXT: for (product.s1.k$x.turn, 0, 96)
// A single panel leaves nothing to fetch: a task has all its tiles.
// LOOPS-LABEL: // matmul_6
// LOOPS: + 71)/72, 0)
// What one line has of a term goes into all its tiles at once.
// RUN: foveac %s --compile-to=schedule --target=x86-64-v3 | FileCheck %s --check-prefix=LINE
// LINE-LABEL: // matmul_3
// LINE: produce tiles
// LINE: for (tiles.s0.deep
// LINE-COUNT-4: tiles[ramp({{.*}}] = input0[ramp(
// LINE-NEXT: }

// RUN: sed 's/"bNMnmkn"/"NMkabnmkn"/' %t.mlir | foveac - --compile-to=schedule | FileCheck %s --check-prefix=EDITED
// EDITED-LABEL: // matmul_0
// EDITED: produce sums
// EDITED: produce panels
// EDITED: produce tiles

// The last task of a width that does not divide the columns stays within the panels.
// RUN: sed 's/width = 576/width = 240/' %t.mlir | foveac - --compile-to=schedule | FileCheck %s --check-prefix=REST
// REST-LABEL: // matmul_4
// REST: let [[LEFT:t[0-9]+]] = 12 - max({{t[0-9]+}}, 7)
// REST: for (output.s0.dim1.panel.panel, 0, [[LEFT]])

// The sum is multiply-adds on whole registers, two terms a turn, with nothing else in its loop than loads and counters.
// RUN: foveac %t.mlir --compile-to=asm | FileCheck %s --check-prefix=ASM
// ASM-LABEL: // matmul_0
// ASM: product.s1.k$x
// ASM: vbroadcastss {{.*}}, %zmm{{[0-9]+}}
// ASM-COUNT-48: vfmadd231ps %zmm{{[0-9]+}}, %zmm{{[0-9]+}}, %zmm{{[0-9]+}}
// ASM-NEXT: {{addq|incq}}

// RUN: sed 's/width = 48/width = 50/' %t.mlir >%t.wrong && not foveac %t.wrong --name=wrong -o %t.out 2>&1 | FileCheck %s --check-prefix=WIDTH
// WIDTH: error: @matmul_0 has width = 50 and columns = 48: width must be a multiple of columns
// RUN: sed 's/"bNMnmkn"/"bMNkbnmkn"/' %t.mlir >%t.wrong && not foveac %t.wrong --name=wrong -o %t.out 2>&1 | FileCheck %s --check-prefix=TWICE
// TWICE: error: @matmul_0 has loops "bMNkbnmkn", which copy b twice: take one b away
// RUN: sed 's/"MNkbnmkn"/"bMNnmkn"/' %t.mlir >%t.wrong && not foveac %t.wrong --name=wrong -o %t.out 2>&1 | FileCheck %s --check-prefix=WHOLE
// WHOLE: error: @matmul_2 has loops "bMNnmkn", which copy the whole of b, but b is (batch * 7, 96): only a constant matrix is copied as a whole; put the b in front of "nmkn"
// RUN: sed 's/"MNkbnmkn"/"MNabnmkn"/' %t.mlir >%t.wrong && not foveac %t.wrong --name=wrong -o %t.out 2>&1 | FileCheck %s --check-prefix=TERMS
// TERMS: error: @matmul_2 has loops "MNabnmkn", which copy all terms of a sum at once, but a is (batch * 7, 96): put "k" in front of the copies

!x = tensor<?x96xf32, #fovea.dims<[batch] -> (batch * 7, 96)>>
!y = tensor<?x768xf32, #fovea.dims<[batch] -> (batch * 7, 768)>>
!g = tensor<?x192xf32, #fovea.dims<[batch] -> (batch * 197, 192)>>
!h = tensor<?x576xf32, #fovea.dims<[batch] -> (batch * 197, 576)>>
!z = tensor<?x192xf32, #fovea.dims<[batch] -> (batch * 7, 192)>>
!s = tensor<?x192xf32, #fovea.dims<[batch] -> (batch * 16, 192)>>
!t = tensor<?x576xf32, #fovea.dims<[batch] -> (batch * 16, 576)>>
!u = tensor<?x576xf32, #fovea.dims<[batch] -> (batch * 7, 576)>>
!q = tensor<?x48xf32, #fovea.dims<[batch] -> (batch * 7, 48)>>
!l = tensor<?x10xf32, #fovea.dims<[batch] -> (batch * 7, 10)>>
module attributes {fovea.stage = "model"} {
  func.func @model(%a: tensor<72x96xf32> {fovea.name = "a"}, %b: tensor<96x96xf32> {fovea.name = "b"},
                   %c: tensor<1024x512xf32> {fovea.name = "c"}, %d: tensor<512x1024xf32> {fovea.name = "d"}, %x: !x {fovea.name = "x"},
                   %y: !y {fovea.name = "y"}, %z: !z {fovea.name = "z"}, %g: !g {fovea.name = "g"},
                   %e: tensor<197x192xf32> {fovea.name = "e"}, %f: tensor<192x576xf32> {fovea.name = "f"},
                   %k: tensor<96x10xf32> {fovea.name = "k"}, %s: !s {fovea.name = "s"}, %q: !q {fovea.name = "q"})
      -> (tensor<72x96xf32> {fovea.name = "small"}, tensor<1024x1024xf32> {fovea.name = "large"}, tensor<96x96xf32> {fovea.name = "gradient"},
          tensor<768x192xf32> {fovea.name = "wide"}, tensor<197x576xf32> {fovea.name = "rows"}, !h {fovea.name = "many"}, !l {fovea.name = "logits"},
          !t {fovea.name = "some"}, !u {fovea.name = "few"}, tensor<96x48xf32> {fovea.name = "narrow"}) {
    %0 = fovea.matmul %a, %b : (tensor<72x96xf32>, tensor<96x96xf32>) -> tensor<72x96xf32>
    %1 = fovea.matmul %c, %d : (tensor<1024x512xf32>, tensor<512x1024xf32>) -> tensor<1024x1024xf32>
    %2 = fovea.matmul %x, %x {transpose_a = true} : (!x, !x) -> tensor<96x96xf32>
    %3 = fovea.matmul %y, %z {transpose_a = true} : (!y, !z) -> tensor<768x192xf32>
    %4 = fovea.matmul %e, %f : (tensor<197x192xf32>, tensor<192x576xf32>) -> tensor<197x576xf32>
    %5 = fovea.matmul %g, %f : (!g, tensor<192x576xf32>) -> !h
    %6 = fovea.matmul %x, %k : (!x, tensor<96x10xf32>) -> !l
    %7 = fovea.matmul %s, %f : (!s, tensor<192x576xf32>) -> !t
    %8 = fovea.matmul %z, %f : (!z, tensor<192x576xf32>) -> !u
    %9 = fovea.matmul %x, %q {transpose_a = true} : (!x, !q) -> tensor<96x48xf32>
    return %0, %1, %2, %3, %4, %5, %6, %7, %8, %9
        : tensor<72x96xf32>, tensor<1024x1024xf32>, tensor<96x96xf32>, tensor<768x192xf32>, tensor<197x576xf32>, !h, !l, !t, !u, tensor<96x48xf32>
  }
}
