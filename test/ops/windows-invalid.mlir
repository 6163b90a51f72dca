// RUN: fovea-opt %s -split-input-file -verify-diagnostics=only-expected

func.func @unfold_c1(%x: tensor<9x7xf32>) {
  // expected-error@+1 {{unfold: axes [1, 0] of (9, 7): there must be some, within the rank, which rise (c1)}}
  %0 = fovea.unfold %x {axes = array<i64: 1, 0>, size = array<i64: 2, 2>, stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>} : (tensor<9x7xf32>) -> tensor<2x2x8x6xf32>
  return
}

// -----

func.func @unfold_c1_none(%x: tensor<9x7xf32>) {
  // expected-error@+1 {{there must be some, within the rank, which rise (c1)}}
  %0 = fovea.unfold %x {axes = array<i64>, size = array<i64>, stride = array<i64>, dilation = array<i64>} : (tensor<9x7xf32>) -> tensor<9x7xf32>
  return
}

// -----

func.func @unfold_c2(%x: tensor<?x7xf32, #fovea.dims<[B] -> (B, 7)>>) {
  // expected-error@+1 {{unfold: axis 0 of (B, 7) must have a constant size (c2)}}
  %0 = fovea.unfold %x {axes = array<i64: 0>, size = array<i64: 2>, stride = array<i64: 1>, dilation = array<i64: 1>} : (tensor<?x7xf32, #fovea.dims<[B] -> (B, 7)>>) -> tensor<2x7xf32>
  return
}

// -----

func.func @unfold_c3(%x: tensor<9xf32>) {
  // expected-error@+1 {{unfold: size [2], stride [0] and dilation [1]: each has a number of at least 1 for every axis (c3)}}
  %0 = fovea.unfold %x {axes = array<i64: 0>, size = array<i64: 2>, stride = array<i64: 0>, dilation = array<i64: 1>} : (tensor<9xf32>) -> tensor<2x8xf32>
  return
}

// -----

func.func @unfold_c4(%x: tensor<9xf32>) {
  // expected-error@+1 {{unfold: a window of 5 with dilation 3 does not fit into axis 0 of (9) (c4)}}
  %0 = fovea.unfold %x {axes = array<i64: 0>, size = array<i64: 5>, stride = array<i64: 1>, dilation = array<i64: 3>} : (tensor<9xf32>) -> tensor<5x1xf32>
  return
}

// -----

func.func @fold_c1(%w: tensor<2x7xf32>) {
  // expected-error@+1 {{adds up windows (2, 7) into (9), whose windows are (2, 8): they must be equal (c1)}}
  %0 = fovea.fold %w {axes = array<i64: 0>, size = array<i64: 2>, stride = array<i64: 1>, dilation = array<i64: 1>} : (tensor<2x7xf32>) -> tensor<9xf32>
  return
}
