// RUN: fovea-opt %s -split-input-file -verify-diagnostics=only-expected

func.func @embedding_c1(%table: tensor<50xf32>, %ids: tensor<7xi32>) {
  // expected-error@+1 {{embedding: the table is (50): it must have rank 2, (rows, width) (c1)}}
  %0 = fovea.embedding %table, %ids : (tensor<50xf32>, tensor<7xi32>) -> tensor<7xf32>
  return
}

// -----

func.func @one_hot_c1(%ids: tensor<7xi32>) {
  // expected-error@+1 {{turns (7) into (3, 7): the result must have one more, last dimension (c1)}}
  %0 = fovea.one_hot %ids : (tensor<7xi32>) -> tensor<3x7xf32>
  return
}

// -----

func.func @one_hot_c1_rank0(%id: tensor<i32>) {
  // expected-error@+1 {{turns () into (): the result must have one more, last dimension (c1)}}
  %0 = fovea.one_hot %id : (tensor<i32>) -> tensor<f32>
  return
}

// -----

func.func @embedding_grad_c1(%g: tensor<2x4xf32>, %ids: tensor<3xi32>) {
  // expected-error@+1 {{adds up (2, 4) by (3) into (50, 4): they must be (n, width), (n) and (rows, width) (c1)}}
  %0 = fovea.embedding_grad %g, %ids : (tensor<2x4xf32>, tensor<3xi32>) -> tensor<50x4xf32>
  return
}
