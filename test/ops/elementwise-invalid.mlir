// RUN: fovea-opt %s -split-input-file -verify-diagnostics=only-expected

func.func @binary_c1(%a: tensor<2x3xf32>, %b: tensor<2xf32>) {
  // expected-error@+1 {{add: shapes (2, 3) and (2) do not broadcast: aligned at the last dimension, sizes must be equal or 1}}
  %0 = fovea.add %a, %b : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

// A symbol does not broadcast to another, even if both may be equal at run time.
func.func @binary_c1_symbols(%a: tensor<?xf32, #fovea.dims<[B] -> (B)>>, %b: tensor<?xf32, #fovea.dims<[N] -> (N)>>) {
  // expected-error@+1 {{mul: shapes (B) and (N) do not broadcast}}
  %0 = fovea.mul %a, %b : (tensor<?xf32, #fovea.dims<[B] -> (B)>>, tensor<?xf32, #fovea.dims<[N] -> (N)>>) -> tensor<?xf32, #fovea.dims<[B] -> (B)>>
  return
}

// -----

func.func @binary_c2(%a: tensor<2xf32>, %b: tensor<2xf64>) {
  // expected-error@+1 {{requires the same element type for all operands}}
  %0 = fovea.add %a, %b : (tensor<2xf32>, tensor<2xf64>) -> tensor<2xf32>
  return
}

// -----

func.func @binary_result(%a: tensor<2xf32>) {
  // expected-error@+1 {{inferred type(s) 'tensor<2xf32>' are incompatible with return type(s) of operation 'tensor<3xf32>'}}
  %0 = fovea.add %a, %a : (tensor<2xf32>, tensor<2xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @compare_c1(%a: tensor<2xf32>, %b: tensor<3xf32>) {
  // expected-error@+1 {{compare: shapes (2) and (3) do not broadcast}}
  %0 = fovea.compare "eq" %a, %b : (tensor<2xf32>, tensor<3xf32>) -> tensor<2xi1>
  return
}

// -----

func.func @compare_c3(%a: tensor<2xf32>) {
  // expected-error@+1 {{compare: relation 'gt' is not known: it must be eq, ne, lt or le (c3)}}
  %0 = fovea.compare "gt" %a, %a : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xi1>
  return
}

// -----

func.func @select_c1(%c: tensor<2xi1>, %a: tensor<3xf32>, %b: tensor<f32>) {
  // expected-error@+1 {{select: shapes (2), (3) and () do not broadcast}}
  %0 = fovea.select %c, %a, %b : (tensor<2xi1>, tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
  return
}

// -----

func.func @select_c2(%c: tensor<2xi1>, %a: tensor<2xf32>, %b: tensor<2xi32>) {
  // expected-error@+1 {{select: a is of 'f32' and b of 'i32': cast one of them (c2)}}
  %0 = fovea.select %c, %a, %b : (tensor<2xi1>, tensor<2xf32>, tensor<2xi32>) -> tensor<2xf32>
  return
}

// -----

func.func @cast_c1(%x: tensor<2xf32>) {
  // expected-error@+1 {{requires the same shape for all operands and results}}
  %0 = fovea.cast %x : tensor<2xf32> to tensor<3xi32>
  return
}

// -----

func.func @cast_c1_symbols(%x: tensor<?xf32, #fovea.dims<[B] -> (B)>>) {
  // expected-error@+1 {{keeps the shape (c1), but turns (B) into (B * 2)}}
  %0 = fovea.cast %x : tensor<?xf32, #fovea.dims<[B] -> (B)>> to tensor<?xi32, #fovea.dims<[B] -> (B * 2)>>
  return
}

// -----

func.func @size_c1() {
  // expected-error@+1 {{gives one size as a tensor of rank 0 (c1)}}
  %0 = fovea.size <[B] -> (B, 2)> : tensor<f32>
  return
}

// -----

func.func @size_c1_rank() {
  // expected-error@+1 {{gives one size as a tensor of rank 0 (c1)}}
  %0 = fovea.size <[B] -> (B)> : tensor<1xf32>
  return
}
