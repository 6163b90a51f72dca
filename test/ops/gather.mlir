// RUN: fovea-opt %s | fovea-opt | FileCheck %s

!ids = tensor<?x7xi32, #fovea.dims<[B] -> (B, 7)>>

func.func @lookups(%table: tensor<50x16xf32>, %ids: !ids) {
  // CHECK: fovea.gather %{{.*}}[%{{.*}}] {axis = 0 : i64} {{.*}} -> tensor<?x7x16xf32, #fovea.dims<[B] -> (B, 7, 16)>>
  %0 = fovea.gather %table[%ids] {axis = 0} : (tensor<50x16xf32>, !ids) -> tensor<?x7x16xf32, #fovea.dims<[B] -> (B, 7, 16)>>
  // CHECK: fovea.scatter %{{.*}}[%{{.*}}] "add" %{{.*}} {axis = 0 : i64} {{.*}} -> tensor<50x16xf32>
  %1 = fovea.scatter %table[%ids] "add" %0 {axis = 0} : (tensor<50x16xf32>, !ids, tensor<?x7x16xf32, #fovea.dims<[B] -> (B, 7, 16)>>) -> tensor<50x16xf32>
  // CHECK: fovea.one_hot {{.*}} -> tensor<?x7x3xi32, #fovea.dims<[B] -> (B, 7, 3)>>
  %2 = fovea.one_hot %ids : (!ids) -> tensor<?x7x3xi32, #fovea.dims<[B] -> (B, 7, 3)>>
  return
}

// Coordinates in two axes after one that both have: (B, 5, 9, 4) at (B, 7) pairs.
func.func @coordinates(%x: tensor<?x5x9x4xf32, #fovea.dims<[B] -> (B, 5, 9, 4)>>, %ids: !ids) {
  // CHECK: fovea.gather %{{.*}}[%{{.*}}, %{{.*}}] {axis = 1 : i64, batch = 1 : i64, zero_outside} {{.*}} -> tensor<?x7x4xf32
  %0 = fovea.gather %x[%ids, %ids] {axis = 1, batch = 1, zero_outside} : (tensor<?x5x9x4xf32, #fovea.dims<[B] -> (B, 5, 9, 4)>>, !ids, !ids) -> tensor<?x7x4xf32, #fovea.dims<[B] -> (B, 7, 4)>>
  return
}
