// RUN: fovea-opt %s -split-input-file -verify-diagnostics=only-expected

func.func @sum_c1_rank(%x: tensor<3x4xf32>) {
  // expected-error@+1 {{sum: axes [0, 2] of a tensor of rank 2: they must rise and lie below the rank (c1)}}
  %0 = fovea.sum %x [0, 2] : (tensor<3x4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @sum_c1_twice(%x: tensor<3x4xf32>) {
  // expected-error@+1 {{sum: axes [1, 1] of a tensor of rank 2: they must rise and lie below the rank (c1)}}
  %0 = fovea.sum %x [1, 1] : (tensor<3x4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @max_c1_negative(%x: tensor<3x4xf32>) {
  // expected-error@+1 {{max: axes [-1] of a tensor of rank 2: they must rise and lie below the rank (c1)}}
  %0 = fovea.max %x [-1] : (tensor<3x4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @prod_c1(%x: tensor<3x4xf32>) {
  // expected-error@+1 {{prod: axes [2] of a tensor of rank 2: they must rise and lie below the rank (c1)}}
  %0 = fovea.prod %x [2] : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @argmax_c1(%x: tensor<3x4xf32>) {
  // expected-error@+1 {{argmax: axis 2 of (3, 4): it must lie below the rank (c1)}}
  %0 = fovea.argmax %x 2 : (tensor<3x4xf32>) -> tensor<3xi64>
  return
}
