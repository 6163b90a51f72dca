// RUN: fovea-opt %s -split-input-file -verify-diagnostics=only-expected

func.func @without_dims(%x: tensor<?xf32>) {
  // expected-error@+1 {{operand #0 must be f16, bf16, f32 or f64 tensor of up to 2^48 elements, each ? with its #fovea.dims, but got 'tensor<?xf32>'}}
  %0 = fovea.exp %x : tensor<?xf32>
  return
}

// -----

func.func @integers(%x: tensor<2xi32>) {
  // expected-error@+1 {{operand #0 must be f16, bf16, f32 or f64 tensor}}
  %0 = fovea.exp %x : tensor<2xi32>
  return
}

// -----

func.func @unranked(%x: tensor<*xf32>) {
  // expected-error@+1 {{invalid kind of type specified: expected builtin.tensor, but found 'tensor<*xf32>'}}
  %0 = fovea.reshape %x : tensor<*xf32> to tensor<2xf32>
  return
}

// -----

func.func @empty(%q: tensor<1x0x2x4xf32>) {
  // expected-error@+1 {{0 key heads do not divide 0 query heads (c3)}}
  %0, %1 = fovea.attention %q, %q, %q attributes {scale = 1.0} : (tensor<1x0x2x4xf32>, tensor<1x0x2x4xf32>, tensor<1x0x2x4xf32>) -> (tensor<1x0x2x4xf32>, tensor<1x0x2xf32>)
  return
}

// -----

func.func @huge(%x: tensor<4294967296x4294967296xf32>) {
  // expected-error@+1 {{operand #0 must be f16, bf16, f32 or f64 tensor of up to 2^48 elements}}
  %0 = fovea.exp %x : tensor<4294967296x4294967296xf32>
  return
}

// -----

func.func @element_type(%x: tensor<2xf80>) {
  // expected-error@+1 {{operand #0 must be f16, bf16, f32 or f64 tensor}}
  %0 = fovea.exp %x : tensor<2xf80>
  return
}

// -----

func.func @index(%x: tensor<2xindex>) {
  // expected-error@+1 {{operand #0 must be f16, bf16, f32, f64, i8, ui8, i32, i64 or i1 tensor of up to 2^48 elements}}
  %0 = fovea.slice %x {axis = 0, start = 0, size = 1} : (tensor<2xindex>) -> tensor<1xindex>
  return
}
