// Sums to few numbers have threads enough: parts of the sum, then groups of the parts, then these in order.
// RUN: foveac %s --target=cuda-sm80 --compile-to=kernels -o %t.mlir
// RUN: FileCheck %s --check-prefix=KERNELS <%t.mlir
// RUN: foveac %t.mlir --target=cuda-sm80 --compile-to=stmt | FileCheck %s --check-prefix=LAUNCHES
// KERNELS: @sum_0{{.*}}#fovea.schedule<"Crt", task = 256, chunks = 32768, depth = 128>
// LAUNCHES: halide_cuda_run(cuda[0], "_kernel_partial{{[^,]*}}, 128, 1, 1, 256, 1, 1,
// LAUNCHES: halide_cuda_run(cuda[0], "_kernel_groups{{[^,]*}}, 1, 1, 1, 256, 1, 1,
// LAUNCHES: halide_cuda_run(cuda[0], "_kernel_output{{[^,]*}}, 1, 1, 1, 1, 1, 1,

// RUN: sed 's/depth = 128/depth = 100/' %t.mlir | not foveac - --target=cuda-sm80 --compile-to=ptx 2>&1 | FileCheck %s --check-prefix=PART
// PART: error: @sum_0 has chunks = 32768 and depth = 100: chunks must be a multiple of depth

// The places of a scatter are cut into segments, each by threads of its own.
// KERNELS: @scatter_1{{.*}}#fovea.schedule<"Bt", task = 256, chunks = 128>
// LAUNCHES: halide_cuda_run(cuda[0], "_kernel_scatter{{[^,]*}}, 3750, 1, 1, 256, 1, 1,
// LAUNCHES: halide_cuda_run(cuda[0], "_kernel_scatter{{[^,]*}}, 1, 128, 1, 256, 1, 1,

!w = tensor<768x3072xf32>
!t = tensor<5000x192xf32>
module attributes {fovea.stage = "model"} {
  func.func @model(%w: !w {fovea.name = "w"}, %t: !t {fovea.name = "t"}, %i: tensor<4096xi32> {fovea.name = "i"}, %u: tensor<4096x192xf32> {fovea.name = "u"})
      -> (tensor<f32> {fovea.name = "sum"}, !t {fovea.name = "table"}) {
    %0 = fovea.sum %w [0, 1] : (!w) -> tensor<f32>
    %1 = fovea.scatter %t[%i] "add" %u {axis = 0} : (!t, tensor<4096xi32>, tensor<4096x192xf32>) -> !t
    return %0, %1 : tensor<f32>, !t
  }
}
