// RUN: fovea-opt %s -split-input-file -verify-diagnostics=only-expected

func.func @broadcast_c1(%x: tensor<2xf32>) {
  // expected-error@+1 {{cannot turn (2) of 'f32' into (2, 3) of 'f32': aligned at the last dimension, sizes must be equal or 1 (c1)}}
  %0 = fovea.broadcast %x : tensor<2xf32> to tensor<2x3xf32>
  return
}

// -----

func.func @broadcast_c1_smaller(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{cannot turn (2, 3) of 'f32' into (3) of 'f32'}}
  %0 = fovea.broadcast %x : tensor<2x3xf32> to tensor<3xf32>
  return
}

// -----

func.func @reshape_c1(%x: tensor<?x6xf32, #fovea.dims<[B] -> (B, 6)>>) {
  // expected-error@+1 {{keeps the number of elements (c1), but (B, 6) has B * 6 and (B * 3) has B * 3}}
  %0 = fovea.reshape %x : tensor<?x6xf32, #fovea.dims<[B] -> (B, 6)>> to tensor<?xf32, #fovea.dims<[B] -> (B * 3)>>
  return
}

// -----

func.func @reshape_c2(%x: tensor<6xf32>) {
  // expected-error@+1 {{keeps the element type (c2), but turns 'f32' into 'i32'}}
  %0 = fovea.reshape %x : tensor<6xf32> to tensor<2x3xi32>
  return
}

// -----

func.func @transpose_c1(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{transpose: [1, 1] is no order of the 2 dimensions of (2, 3): name each once (c1)}}
  %0 = fovea.transpose %x [1, 1] : (tensor<2x3xf32>) -> tensor<3x3xf32>
  return
}

// -----

func.func @transpose_c1_rank(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{transpose: [0, 1, 2] is no order of the 2 dimensions}}
  %0 = fovea.transpose %x [0, 1, 2] : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @slice_c1(%x: tensor<f32>) {
  // expected-error@+1 {{slice: axis 0 is outside a tensor of rank 0 (c1)}}
  %0 = fovea.slice %x {axis = 0, start = 0, size = 1} : (tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @slice_symbolic(%x: tensor<?xf32, #fovea.dims<[B] -> (B)>>) {
  // expected-error@+1 {{slice: axis 0 of (B) has a symbolic size: only constant ones can be cut}}
  %0 = fovea.slice %x {axis = 0, start = 0, size = 1} : (tensor<?xf32, #fovea.dims<[B] -> (B)>>) -> tensor<1xf32>
  return
}

// -----

func.func @slice_c2(%x: tensor<6xf32>) {
  // expected-error@+1 {{slice: 3 elements from 2 in steps of 2 do not lie within the 6 of axis 0 (c2)}}
  %0 = fovea.slice %x {axis = 0, start = 2, size = 3, step = 2} : (tensor<6xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @slice_c2_large(%x: tensor<6xf32>) {
  // expected-error@+1 {{do not lie within the 6 of axis 0 (c2)}}
  %0 = fovea.slice %x {axis = 0, start = 2, size = 9223372036854775807, step = 9223372036854775807} : (tensor<6xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @slice_c3(%x: tensor<6xf32>) {
  // expected-error@+1 {{slice: size -1 and step 1: the first must not be negative, the second at least 1 (c3)}}
  %0 = fovea.slice %x {axis = 0, start = 2, size = -1} : (tensor<6xf32>) -> tensor<1xf32>
  return
}

// -----

func.func @pad_c1(%x: tensor<6xf32>) {
  // expected-error@+1 {{pad: axis -1 is outside a tensor of rank 1 (c1)}}
  %0 = fovea.pad %x {axis = -1, low = 0, high = 1} : (tensor<6xf32>) -> tensor<7xf32>
  return
}

// -----

func.func @pad_c2(%x: tensor<6xf32>) {
  // expected-error@+1 {{pad: low -1, high 0 and step 1: the first two must not be negative, the step at least 1, and none huge (c2)}}
  %0 = fovea.pad %x {axis = 0, low = -1, high = 0} : (tensor<6xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @pad_c2_huge(%x: tensor<6xf32>) {
  // expected-error@+1 {{pad: low 9223372036854775807, high 9223372036854775807 and step 1}}
  %0 = fovea.pad %x {axis = 0, low = 9223372036854775807, high = 9223372036854775807} : (tensor<6xf32>) -> tensor<6xf32>
  return
}

// -----

func.func @concat_none() {
  // expected-error@+1 {{concat: needs at least one tensor}}
  %0 = fovea.concat {axis = 0} : () -> tensor<2xf32>
  return
}

// -----

func.func @concat_c1(%x: tensor<2xf32>) {
  // expected-error@+1 {{concat: axis 1 is outside a tensor of rank 1 (c1)}}
  %0 = fovea.concat %x, %x {axis = 1} : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @concat_c2(%x: tensor<2xf32>, %y: tensor<2x2xf32>) {
  // expected-error@+1 {{concat: (2) of 'f32' and (2, 2) of 'f32': all must have one rank and element type (c2)}}
  %0 = fovea.concat %x, %y {axis = 0} : (tensor<2xf32>, tensor<2x2xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @concat_c3(%x: tensor<2x3xf32>, %y: tensor<2x4xf32>) {
  // expected-error@+1 {{concat: (2, 3) and (2, 4) differ beside axis 0: all other sizes must be equal (c3)}}
  %0 = fovea.concat %x, %y {axis = 0} : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<4x3xf32>
  return
}

// -----

func.func @pack_c1(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{pack: (2, 3) has no axis 2 of constant size (c1)}}
  %0 = fovea.pack %x <axis = 2, size = 4> : (tensor<2x3xf32>) -> tensor<1x2x4xf32>
  return
}

// -----

func.func @unpack_c1(%x: tensor<2x3x4xf32>) {
  // expected-error@+1 {{gives (3, 9) of 'f32', which in #fovea.panels<axis = 1, size = 4> is not (2, 3, 4) of 'f32' (c1)}}
  %0 = fovea.unpack %x <axis = 1, size = 4> : tensor<2x3x4xf32> to tensor<3x9xf32>
  return
}

// -----

func.func @panels(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{panels: axis 0 and size 513: the axis counts from 0, the size is from 1 to 512}}
  %0 = fovea.pack %x <axis = 0, size = 513> : (tensor<2x3xf32>) -> tensor<1x3x513xf32>
  return
}
