// RUN: fovea-opt %s -split-input-file -verify-diagnostics=only-expected

func.func @sort_c1(%x: tensor<?xf32, #fovea.dims<[B] -> (B)>>) {
  // expected-error@+1 {{sort: (B) must have a last dimension of constant size (c1)}}
  %0, %1 = fovea.sort %x : (tensor<?xf32, #fovea.dims<[B] -> (B)>>) -> (tensor<?xf32, #fovea.dims<[B] -> (B)>>, tensor<?xi64, #fovea.dims<[B] -> (B)>>)
  return
}

// -----

func.func @sort_c1_rank0(%x: tensor<f32>) {
  // expected-error@+1 {{sort: () must have a last dimension of constant size (c1)}}
  %0, %1 = fovea.sort %x : (tensor<f32>) -> (tensor<f32>, tensor<i64>)
  return
}
