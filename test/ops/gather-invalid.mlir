// RUN: fovea-opt %s -split-input-file -verify-diagnostics=only-expected

func.func @gather_c1(%x: tensor<50x3xf32>, %ids: tensor<7xi32>) {
  // expected-error@+1 {{gather: 1 index tensors for the axes from 2 on, after 0 of the batch, of (50, 3): they must be within its rank, batch first (c1)}}
  %0 = fovea.gather %x[%ids] {axis = 2} : (tensor<50x3xf32>, tensor<7xi32>) -> tensor<50x7xf32>
  return
}

// -----

func.func @gather_c1_batch(%x: tensor<50x3xf32>, %ids: tensor<50xi32>) {
  // expected-error@+1 {{gather: 1 index tensors for the axes from 0 on, after 1 of the batch, of (50, 3): they must be within its rank, batch first (c1)}}
  %0 = fovea.gather %x[%ids] {axis = 0, batch = 1} : (tensor<50x3xf32>, tensor<50xi32>) -> tensor<50xf32>
  return
}

// -----

func.func @gather_c2(%x: tensor<50x3xf32>, %i: tensor<7xi32>, %j: tensor<8xi32>) {
  // expected-error@+1 {{gather: the indices are (7) and (8): they must have one shape (c2)}}
  %0 = fovea.gather %x[%i, %j] {axis = 0} : (tensor<50x3xf32>, tensor<7xi32>, tensor<8xi32>) -> tensor<7xf32>
  return
}

// -----

func.func @gather_c2_batch(%x: tensor<50x3xf32>, %i: tensor<7x2xi32>) {
  // expected-error@+1 {{gather: the indices are (7, 2) and x (50, 3): they must begin with the same 1 sizes (c2)}}
  %0 = fovea.gather %x[%i] {axis = 1, batch = 1} : (tensor<50x3xf32>, tensor<7x2xi32>) -> tensor<50x2xf32>
  return
}

// -----

func.func @scatter_c1(%x: tensor<5xf32>, %i: tensor<3xi32>, %u: tensor<3xf32>) {
  // expected-error@+1 {{has the reduction 'mean': it must be assign, add, multiply, maximum or minimum (c1)}}
  %0 = fovea.scatter %x[%i] "mean" %u {axis = 0} : (tensor<5xf32>, tensor<3xi32>, tensor<3xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @scatter_c2(%x: tensor<5xf32>, %i: tensor<3xi32>, %u: tensor<4xf32>) {
  // expected-error@+1 {{has updates (4) where the indices name (3) of (5): they must be of one type (c2)}}
  %0 = fovea.scatter %x[%i] "add" %u {axis = 0} : (tensor<5xf32>, tensor<3xi32>, tensor<4xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @scatter_c3(%x: tensor<5xf32>, %i: tensor<3xi32>, %u: tensor<3xf32>) {
  // expected-error@+1 {{turns (5) into (6): they must be of one type (c3)}}
  %0 = fovea.scatter %x[%i] "add" %u {axis = 0} : (tensor<5xf32>, tensor<3xi32>, tensor<3xf32>) -> tensor<6xf32>
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
