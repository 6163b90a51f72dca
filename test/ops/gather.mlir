// RUN: fovea-opt %s | fovea-opt | FileCheck %s

!ids = tensor<?x7xi32, #fovea.dims<[B] -> (B, 7)>>

func.func @lookups(%table: tensor<50x16xf32>, %ids: !ids, %flat: tensor<?xi64, #fovea.dims<[B] -> (B * 7)>>,
                   %g: tensor<?x16xf32, #fovea.dims<[B] -> (B * 7, 16)>>) {
  // CHECK: fovea.embedding {{.*}} -> tensor<?x7x16xf32, #fovea.dims<[B] -> (B, 7, 16)>>
  %0 = fovea.embedding %table, %ids : (tensor<50x16xf32>, !ids) -> tensor<?x7x16xf32, #fovea.dims<[B] -> (B, 7, 16)>>
  // CHECK: fovea.embedding_grad {{.*}} -> tensor<50x16xf32>
  %1 = fovea.embedding_grad %g, %flat : (tensor<?x16xf32, #fovea.dims<[B] -> (B * 7, 16)>>, tensor<?xi64, #fovea.dims<[B] -> (B * 7)>>) -> tensor<50x16xf32>
  // CHECK: fovea.one_hot {{.*}} -> tensor<?x7x3xi32, #fovea.dims<[B] -> (B, 7, 3)>>
  %2 = fovea.one_hot %ids : (!ids) -> tensor<?x7x3xi32, #fovea.dims<[B] -> (B, 7, 3)>>
  return
}
