// RUN: fovea-opt %s | fovea-opt | FileCheck %s

!x = tensor<?x5x8xf32, #fovea.dims<[B] -> (B, 5, 8)>>
!row = tensor<?x5x1xf32, #fovea.dims<[B] -> (B, 5, 1)>>
!logits = tensor<?x10xf32, #fovea.dims<[B] -> (B * 5, 10)>>
!labels = tensor<?xi32, #fovea.dims<[B] -> (B * 5)>>
!loss = tensor<?xf32, #fovea.dims<[B] -> (B * 5)>>

func.func @rows(%x: !x, %scale: tensor<8xf32>, %logits: !logits, %labels: !labels) {
  // CHECK: fovea.softmax %{{.*}} : tensor<?x5x8xf32, #fovea.dims<[B] -> (B, 5, 8)>>
  %0 = fovea.softmax %x : !x
  // CHECK: fovea.log_softmax %{{.*}} : tensor<?x5x8xf32, #fovea.dims<[B] -> (B, 5, 8)>>
  %2 = fovea.log_softmax %x : !x
  // CHECK: fovea.log_sum_exp %{{.*}} -> tensor<?x5xf32, #fovea.dims<[B] -> (B, 5)>>
  %3 = fovea.log_sum_exp %x : (!x) -> tensor<?x5xf32, #fovea.dims<[B] -> (B, 5)>>
  // CHECK: fovea.cumsum %{{.*}} {reverse = true} : tensor<?x5x8xf32, #fovea.dims<[B] -> (B, 5, 8)>>
  %4 = fovea.cumsum %x {reverse = true} : !x
  // CHECK: fovea.rms_norm {{.*}} -> (tensor<?x5x8xf32, {{.*}}>, tensor<?x5x1xf32, #fovea.dims<[B] -> (B, 5, 1)>>)
  %5, %6 = fovea.rms_norm %x, %scale {epsilon = 1.0e-5} : (!x, tensor<8xf32>) -> (!x, !row)
  // CHECK: fovea.layer_norm {{.*}} -> (tensor<?x5x8xf32, {{.*}}>, tensor<?x5x1xf32, #fovea.dims<[B] -> (B, 5, 1)>>, tensor<?x5x1xf32
  %1, %mean, %rstd = fovea.layer_norm %x, %scale, %scale {epsilon = 1.0e-5} : (!x, tensor<8xf32>, tensor<8xf32>) -> (!x, !row, !row)
  // CHECK: fovea.cross_entropy {{.*}} -> (tensor<?xf32, #fovea.dims<[B] -> (B * 5)>>, tensor<?xf32
  %loss, %lse = fovea.cross_entropy %logits, %labels : (!logits, !labels) -> (!loss, !loss)
  return
}
