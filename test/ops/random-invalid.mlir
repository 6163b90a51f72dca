// RUN: fovea-opt %s -split-input-file -verify-diagnostics=only-expected

func.func @random_keys_c1(%seed: tensor<i32>, %counter: tensor<i64>) {
  // expected-error@+1 {{makes (n, 2) i32 from a seed and a counter, both i64 of rank 0 (c1)}}
  %0 = fovea.random_keys %seed, %counter : (tensor<i32>, tensor<i64>) -> tensor<3x2xi32>
  return
}

// -----

func.func @random_keys_c1_result(%seed: tensor<i64>) {
  // expected-error@+1 {{makes (n, 2) i32}}
  %0 = fovea.random_keys %seed, %seed : (tensor<i64>, tensor<i64>) -> tensor<2xi32>
  return
}

// -----

func.func @random_uniform_c1(%key: tensor<2xi64>) {
  // expected-error@+1 {{takes a key of two i32 (c1), not (2) of 'i64'}}
  %0 = fovea.random_uniform %key : (tensor<2xi64>) -> tensor<4xf32>
  return
}

// -----

func.func @dropout_c1(%x: tensor<4xf32>) {
  // expected-error@+1 {{has rate 1.000000e+00: it must be at least 0 and below 1 (c1)}}
  %0 = fovea.dropout %x {rate = 1.0} : tensor<4xf32>
  return
}

// -----

func.func @dropout_c1_nan(%x: tensor<4xf32>) {
  // expected-error@+1 {{it must be at least 0 and below 1 (c1)}}
  %0 = fovea.dropout %x {rate = 0x7FF8000000000000 : f64} : tensor<4xf32>
  return
}
