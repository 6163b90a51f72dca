// RUN: fovea-opt %s -fovea-grad | FileCheck %s

!x = tensor<?x3x4xf32, #fovea.dims<[B] -> (B, 3, 4)>>
fovea.state "parameter" @w : tensor<3xf32>
fovea.state "parameter" @mean : tensor<3xf32> {frozen}
fovea.state "parameter" @variance : tensor<3xf32> {frozen}

// Inference reads the running statistics and stores nothing.
// CHECK: func.func @forward
// CHECK-NOT: fovea.sum
// CHECK: fovea.load @mean
// CHECK: fovea.load @variance
// CHECK-NOT: fovea.store
// CHECK: return

// Training computes them over all dimensions but the channels, of batch * 4 values, and stores new running ones.
// CHECK: func.func @gradients
// CHECK: %[[COUNT:.*]] = fovea.size <[B] -> (B * 4)>
// CHECK: %[[SUM:.*]] = fovea.sum %{{.*}} [0, 2] {keep = true}
// CHECK: fovea.div %[[SUM]], %[[COUNT]]
// CHECK: fovea.load @mean
// CHECK: fovea.store %{{.*}}, @mean
// CHECK: fovea.load @variance
// CHECK: fovea.store %{{.*}}, @variance
// CHECK-NOT: fovea.batch_norm
func.func @model(%x: !x) -> (!x, tensor<f32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
  %w = fovea.load @w : tensor<3xf32>
  %0 = fovea.batch_norm %x, %w, %w running @mean, @variance {epsilon = 1.0e-5, momentum = 0.1} : (!x, tensor<3xf32>, tensor<3xf32>) -> !x
  %loss = fovea.sum %0 [0, 1, 2] : (!x) -> tensor<f32>
  return %0, %loss : !x, tensor<f32>
}
