// The lanes of a warp share a row and give each other what they have of it, without memory or barriers; its elements stay
// in registers. Where the schedule says so, threads meet in memory of their block.
// RUN: foveac %s --target=cuda-sm80 --compile-to=kernels -o %t.mlir
// RUN: foveac %t.mlir --target=cuda-sm80 --compile-to=ptx | FileCheck %s --check-prefix=LANES --implicit-check-not=.local --implicit-check-not=bar.sync --implicit-check-not=.shared
// RUN: sed 's/"Rl", rows = 8/"Rt", rows = 2/' %t.mlir | foveac - --target=cuda-sm80 --compile-to=ptx | FileCheck %s --check-prefix=SHARED --implicit-check-not=.local --implicit-check-not=shfl

// LANES: // softmax_0 for cuda-sm80, #fovea.schedule<"Rl", rows = 8, vector = 32>
// LANES-COUNT-4: ld.global
// LANES: shfl.sync.bfly.b32 {{.*}}, 16, 31, -1;
// LANES: shfl.sync.bfly.b32 {{.*}}, 8, 31, -1;
// LANES: shfl.sync.bfly.b32 {{.*}}, 4, 31, -1;
// LANES: shfl.sync.bfly.b32 {{.*}}, 2, 31, -1;
// LANES: shfl.sync.bfly.b32 {{.*}}, 1, 31, -1;
// LANES: shfl.sync.idx.b32 {{.*}}, 0, 31, -1;
// LANES-COUNT-5: shfl.sync.bfly.b32
// LANES: st.global
// LANES: // sum_1 for cuda-sm80, #fovea.schedule<"Rl"
// LANES-COUNT-5: shfl.sync.bfly.b32
// LANES: st.global

// SHARED: // softmax_0 for cuda-sm80, #fovea.schedule<"Rt"
// SHARED: ld.global
// SHARED: st.shared
// SHARED: bar.sync
// SHARED: ld.shared
// SHARED: st.global

// Rows whose length the batch is, long ones, elements of 64 bits, and a single row, are no lanes'; OpenCL has none.
// RUN: sed 's/?x197/?x1500/; s/(batch, 197)/(batch, 1500)/' %s | foveac - --target=cuda-sm80 --compile-to=kernels -o %t.long.mlir
// RUN: FileCheck %s --check-prefix=WIDE --input-file=%t.long.mlir
// RUN: sed 's/"Rt"/"Rl"/' %t.long.mlir | not foveac - --target=cuda-sm80 --compile-to=ptx 2>&1 | FileCheck %s --check-prefix=LONG
// LONG: error: @softmax_0 has loops "Rl", but can have only "Rt"; only CUDA has lanes
// RUN: sed 's/?x197xf32/197x?xf32/; s/(batch, 197)/(197, batch)/; s/tensor<?xf32, .*/tensor<197xf32>/' %s | foveac - --target=cuda-sm80 --compile-to=kernels | FileCheck %s --check-prefix=WIDE
// RUN: sed 's/f32/f64/g' %s | foveac - --target=cuda-sm80 --compile-to=kernels | FileCheck %s --check-prefix=WIDE
// WIDE: @softmax_0{{.*}} attributes {schedule = #fovea.schedule<"Rt"
// RUN: foveac %s --target=opencl --compile-to=kernels -o %t.opencl.mlir
// RUN: sed 's/"Rt"/"Rl"/' %t.opencl.mlir | not foveac - --target=opencl --compile-to=ptx 2>&1 | FileCheck %s --check-prefix=OPENCL
// OPENCL: error: @softmax_0 has loops "Rl", but can have only "Rt"; only CUDA has lanes, for rows of a constant number of elements of 32 bits, at most 1024, in tensors of more than one row
// RUN: sed 's/vector = 32/vector = 16/' %t.mlir | not foveac - --target=cuda-sm80 --compile-to=ptx 2>&1 | FileCheck %s --check-prefix=HALF
// HALF: error: @softmax_0 has loops "Rl" and vector = 16: a row has all 32 lanes of a warp
// Capitals stay on devices: no loop is but one thread's.
// RUN: sed 's/"Rl"/"rl"/' %t.mlir | not foveac - --target=cuda-sm80 --compile-to=ptx 2>&1 | FileCheck %s --check-prefix=SMALL
// SMALL: error: @softmax_0 has loops "rl", but can have only "Rl" or "Rt"{{$}}

!x = tensor<?x197xf32, #fovea.dims<[batch] -> (batch, 197)>>
!sum = tensor<?xf32, #fovea.dims<[batch] -> (batch)>>
module attributes {fovea.stage = "model"} {
  func.func @model(%x: !x {fovea.name = "x"}) -> (!x {fovea.name = "y"}, !sum {fovea.name = "sum"}) {
    %0 = fovea.softmax %x : !x
    %1 = fovea.sum %x [1] : (!x) -> !sum
    return %0, %1 : !x, !sum
  }
}
